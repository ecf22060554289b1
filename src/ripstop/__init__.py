"""Ripstop: a public-conversation server for the day when everybody arrives at once."""

__version__ = "0.1.0"
