"""Rate limits: how often one account, or one network, may ask in a period.

Periods are those of the clock, the same for all, so that a count needs no instant of its own. Whoever asks more often
is refused (429) until the next one begins. Counts live in memory that the HTTP processes of a machine share; each
machine counts for itself.

Whoever asks from this machine itself, or from a proxy that names nobody, is not counted: operators, benches and
rehearsals send thousands of requests a second.
"""

import math
import mmap
from dataclasses import dataclass
from datetime import UTC, datetime

from ripstop.kernel.clock import Clock
from ripstop.kernel.errors import TooManyRequests
from ripstop.kernel.metrics import Metrics
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.response import Headers
from ripstop.surfaces.http.routing import Endpoint, Quota

SHORT, LONG = 5, 30
"""Minutes of a period: of requests, and of what is dear. As with Mastodon, to which clients pace themselves."""
MANY, FEW = 1 << 17, 1 << 14
"""Sizes of their tables; together 2.5 MB of a machine."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How often in a period; 0: without bound.

    `account` and `network` are requests of the API, under a user's token and without one; `forms_…` are forms of pages.
    """

    account: int
    network: int
    uploads: int
    deletes: int
    sign_ups: int
    exports: int = 0
    forms_account: int = 0
    forms_session: int = 0
    forms_network: int = 0


class Counters:
    """Counts by key in one period, in memory that is shared by processes which are forked after it was made.

    It is a hash table: beside each count stands a part of its key's hash. Processes do not wait for each other, so of
    two requests of the same moment one may not be counted, and in a full table new keys are not: that is near enough
    for a limit, and costs half a microsecond.

    :param size: a power of two.
    """

    PROBES = 8

    def __init__(self, size: int) -> None:
        self._last = size - 1
        self._tags = memoryview(mmap.mmap(-1, 4 * size)).cast("I")
        self._counts = memoryview(mmap.mmap(-1, 4 * size)).cast("I")
        self._begun = memoryview(mmap.mmap(-1, 8)).cast("Q")

    def begin(self, period: int) -> None:
        """Forget what was counted before this period, unless another process has done so."""
        if self._begun[0] != period:
            if self._begun[0]:
                self._tags[:] = memoryview(bytes(4 * len(self._tags))).cast("I")
            self._begun[0] = period

    def add(self, key: int | str) -> int:
        """Count one more; how many that makes."""
        tags, counts, last = self._tags, self._counts, self._last
        hashed = hash((key,))
        place = hashed & last
        tag = (hashed >> 24) & 0x3FFF_FFFF or 1
        if tags[place] != tag:
            places = [probe & last for probe in range(hashed, hashed + self.PROBES)]
            place = next((place for place in places if tags[place] in (tag, 0)), -1)
            if place < 0:
                return 1
            if not tags[place]:
                tags[place] = tag
                counts[place] = 0
        count = counts[place] = counts[place] + 1
        return count


class Rule:
    """One limit.

    :param limit: how often in a period; 0: without bound.
    """

    def __init__(self, limit: int, *, minutes: int, size: int) -> None:
        self.limit = limit
        self.minutes = minutes
        self.end_ms = 0
        self.uncounted: Headers | None = None
        self.counters = Counters(size)
        self._limit_header = ("x-ratelimit-limit", str(limit))
        self._reset_header = ("x-ratelimit-reset", "")

    def turn(self, now_ms: int) -> None:
        """Begin the period that this instant is in."""
        length = self.minutes * 60_000
        period = now_ms // length
        self.counters.begin(period)
        self.end_ms = (period + 1) * length
        self._reset_header = ("x-ratelimit-reset", _instant(self.end_ms))
        if self.limit:
            self.uncounted = self.headers(self.limit)

    def headers(self, left: int) -> Headers:
        """What a client is told, by which it can pace itself."""
        return [self._limit_header, ("x-ratelimit-remaining", f"{left}"), self._reset_header]


class Rates:
    """All limits of one machine. Made before its processes are forked."""

    def __init__(self, limits: Limits, *, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._monotonic = clock.monotonic
        self._turns_at = float("-inf")
        self._account = Rule(limits.account, minutes=SHORT, size=MANY)
        self._network = Rule(limits.network, minutes=SHORT, size=MANY)
        dear = {
            Quota.UPLOADS: limits.uploads,
            Quota.DELETES: limits.deletes,
            Quota.SIGN_UPS: limits.sign_ups,
            Quota.EXPORTS: limits.exports,
        }
        self._dear = {quota: Rule(limit, minutes=LONG, size=FEW) for quota, limit in dear.items()}
        self._form_account = Rule(limits.forms_account, minutes=SHORT, size=FEW)
        self._form_session = Rule(limits.forms_session, minutes=SHORT, size=FEW)
        self._form_network = Rule(limits.forms_network, minutes=SHORT, size=FEW)
        refused = metrics.counter("ripstop_rate_limited_requests_total", "Requests refused by a rate limit.")
        self._refused = refused.cell()

    def admit(self, request: Request, endpoint: Endpoint) -> None:
        """Count a request, whose `rate` becomes what its answer tells of the limit.

        :raises TooManyRequests: it is beyond the limit.
        """
        quota = endpoint.quota
        if quota is None:
            return
        self._begin_periods()
        viewer = request.viewer
        account = None if viewer is None else viewer.account
        rule = self._network if account is None else self._account
        network = request.network
        if not network:
            request.rate = rule.uncounted
            return
        self._take(request, rule, account or network)
        if endpoint.is_dear:
            self._take(request, self._dear[quota], network if quota is Quota.SIGN_UPS else account or network)

    def admit_form(self, request: Request, *, account: int | None = None, session: int | None = None) -> None:
        """Count a form of a page, by where it comes from, and by whom if anybody is logged in there.

        :raises TooManyRequests: it is beyond a limit.
        """
        self._begin_periods()
        if not request.network:
            return
        self._take_form(self._form_network, request.network)
        if account is not None and session is not None:
            self._take_form(self._form_account, account)
            self._take_form(self._form_session, session)

    def admit_dear(self, request: Request, quota: Quota, account: int) -> None:
        """Count what is dear as one of the same by the API, where only the handler of a page knows by whom it is.

        :raises TooManyRequests: it is beyond the limit.
        """
        self._begin_periods()
        if request.network:
            self._take_form(self._dear[quota], account)

    def _take_form(self, rule: Rule, key: int | str) -> None:
        if rule.limit and rule.counters.add(key) > rule.limit:
            seconds = (rule.end_ms - self._clock.now_ms()) / 1_000
            minutes = max(1, math.ceil(seconds / 60))
            wait = "a minute" if minutes == 1 else f"{minutes} minutes"
            self._refused.value += 1
            raise TooManyRequests(f"This is too often. Please try again in {wait}.", retry_after=seconds)

    def _take(self, request: Request, rule: Rule, key: int | str) -> None:
        limit = rule.limit
        if not limit:
            return
        left = limit - rule.counters.add(key)
        if left >= 0:
            request.rate = rule.headers(left)
            return
        request.rate = rule.headers(0)
        self._refused.value += 1
        sentence = f"Too many requests: {limit:,} in {rule.minutes} minutes are allowed. Try again later."
        raise TooManyRequests(sentence, retry_after=(rule.end_ms - self._clock.now_ms()) / 1_000)

    def _begin_periods(self) -> None:
        """Begin the periods of this moment, if they have not; the long ones begin with a short one."""
        if self._monotonic() < self._turns_at:
            return
        now_ms = self._clock.now_ms()
        forms = (self._form_account, self._form_session, self._form_network)
        for rule in (self._account, self._network, *forms, *self._dear.values()):
            rule.turn(now_ms)
        self._turns_at = self._monotonic() + (self._account.end_ms - now_ms) / 1_000


def _instant(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
