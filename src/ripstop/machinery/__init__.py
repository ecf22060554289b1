"""Graph, functions, keyspaces and bus: the machinery that knows nothing of posts or people."""
