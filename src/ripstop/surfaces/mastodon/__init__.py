"""The Mastodon client API: one file per resource, `present/` with one file per entity."""
