"""Who in this process wants which topic."""

import logging
from collections.abc import Iterable

from ripstop.machinery.bus.base import Handler, Unsubscribe

logger = logging.getLogger(__name__)

EVERY_HEAD = "*"


def head_of(topic: str) -> str:
    """What stands before the first ``/`` of a topic; all of it if there is none."""
    return topic.partition("/")[0]


class Subscriptions:
    """Handlers by exact topic and by prefix, and the set of topic heads that they make interesting."""

    def __init__(self) -> None:
        self._exact: dict[str, list[Handler]] = {}
        self._prefixes: dict[str, list[Handler]] = {}

    def add(self, topic: str, handler: Handler) -> Unsubscribe:
        """Remember a handler. See `Bus.subscribe`."""
        if topic.endswith("*"):
            key, table = topic[:-1], self._prefixes
            if key and "/" not in key:
                raise ValueError(f"The subscription {topic!r} does not name a whole head; end the head with '/'.")
        else:
            key, table = topic, self._exact
        table.setdefault(key, []).append(handler)
        active = True

        def unsubscribe() -> None:
            nonlocal active
            if active:
                active = False
                table[key].remove(handler)
                if not table[key]:
                    del table[key]

        return unsubscribe

    def heads(self) -> frozenset[str]:
        """Heads of all topics that somebody here wants; holds ``*`` when somebody wants everything."""
        return frozenset(head_of(key) or EVERY_HEAD for key in (*self._exact, *self._prefixes))

    def handlers(self, topic: str) -> Iterable[Handler]:
        """All handlers of one topic."""
        found = list(self._exact.get(topic, ()))
        for prefix, handlers in self._prefixes.items():
            if topic.startswith(prefix):
                found.extend(handlers)
        return found

    def deliver(self, topic: str, payload: bytes) -> None:
        """Run all handlers of a topic; one that raises is logged and does not keep the others from it."""
        for handler in self.handlers(topic):
            try:
                handler(topic, payload)
            except Exception:
                logger.exception("A handler of the topic %s failed.", topic)
