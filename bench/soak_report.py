"""What comes of a soak: slopes with their intervals, a verdict, JSON and a plot."""

from __future__ import annotations

import json
import random
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from chaos_kit import median, quantile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from soak_watch import Sample

WARM_SHARE = 0.4
"""What the first part of the run says of memory is how LiteLLM fills its caches."""

BLOCK = 8
"""Neighbouring samples are alike, so whole runs of so many are drawn."""

DRAWS = 2_000
LEAST = 16
"""Of fewer samples nothing is said."""

LEAST_S = 480.0
"""Nor of memory over less time: LiteLLM's caches fill for minutes, and an hour is far away."""

MB_AN_HOUR = 12.0
"""So much a worker's memory may grow beyond LiteLLM's own, where that was measured, by the lower end of its
slope's interval: less may be noise."""

LATER_RATIO = 1.5
"""By how much the median latency of undisturbed requests may rise from the middle to the end of the run."""

_HOUR_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Slope:
    """How something grows by the hour, with a 95 % interval; of ``count`` samples after the warm-up."""

    an_hour: float
    low: float
    high: float
    count: int
    first: float
    last: float

    def text(self, unit: str) -> str:
        return (
            f"{self.an_hour:+.1f} [{self.low:+.1f}, {self.high:+.1f}] {unit} an hour"
            f" ({self.first:.0f} -> {self.last:.0f}, {self.count} samples)"
        )


def slope(points: Sequence[tuple[float, float]], seed: int = 1) -> Slope | None:
    """The least-squares slope through ``(seconds, value)``, its interval by drawing blocks of residuals."""
    if len(points) < LEAST or points[-1][0] - points[0][0] < LEAST_S:
        return None
    times, values = [t for t, _ in points], [v for _, v in points]
    grows, at = _line(times, values)
    rest = [v - at - grows * t for t, v in points]
    draw = random.Random(seed)
    starts = range(len(rest) - BLOCK + 1)
    found = []
    for _ in range(DRAWS):
        drawn: list[float] = []
        while len(drawn) < len(rest):
            start = draw.choice(starts)
            drawn += rest[start : start + BLOCK]
        again = [at + grows * t + r for t, r in zip(times, drawn, strict=False)]
        found.append(_line(times, again)[0] * _HOUR_S)
    found.sort()
    low, high = found[int(0.025 * DRAWS)], found[int(0.975 * DRAWS)]
    return Slope(grows * _HOUR_S, low, high, len(points), values[0], values[-1])


def _line(times: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    mean_t, mean_v = sum(times) / len(times), sum(values) / len(values)
    spread = sum((t - mean_t) ** 2 for t in times)
    grows = sum((t - mean_t) * (v - mean_v) for t, v in zip(times, values, strict=True)) / spread
    return grows, mean_v - grows * mean_t


def of_worker(samples: Sequence[Sample], pid: int, what: str) -> list[tuple[float, float]]:
    """What the samples after a worker's own warm-up say of it: one that was started anew warms up too."""
    points = [(s.at_s, s.workers[pid][what]) for s in samples if pid in s.workers]
    if not points:
        return []
    whole = samples[-1].at_s
    begin = points[0][0] + WARM_SHARE * whole
    return [(t, v) for t, v in points if t >= begin]


def growing(rows: Sequence[dict[str, Any]]) -> dict[str, tuple[int, int]]:
    """Containers of ours that only ever grew, by the way to them: how large in the middle and at the end."""
    sized = [row["sizes"] for row in rows if "sizes" in row]
    if len(sized) < LEAST:
        return {}
    half, found = len(sized) // 2, {}
    for way in sized[-1]:
        sizes = [one.get(way, 0) for one in sized]
        early, late = max(sizes[:half]), min(sizes[half + half // 2 :])
        if late > 1.2 * early and late > early + 20:
            found[way] = (early, sizes[-1])
    return found


def leaking_tasks(rows: Sequence[dict[str, Any]]) -> tuple[float, float] | None:
    """The median number of tasks in the second and in the last quarter; None where too little is known."""
    counts = [float(row["tasks"]) for row in rows if "tasks" in row]
    if len(counts) < LEAST:
        return None
    quarter = len(counts) // 4
    return median(counts[quarter : 2 * quarter]), median(counts[-quarter:])


def latencies(samples: Sequence[Sample]) -> list[str]:
    """Undisturbed latency in each quarter of the run."""
    rows = [f"{'':12}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}   medians over undisturbed samples"]
    for i, some in enumerate(quarters(samples)):
        p50, p95, p99 = (median([getattr(s, n) for s in some]) for n in ("p50_ms", "p95_ms", "p99_ms"))
        rows.append(f"quarter {i + 1:<4}{p50:>9.1f}{p95:>9.1f}{p99:>9.1f}")
    return rows


def quarters(samples: Sequence[Sample]) -> list[list[Sample]]:
    """The undisturbed samples, by quarters of the run."""
    if not samples:
        return [[], [], [], []]
    whole = samples[-1].at_s
    calm = [s for s in samples if s.phase == "normal" and s.p50_ms]
    return [[s for s in calm if i * whole / 4 <= s.at_s < (i + 1) * whole / 4 + 1e-9] for i in range(4)]


def is_slower(samples: Sequence[Sample]) -> bool:
    """Whether the last quarter is slower than the second by more than it may."""
    _, second, _, last = ([s.p50_ms for s in some] for some in quarters(samples))
    return bool(second and last) and median(last) > LATER_RATIO * median(second)


def write(folder: Path, told: dict[str, Any], samples: Sequence[Sample]) -> Path:
    """Everything as JSON; where it is."""
    path = folder / "soak.json"
    found = {**told, "samples": [asdict(s) for s in samples]}
    path.write_text(json.dumps(found, indent=1, default=str) + "\n", encoding="utf-8")
    return path


def grew(folder: Path) -> float:
    """How much a worker grew in an earlier run, in MB an hour, where there was one: the worst of them."""
    path = folder / "soak.json"
    if not path.exists():
        return 0.0
    workers = [v for k, v in json.loads(path.read_text(encoding="utf-8")).items() if k.startswith("worker ")]
    return max((w["mb_an_hour"] for w in workers if w.get("mb_an_hour") is not None), default=0.0)


def plot(folder: Path, samples: Sequence[Sample], events: Sequence[tuple[float, str]]) -> Path | None:
    """Memory, connections, latency and money over time; None without matplotlib."""
    try:
        import matplotlib as mpl  # noqa: PLC0415 - the extra `plots`

        mpl.use("Agg")
        import matplotlib.pyplot as plt  # noqa: PLC0415 - as above
    except ImportError:
        return None
    figure, rows = plt.subplots(5, 1, figsize=(11, 13), sharex=True, layout="constrained")
    minutes = [s.at_s / 60 for s in samples]
    for pid in sorted({p for s in samples for p in s.workers}):
        own = [(s.at_s / 60, s.workers[pid]) for s in samples if pid in s.workers]
        rows[0].plot([t for t, _ in own], [w["rss_mb"] for _, w in own], marker=".", label=f"worker {pid}")
        rows[1].plot([t for t, _ in own], [w["fds"] for _, w in own], marker=".", label=f"worker {pid}")
    for name in ("p50_ms", "p95_ms", "p99_ms"):
        rows[2].plot(minutes, [getattr(s, name) or None for s in samples], label=name.partition("_")[0])
    rows[3].plot(minutes, [s.redis.get("used_mb") for s in samples], label="Redis, MB")
    rows[3].plot(minutes, [s.spooled for s in samples], label="costs in the spool")
    rows[4].plot(
        minutes,
        [s.blue_usd if s.store_ok else None for s in samples],
        label="spent by team blue in its hour, $",
    )
    says = ("resident memory, MB", "open files", "latency, ms", "the store", "a budget")
    for row, said in zip(rows, says, strict=True):
        row.set_ylabel(said)
        row.legend(loc="lower right", fontsize=8)
        row.grid(alpha=0.3)
        for at_s, what in events:
            if what != "normal":
                row.axvline(at_s / 60, color="grey", linewidth=0.6, linestyle=":")
    for at_s, what in events:
        if what != "normal":
            top = rows[0].get_ylim()[1]
            rows[0].annotate(what, (at_s / 60, top), rotation=90, fontsize=7, va="top")
    rows[-1].set_xlabel("minutes")
    path = folder / "soak.png"
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path


def percentiles(times: Sequence[float]) -> str:
    """For a line of the report."""
    return f"p50 {median(times):.0f}, p95 {quantile(times):.0f}, p99 {quantile(times, 0.99):.0f} ms"
