"""The archive of one account: everything that is its owner's, in forms that other programs read."""

from ripstop.surfaces.archive.write import stream_archive, write_archive

__all__ = ["stream_archive", "write_archive"]
