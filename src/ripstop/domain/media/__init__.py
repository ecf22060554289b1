"""Pictures that people upload: made anew, kept as blobs, shown by profiles and posts."""
