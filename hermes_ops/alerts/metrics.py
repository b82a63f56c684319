"""Metrics in the text format of Prometheus, for the textfile collector of a node exporter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """One gauge: its name, what it tells, and its samples as pairs of labels and value."""

    name: str
    help: str
    samples: Sequence[tuple[Mapping[str, str], float]]


def exposition(metrics: Iterable[Metric]) -> str:
    """Return the text of a file with these metrics; one without samples is left out."""
    return "".join(line for metric in metrics if metric.samples for line in _lines(metric))


def _lines(metric: Metric) -> Iterable[str]:
    yield f"# HELP {metric.name} {_escaped(metric.help, quotes=False)}\n"
    yield f"# TYPE {metric.name} gauge\n"
    for labels, value in metric.samples:
        pairs = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        yield f"{metric.name}{f'{{{pairs}}}' if pairs else ''} {value:.15g}\n"


def _escaped(text: str, *, quotes: bool = True) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quotes else text
