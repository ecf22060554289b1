"""Posts: writing, deleting, answering, liking, reposting, bookmarking them."""
