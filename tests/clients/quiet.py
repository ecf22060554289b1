"""Warnings that are of a client's own making, and none of our concern."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quietly() -> Iterator[None]:
    """Without warnings, which are errors in our tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
