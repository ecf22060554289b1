"""`python -m ripstop.rehearsal`, the same as `ripstop rehearse`."""

from __future__ import annotations

from ripstop.rehearsal.cli import app

if __name__ == "__main__":
    app()
