"""A histogram of durations with a bounded error, cheap to record into and to merge."""

from __future__ import annotations

import msgspec

PRECISION_BITS = 6
"""Buckets split each power of two of a microsecond in 64, so a percentile is at most 1.6 % off."""


class Latencies(msgspec.Struct):
    """Durations in seconds; `buckets` maps a logarithmic bucket number to its count."""

    buckets: dict[int, int] = {}
    count: int = 0
    total: float = 0.0
    longest: float = 0.0

    def record(self, seconds: float) -> None:
        micros = int(seconds * 1e6)
        shift = max(0, micros.bit_length() - PRECISION_BITS - 1)
        bucket = (shift << PRECISION_BITS) + (micros >> shift)
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1
        self.count += 1
        self.total += seconds
        if seconds > self.longest:
            self.longest = seconds

    def merge(self, other: Latencies) -> None:
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count
        self.count += other.count
        self.total += other.total
        self.longest = max(self.longest, other.longest)

    def percentile(self, share: float) -> float:
        """The duration in seconds that `share` (0 to 1) of the recorded ones do not exceed; 0 when there is none."""
        wanted = share * self.count
        seen = 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= wanted:
                return min(_upper_edge(bucket) / 1e6, self.longest)
        return 0.0


def _upper_edge(bucket: int) -> int:
    """The first microsecond past a bucket. (The leading bit of a mantissa counts into the bucket's upper part.)"""
    shift = max(0, (bucket >> PRECISION_BITS) - 1)
    return (bucket - (shift << PRECISION_BITS) + 1) << shift
