"""The streaming API of Mastodon: what happens, told while it happens, over WebSockets and event streams."""
