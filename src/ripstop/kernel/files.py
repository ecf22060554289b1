"""What is asked of the disk."""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Have the disk keep what is in a file, or which names are in a folder; it does on return.

    :raises OSError: it cannot.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
