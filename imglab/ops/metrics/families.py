"""Figures in the shape that Prometheus' library writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)

from imglab.workers.figures import BOUNDS_S, Histogram

#: The label that says which queue, or which worker, a figure is of; and its value.
Owner = tuple[str, str]


def gauge(name: str, help_text: str, owner: Owner, value: float) -> GaugeMetricFamily:
    """One figure that goes up and down."""
    family = GaugeMetricFamily(name, help_text, labels=[owner[0]])
    family.add_metric([owner[1]], _number(value))
    return family


def gauges(
    name: str,
    help_text: str,
    owner: Owner,
    labels: Sequence[str],
    values: Iterable[tuple[tuple[str, ...], float]],
) -> GaugeMetricFamily:
    """Figures that go up and down, each with its values of further labels."""
    family = GaugeMetricFamily(name, help_text, labels=[owner[0], *labels])
    for each, value in values:
        family.add_metric([owner[1], *each], _number(value))
    return family


def counter(name: str, help_text: str, owner: Owner, value: float) -> CounterMetricFamily:
    """One figure that only grows; its `_total` is added when it is written."""
    family = CounterMetricFamily(name, help_text, labels=[owner[0]])
    family.add_metric([owner[1]], _number(value))
    return family


def counters(
    name: str, help_text: str, owner: Owner, label: str, values: Mapping[str, float]
) -> CounterMetricFamily:
    """Figures that only grow, by the value of one further label."""
    family = CounterMetricFamily(name, help_text, labels=[owner[0], label])
    for each, value in values.items():
        family.add_metric([owner[1], each], _number(value))
    return family


def histogram(name: str, help_text: str, owner: Owner, times: Histogram) -> HistogramMetricFamily:
    """Times in seconds, by how long they were."""
    ends = [*(str(float(bound)) for bound in BOUNDS_S), "+Inf"]
    family = HistogramMetricFamily(name, help_text, labels=[owner[0]])
    buckets = list(zip(ends, times.up_to(), strict=True))
    family.add_metric([owner[1]], buckets, sum_value=times.sum)
    return family


def _number(value: float) -> float:
    """The figure; infinite where somebody wrote more digits into Redis than a float can hold."""
    try:
        return float(value)
    except OverflowError:
        return float("inf")
