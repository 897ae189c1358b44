"""Numbers of the statistics as bars, ready to draw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from history_service.models import Summary

MOST_BARS = 15  # labels or versions in a chart; what more there are share one
MOST_DAYS = 30


@dataclass(frozen=True)
class Bar:
    """One bar. percent: its length against the longest, 0 to 100; low: drawn as a warning."""

    name: str
    count: int
    percent: float
    low: bool = False


@dataclass(frozen=True)
class Statistics:
    """A summary with its charts."""

    summary: Summary
    labels: list[Bar]
    versions: list[Bar]
    days: list[Bar]
    confidence: list[Bar]

    @classmethod
    def of(cls, summary: Summary, unsure_below: float) -> Statistics:
        return cls(
            summary,
            labels=_largest(_in_plain_words(summary.by_label)),
            versions=_largest(summary.by_version),
            days=_bars(_last_days(summary.by_day).items()),
            confidence=_confidence(summary.confidence_histogram, unsure_below),
        )


def plain(label: str) -> str:
    """A label in plain words: tennis_ball → Tennis ball."""
    words = label.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:] or "?"


def _in_plain_words(by_label: dict[str, int]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for name, n in by_label.items():
        counts[plain(name)] += n  # tennis_ball and tennis-ball read alike
    return counts


def _bars(counts: Iterable[tuple[str, int]]) -> list[Bar]:
    counts = list(counts)
    longest = max((n for _, n in counts), default=0) or 1
    return [Bar(name, n, round(100 * n / longest, 2)) for name, n in counts]


def _largest(counts: dict[str, int]) -> list[Bar]:
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    shown, rest = ordered[:MOST_BARS], ordered[MOST_BARS:]
    if rest:
        name = "1 other" if len(rest) == 1 else f"{len(rest)} others"
        shown.append((name, sum(n for _, n in rest)))
    return _bars(shown)


def _last_days(by_day: dict[str, int]) -> dict[str, int]:
    """The last days up to the newest prediction, those without any included."""
    if not by_day:
        return {}
    newest = date.fromisoformat(max(by_day))
    days = [newest - timedelta(days=back) for back in reversed(range(MOST_DAYS))]
    return {f"{day:%d %b}": by_day.get(day.isoformat(), 0) for day in days}


def _confidence(histogram: list[int], unsure_below: float) -> list[Bar]:
    width = 100 / len(histogram)
    names = [f"{i * width:.0f} to {(i + 1) * width:.0f} %" for i in range(len(histogram))]
    bars = _bars(zip(names, histogram, strict=True))
    edge = round(unsure_below * len(histogram))
    return [Bar(bar.name, bar.count, bar.percent, i < edge) for i, bar in enumerate(bars)]
