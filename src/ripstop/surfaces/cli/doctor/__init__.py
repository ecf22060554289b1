"""`ripstop doctor`: looks at an installation from all sides, and says what is wrong and how to mend it."""

from ripstop.surfaces.cli.doctor.command import register

__all__ = ["register"]
