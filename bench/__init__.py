"""Measures the server: CPU per request and its growth, beside the ceilings of the machine. See README.md."""
