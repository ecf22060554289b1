"""Feeds: home, the local timeline, what an account posted, threads."""

from ripstop.domain.feeds.fan_out import FanOut, LowWater
from ripstop.domain.feeds.home import Home
from ripstop.domain.feeds.lists import list_timeline
from ripstop.domain.feeds.page import Page, Window
from ripstop.domain.feeds.tags import tag_timeline
from ripstop.domain.feeds.thread import Context, thread_context
from ripstop.domain.feeds.timelines import account_posts, local_timeline, pinned_posts

__all__ = [
    "Context",
    "FanOut",
    "Home",
    "LowWater",
    "Page",
    "Window",
    "account_posts",
    "list_timeline",
    "local_timeline",
    "pinned_posts",
    "tag_timeline",
    "thread_context",
]
