"""What a measurement leaves behind: its tables and goals, as JSON in bench/out, for scripts/figures.py.

A script prints for who runs it, and keeps the same figures for the page::

    KEPT = Kept(__file__)

    def main() -> int:
        times = KEPT.table("times", ("characters", ",d"), ("ours, ms", ".3f"))
        times.row(50, 0.04)
        KEPT.goal("a decision at 50 characters, ms", 0.04, at_most=0.1)

    if __name__ == "__main__":
        KEPT.run(main)

A cell is a text, a number, None for "not known", or three numbers: a value and its 95 % interval. A column is
its heading, or that and how its numbers are told (see `format`). BENCH_OUT names another folder; a run with
options is kept like any other, with its options told beside the figures.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib.metadata
import json
import math
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OUT = Path(__file__).resolve().parent / "out"
PACKAGES = {"litellm": "LiteLLM", "redis": "redis-py", "numpy": "numpy", "litellm-tiering": "litellm-tiering"}


class Table:
    """Rows under columns."""

    def __init__(self, columns: Sequence[str | tuple[str, str]]) -> None:
        self.columns = [[c, ""] if isinstance(c, str) else list(c) for c in columns]
        self.rows: list[list[Any]] = []

    def row(self, *cells: Any) -> None:  # noqa: ANN401 - see the head of this module
        if len(cells) != len(self.columns):
            raise ValueError(f"{len(cells)} cells under {len(self.columns)} columns: {cells}")
        self.rows.append([plain(cell) for cell in cells])


class Kept:
    """What one script leaves behind.

    Args:
        file: The script's own path; its name is that of the JSON.
    """

    def __init__(self, file: str) -> None:
        self.name = Path(file).stem
        self.tables: dict[str, Table] = {}
        self.goals: list[dict[str, Any]] = []

    def table(self, key: str, *columns: str | tuple[str, str]) -> Table:
        """A table by its key; the one there is, where rows come from several calls."""
        return self.tables.setdefault(key, Table(columns))

    def goal(
        self,
        what: str,
        measured: Any,  # noqa: ANN401 - numpy's and Python's numbers
        *,
        at_most: float | None = None,
        at_least: float | None = None,
    ) -> bool:
        """Keep a goal beside what was measured; whether it was met."""
        value = plain(measured)
        met = value is not None and (at_most is None or value <= at_most)
        met = met and (at_least is None or value >= at_least)
        # The same goal of another round in the same run takes the place of the first.
        self.goals = [g for g in self.goals if g["what"] != what]
        self.goals.append(
            {"what": what, "at_most": at_most, "at_least": at_least, "measured": value, "met": met}
        )
        return met

    def run(self, main: Callable[[], int | None]) -> None:
        """Call ``main``, keep what it found also where a goal is missed, and end with its status."""
        began = time.monotonic()
        try:
            status = main()
        except SystemExit as end:
            # An exit with a message is a fault: its figures would be half of the story.
            if not isinstance(end.code, int | None):
                raise
            status = end.code
        if self.tables:
            self.write(time.monotonic() - began)
        sys.exit(status)

    def write(self, took_s: float) -> None:
        folder = Path(os.environ.get("BENCH_OUT", OUT))
        folder.mkdir(parents=True, exist_ok=True)
        found = {
            "name": self.name,
            "command": " ".join(["python", f"bench/{self.name}.py", *sys.argv[1:]]),
            "day": dt.datetime.now(dt.timezone.utc).date().isoformat(),
            "took_s": round(took_s, 1),
            "cpu_s": round(sum(os.times()[:4]), 1),
            "machine": machine(),
            "tables": {k: {"columns": t.columns, "rows": t.rows} for k, t in self.tables.items()},
            "goals": self.goals,
        }
        path = folder / f"{self.name}.json"
        unfinished = path.with_suffix(".part")
        unfinished.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        unfinished.replace(path)


def plain(cell: Any) -> Any:  # noqa: ANN401 - see the head of this module
    """A cell as JSON has it: numpy's numbers as Python's, what is no number as None."""
    if isinstance(cell, tuple | list):
        return [plain(part) for part in cell]
    if hasattr(cell, "item"):
        cell = cell.item()
    if isinstance(cell, float) and not math.isfinite(cell):
        return None
    return cell


def machine() -> dict[str, str]:
    """What the figures were taken on, without its name."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = {
        "cores": str(cores),
        "processor": processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
    }
    for package, name in PACKAGES.items():
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(package)
    if version := redis_version():
        found["Redis"] = version
    return found


def processor() -> str:
    """The processor's model as the system tells it; empty where it does not."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def redis_version() -> str:
    """The version of the `redis-server` that the benchmarks start; empty where there is none."""
    from litellm_tiering.testing.redis import RedisNotFound, find_redis_server  # noqa: PLC0415 - not every script asks it

    try:
        command = find_redis_server()
    except RedisNotFound:
        return ""
    told = subprocess.run(
        [shutil.which(command) or command, "--version"], capture_output=True, text=True, check=False
    )
    return next((part[2:] for part in told.stdout.split() if part.startswith("v=")), "")
