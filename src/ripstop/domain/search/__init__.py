"""Finding accounts, hashtags and posts by what is typed."""
