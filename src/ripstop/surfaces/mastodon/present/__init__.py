"""Entities of the Mastodon client API, from what the domain says to JSON."""
