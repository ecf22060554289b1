"""The command line: one file for each group of commands. What the commands do is handed in by `ripstop.__main__`."""

from ripstop.surfaces.cli.app import build

__all__ = ["build"]
