"""Counters, gauges and histograms of a process, cheap enough for the path of every request.

A package asks the :class:`Metrics` that it is handed for its families once and keeps the cells; counting is then an
addition to an attribute. A process's figures leave it as one snapshot; the snapshots of all processes are merged and
rendered for Prometheus (:func:`render`). Where snapshots rest between the two is not known here.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from typing import Generic, TypeVar

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Upper bounds for durations of requests, commits and calls."""


class Merge(Enum):
    """How the figures of several processes become one."""

    SUM = "sum"
    MAX = "max"


class Counter:
    """Rises only. Add to `value`, or set `read` to what counts by itself, which is then asked at each snapshot."""

    __slots__ = ("read", "value")

    def __init__(self) -> None:
        self.value = 0.0
        self.read: Callable[[], float] | None = None

    def load(self, values: Sequence[float]) -> None:
        self.value = values[0]

    def save(self) -> list[float]:
        return [self.value if self.read is None else self.value + self.read()]


class Gauge:
    """Rises and falls. Set `value`, or set `read`, which is then asked at each snapshot."""

    __slots__ = ("read", "value")

    def __init__(self) -> None:
        self.value = 0.0
        self.read: Callable[[], float] | None = None

    def load(self, values: Sequence[float]) -> None:
        """A gauge says how things are now, so it begins anew with its process."""

    def save(self) -> list[float]:
        return [self.read() if self.read is not None else self.value]


class Histogram:
    """How many values lay up to each bound, and their sum."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def load(self, values: Sequence[float]) -> None:
        if len(values) == len(self.counts) + 1:  # else of another version of the program, with other bounds
            self.sum = values[0]
            self.counts = [int(count) for count in values[1:]]

    def save(self) -> list[float]:
        return [self.sum, *self.counts]


C = TypeVar("C", Counter, Gauge, Histogram)


class Family(Generic[C]):
    """One metric with all its combinations of label values."""

    def __init__(self, name: str, text: str, labels: Sequence[str], make: Callable[[], C], merge: Merge) -> None:
        self.name = name
        self.text = text
        self.labels = tuple(labels)
        self.merge = merge
        self.cells: dict[tuple[str, ...], C] = {}
        self.make: Callable[[], C] = make

    def cell(self, *values: str) -> C:
        """The cell for these label values, in the order of the family's labels. Keep it: looking it up costs."""
        found = self.cells.get(values)
        if found is None:
            if len(values) != len(self.labels):
                msg = f"{self.name} has the labels {self.labels}, not {len(values)} of them"
                raise ValueError(msg)
            found = self.cells[values] = self.make()
        return found


Families = dict[str, Family[Counter] | Family[Gauge] | Family[Histogram]]


class Row(msgspec.Struct, frozen=True, array_like=True):
    """One cell of one process in a snapshot."""

    name: str
    labels: tuple[str, ...]
    values: list[float]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Row]).decode


class Metrics:
    """All families of a process. Declared at boot, before the fork, so that every process has the same."""

    def __init__(self) -> None:
        self._families: Families = {}

    def counter(self, name: str, text: str, labels: Sequence[str] = ()) -> Family[Counter]:
        """A counter; its name ends in ``_total``."""
        return self._declare(Family(name, text, labels, Counter, Merge.SUM))

    def gauge(self, name: str, text: str, labels: Sequence[str] = (), *, merge: Merge = Merge.SUM) -> Family[Gauge]:
        return self._declare(Family(name, text, labels, Gauge, merge))

    def histogram(
        self, name: str, text: str, labels: Sequence[str] = (), *, bounds: Sequence[float] = SECONDS
    ) -> Family[Histogram]:
        return self._declare(Family(name, text, labels, lambda: Histogram(bounds), Merge.SUM))

    def _declare(self, family: Family[C]) -> Family[C]:
        if family.name in self._families:
            msg = f"{family.name} is declared twice"
            raise ValueError(msg)
        self._families[family.name] = family
        return family

    @property
    def families(self) -> Iterable[Family[Counter] | Family[Gauge] | Family[Histogram]]:
        return self._families.values()

    def snapshot(self) -> bytes:
        """The process's figures, to be handed to :func:`render` in any process of the same program."""
        return _encode(
            [
                Row(family.name, labels, cell.save())
                for family in self._families.values()
                for labels, cell in family.cells.items()
            ]
        )

    def resume(self, snapshot: bytes) -> None:
        """Go on counting where another process stopped, so that a restart of one does not look like a loss."""
        for row in _decode(snapshot):
            family = self._families.get(row.name)
            if family is not None:
                family.cell(*row.labels).load(row.values)

    def render(self, living: Iterable[bytes], ended: Iterable[bytes] = ()) -> bytes:
        """The merged figures of several processes in Prometheus's text format.

        :param ended: last snapshots of processes that are no more: what they counted stays counted, their gauges end.
        """
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Merged(self._families, living, ended))
        return generate_latest(registry)


def rows(snapshots: Iterable[bytes]) -> Iterator[Row]:
    """Every cell of several snapshots, one process after the other."""
    for snapshot in snapshots:
        yield from _decode(snapshot)


class _Merged(Collector):
    """Hands merged snapshots to prometheus-client."""

    def __init__(self, families: Families, living: Iterable[bytes], ended: Iterable[bytes]) -> None:
        self._families = families
        self._cells: dict[str, dict[tuple[str, ...], list[float]]] = {name: {} for name in families}
        self._widths = {name: len(family.make().save()) for name, family in families.items()}
        for row in rows(living):
            if row.name in families:
                self._add(row)
        for row in rows(ended):
            if row.name in families and not isinstance(families[row.name].make(), Gauge):
                self._add(row)

    def _add(self, row: Row) -> None:
        cells = self._cells[row.name]
        present = cells.get(row.labels)
        if len(row.values) != self._widths[row.name]:
            return  # of another version of the program, which is about to be replaced
        if present is None:
            cells[row.labels] = list(row.values)
        elif self._families[row.name].merge is Merge.MAX:
            cells[row.labels] = [max(pair) for pair in zip(present, row.values, strict=True)]
        else:
            cells[row.labels] = [sum(pair) for pair in zip(present, row.values, strict=True)]

    def collect(self) -> Iterator[Metric]:
        for name, family in self._families.items():
            kind = family.make()
            if isinstance(kind, Histogram):
                yield self._histogram(name, family.text, family.labels, kind.bounds)
            else:
                make = CounterMetricFamily if isinstance(kind, Counter) else GaugeMetricFamily
                metric = make(name, family.text, labels=family.labels)
                for labels, values in self._cells[name].items():
                    metric.add_metric(labels, values[0])
                yield metric

    def _histogram(self, name: str, text: str, labels: Sequence[str], bounds: Sequence[float]) -> Metric:
        metric = HistogramMetricFamily(name, text, labels=labels)
        for values, (total, *counts) in self._cells[name].items():
            running = 0.0
            buckets = []
            for bound, count in zip((*(str(bound) for bound in bounds), "+Inf"), counts, strict=True):
                running += count
                buckets.append((bound, running))
            metric.add_metric(values, buckets, total)
        return metric
