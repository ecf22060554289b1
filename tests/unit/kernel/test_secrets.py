"""The server's secret, and seals."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ripstop.kernel.secrets import Secrets, SecretUnusable, Unopenable, load

ONE = Secrets(b"1" * 32)
OTHER = Secrets(b"2" * 32)


def test_what_is_sealed_opens_under_the_same_secret_purpose_and_owner() -> None:
    sealed = ONE.seal(b"hunter2", "password", bound_to="17")
    assert "hunter2" not in sealed
    assert ONE.open(sealed, "password", bound_to="17") == b"hunter2"
    assert ONE.seal(b"hunter2", "password", bound_to="17") != sealed, "every seal is another"


@pytest.mark.parametrize(
    "attempt",
    [
        lambda sealed: OTHER.open(sealed, "password", bound_to="17"),
        lambda sealed: ONE.open(sealed, "other", bound_to="17"),
        lambda sealed: ONE.open(sealed, "password", bound_to="18"),
        lambda sealed: ONE.open(sealed[:-4] + "AAAA", "password", bound_to="17"),
        lambda sealed: ONE.open(sealed[:10], "password", bound_to="17"),
        lambda sealed: ONE.open("2." + sealed[2:], "password", bound_to="17"),
        lambda _: ONE.open("", "password", bound_to="17"),
        lambda _: ONE.open("1.ä", "password", bound_to="17"),
    ],
)
def test_nothing_else_opens_it(attempt: Callable[[str], bytes]) -> None:
    sealed = ONE.seal(b"hunter2", "password", bound_to="17")
    with pytest.raises(Unopenable):
        attempt(sealed)


def test_keys_differ_by_purpose_and_secret() -> None:
    keys = {ONE.key("a"), ONE.key("b"), OTHER.key("a")}
    assert len(keys) == 3
    assert ONE.key("a") == Secrets(b"1" * 32).key("a")


def test_a_secret_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: load(path).key("a"), range(8)))
    assert len(set(found)) == 1, "of those who start at once, one makes it"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [child.name for child in tmp_path.iterdir()] == ["secret"]


def test_a_damaged_or_unreachable_secret_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"short")
    with pytest.raises(SecretUnusable, match=r"is damaged: it has 5 bytes, not 32\."):
        load(tmp_path / "secret")
    with pytest.raises(SecretUnusable, match="cannot be used: No such file or directory"):
        load(tmp_path / "nowhere" / "secret")
