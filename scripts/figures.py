"""Render the tables of docs/explanation/figures.md from what the benchmarks left in bench/out.

    python scripts/figures.py [--check] [--out bench/out] [--page docs/explanation/figures.md]

Between `<!-- figures: NAME/TABLE -->` and `<!-- /figures -->` stands what bench/NAME.py measured: one of its
tables, `goals` (what was aimed at and what came of it) or `run` (when, for how long, on what, with which
command). `<!-- figures: summary -->` counts the goals of the whole page. Everything else is prose, and stays.
What was not measured here keeps the figures that stand there, and is named. `--check` changes nothing, and
exits with 1 where a marker names a script or a table that is not there, or a file in bench/out has no place
on the page.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BENCH = ROOT / "bench"
PAGE = ROOT / "docs" / "explanation" / "figures.md"
PART = re.compile(r"(<!-- figures: (\S+) -->\n)(.*?)(<!-- /figures -->)", re.DOTALL)
NOTHING = "-"
NOT_YET = "Not measured yet.\n"
MET, MISSED = "met", "**MISSED**"

Found = dict[str, dict[str, Any]]


def read(folder: Path) -> Found:
    """What the benchmarks left in a folder, by their names."""
    return {path.stem: one for path in sorted(folder.glob("*.json")) if (one := loaded(path)) is not None}


def loaded(path: Path) -> dict[str, Any] | None:
    """One benchmark's file; None for what else lies in the folder."""
    found = json.loads(path.read_text(encoding="utf-8"))
    return found if isinstance(found, dict) and {"tables", "goals", "machine"} <= found.keys() else None


def cell(value: Any, form: str) -> str:  # noqa: ANN401 - a JSON value
    """A value as its column tells it: with its 95 % interval where it has one."""
    if value is None or (isinstance(value, list) and value[0] is None):
        return NOTHING
    if isinstance(value, list):
        middle, low, high = (cell(part, form) for part in value)
        return f"{middle} ({low} to {high})"
    if isinstance(value, str):
        return value.replace("|", "\\|")
    return format(int(value) if form.endswith("d") else value, form or "g")


def lines_of(columns: list[list[str]], rows: list[list[Any]]) -> str:
    """A Markdown table: texts to the left, numbers to the right."""
    told = [[cell(value, form) for value, (_, form) in zip(row, columns, strict=True)] for row in rows]
    heads = [name for name, _ in columns]
    sides = ["---:" if form else "---" for _, form in columns]
    return "".join(f"| {' | '.join(row)} |\n" for row in (heads, sides, *told))


def goals_of(goals: list[dict[str, Any]]) -> str:
    """A benchmark's goals, each with what was measured and whether it is met."""
    rows = []
    for goal in goals:
        most = goal["at_most"] is not None
        aim = f"{'≤' if most else '≥'} {goal['at_most'] if most else goal['at_least']:.6g}"
        measured = NOTHING if goal["measured"] is None else f"{goal['measured']:.4g}"
        rows.append([goal["what"], aim, measured, MET if goal["met"] else MISSED])
    return lines_of([["goal", ""], ["aimed at", ""], ["measured", ""], ["", ""]], rows)


def run_of(one: dict[str, Any]) -> str:
    """When, for how long, on what and with which command."""
    machine = dict(one["machine"])
    cores, processor = machine.pop("cores"), machine.pop("processor", "")
    on = [f"{cores} cores" + (f" ({processor})" if processor else ""), machine.pop("system")]
    on += [f"{name} {version}" for name, version in machine.items()]
    return f"`{one['command']}`, {one['day']}, {one['took_s']:,.0f} s; {', '.join(on)}.\n"


def told(one: dict[str, Any], part: str) -> str | None:
    """A part of a benchmark's figures as Markdown; None where it has no such part."""
    if part == "run":
        return run_of(one)
    if part == "goals":
        return goals_of(one["goals"]) if one["goals"] else None
    table = one["tables"].get(part)
    return None if table is None else lines_of(table["columns"], table["rows"])


def summary(page: str) -> str:
    """How many goals of the page are met, and those that are missed, as its tables have them."""
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    missed = [row for row in rows if row[-1] == MISSED]
    met = sum(row[-1] == MET for row in rows)
    if not met and not missed:
        return NOT_YET
    text = f"{met} of {met + len(missed)} goals are met.\n"
    if missed:
        text += "\nMissed:\n\n" + "".join(
            f"- {what}: {got}, aimed at {aim}\n" for what, aim, got, _ in missed
        )
    return text


def render(page: str, found: Found) -> tuple[str, list[str]]:
    """The page with the figures found; and the markers whose figures were left as they are."""
    left = []

    def replaced(match: re.Match[str]) -> str:
        start, marker, before, end = match.groups()
        name, _, part = marker.partition("/")
        fresh = told(found[name], part) if name in found else None
        if fresh is None and part:
            left.append(marker)
        return start + (before or NOT_YET if fresh is None else fresh) + end

    page = PART.sub(replaced, page)
    return PART.sub(lambda m: m[1] + summary(page) + m[4] if m[2] == "summary" else m[0], page), left


def faults(page: str, found: Found) -> list[str]:
    """What does not fit between the page, the scripts and the figures."""
    markers = {m[2] for m in PART.finditer(page)}
    told_of = {m.partition("/")[0] for m in markers} - {"summary"}
    wrong = [f"{n}: there is no bench/{n}.py" for n in sorted(told_of) if not (BENCH / f"{n}.py").exists()]
    if page.count("<!-- figures: ") != len(PART.findall(page)):
        wrong.append("a marker `<!-- figures: … -->` has no `<!-- /figures -->`, or stands there twice")
    for name, one in found.items():
        parts = {"run", *one["tables"], *(["goals"] if one["goals"] else [])}
        mine = {m.partition("/")[2] for m in markers if m.partition("/")[0] == name}
        wrong += [f"{name}/{part} is measured, and has no place on the page" for part in sorted(parts - mine)]
        wrong += [
            f"{name}/{part} has a place on the page, and is not measured" for part in sorted(mine - parts)
        ]
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing, tell what does not fit")
    parser.add_argument("--out", type=Path, default=BENCH / "out")
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()
    page, found = options.page.read_text(encoding="utf-8"), read(options.out)
    wrong = faults(page, found)
    for fault in wrong:
        print(fault, file=sys.stderr)
    if options.check:
        return 1 if wrong else 0
    fresh, left = render(page, found)
    options.page.write_text(fresh, encoding="utf-8")
    print(f"{options.page}: figures of {len(found)} benchmarks")
    if left:
        print("not measured here, left as it stands: " + ", ".join(left))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
