"""Who of those that watch is to hear of what happens: streams, what reaches them, and for whom."""

from ripstop.domain.streams.following import Following
from ripstop.domain.streams.reach import Kind, Stream, allowed, public_streams

__all__ = ["Following", "Kind", "Stream", "allowed", "public_streams"]
