"""What search stands on beside the names of accounts: a name for each hashtag, and a text index of posts."""

POSTS = "posts"
"""The text index of public posts whose authors agreed to be searched (`Account.indexable`)."""

TEXT_INDEXES = frozenset({POSTS})

HASHTAGS = "tag"
"""The space of names in which hashtags are found by their beginning."""


def hashtag_name(tag: str) -> str:
    """The name by which a hashtag, in lower case, is found; its holder is `tag_id` of it."""
    return f"tag/{tag}"


def author_filter(author: int) -> str:
    """The filter that all posts of one author have."""
    return "author:" + str(author)
