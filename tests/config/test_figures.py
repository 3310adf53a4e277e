"""The page of figures and what writes it: the markers, the scripts and the commands agree."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
BENCH = ROOT / "bench"
PAGE = (ROOT / "docs" / "explanation" / "figures.md").read_text(encoding="utf-8")

ELSEWHERE = {
    "chaos": "`make chaos`: finds faults, and has nothing to compare",
    "soak": "`make soak`: as above",
    "promise": "trains and tunes hundreds of times by the command line; its figures are in classifiers.md",
    "peers": "installs other people's packages into an environment of its own",
    "peers_asked": "run by peers.py, in that environment",
}
"""Scripts that neither `make bench` nor `make bench-quality` runs, and why."""


def module(path):
    spec = importlib.util.spec_from_file_location(f"_{path.stem}_under_test", path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


figures = module(ROOT / "scripts" / "figures.py")


def recipe(target):
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    lines = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", text, re.MULTILINE)[1]
    return set(re.findall(r"bench/(\w+)\.py", lines))


def runnable():
    """The scripts of bench/ that are commands, by what they end with; the others are shared by them."""
    ends = {path.stem: path.read_text(encoding="utf-8") for path in BENCH.glob("*.py")}
    return {name for name, text in ends.items() if '\nif __name__ == "__main__":' in text} - {"wordy"}


def kept():
    return {p.stem for p in BENCH.glob("*.py") if "KEPT.run(" in p.read_text(encoding="utf-8")} - {"kept"}


@pytest.fixture
def result():
    return {
        "name": "apgr",
        "command": "python bench/apgr.py",
        "day": "2026-11-22",
        "took_s": 12.4,
        "machine": {"cores": "2", "processor": "A B", "system": "Linux x86_64", "Python": "3.11.7"},
        "tables": {
            "sets": {
                "columns": [["set", ""], ["questions", ",d"], ["more", "+.3f"]],
                "rows": [["one|two", 1250, [0.1234, -0.01, 0.25]], ["mean", None, [None, None, None]]],
            }
        },
        "goals": [
            {"what": "mean", "at_most": None, "at_least": 0.57, "measured": 0.5751, "met": True},
            {"what": "time, ms", "at_most": 0.1, "at_least": None, "measured": 0.25, "met": False},
        ],
    }


def test_every_script_is_run_by_a_command_or_has_a_reason_not_to_be():
    run = recipe("bench") | recipe("bench-quality")
    assert runnable() == run | (ELSEWHERE.keys() & runnable())
    assert not run & ELSEWHERE.keys()


def test_every_script_that_the_commands_run_keeps_its_figures():
    assert recipe("bench") | recipe("bench-quality") <= kept()


def test_the_page_has_a_place_for_every_script_that_the_commands_run():
    names = {m[2].partition("/")[0] for m in figures.PART.finditer(PAGE)} - {"summary"}
    assert recipe("bench") | recipe("bench-quality") == names - ELSEWHERE.keys()


def test_every_table_that_a_script_keeps_has_a_place_on_the_page():
    markers = {m[2] for m in figures.PART.finditer(PAGE)}
    for name in recipe("bench") | recipe("bench-quality"):
        text = (BENCH / f"{name}.py").read_text(encoding="utf-8")
        tables = set(re.findall(r"KEPT\.table\(\s*\"(\w+)\"", text))
        if name == "embedding":
            tables.remove("sets")  # what `quality_routing` shows beside the others
        mine = {m.partition("/")[2] for m in markers if m.startswith(f"{name}/")}
        assert mine == tables | {"run"} | ({"goals"} if "KEPT.goal(" in text else set()), name


def test_the_page_stands_as_the_script_would_leave_it():
    page, _ = figures.render(PAGE, {})
    assert page == PAGE
    assert not figures.faults(PAGE, {})


def test_figures_come_between_their_markers_and_nowhere_else(result):
    page = (
        "Prose.\n<!-- figures: summary -->\nold\n<!-- /figures -->\n\n<!-- figures: apgr/sets -->\nold\n"
        "<!-- /figures -->\nMore.\n<!-- figures: apgr/goals -->\n<!-- /figures -->\n"
        "<!-- figures: apgr/run -->\nold\n<!-- /figures -->\n<!-- figures: gates/sets -->\n| kept |\n"
        "<!-- /figures -->\n"
    )
    found, left = figures.render(page, {"apgr": result})
    assert found == (
        "Prose.\n<!-- figures: summary -->\n1 of 2 goals are met.\n\nMissed:\n\n"
        "- time, ms: 0.25, aimed at ≤ 0.1\n<!-- /figures -->\n\n"
        "<!-- figures: apgr/sets -->\n| set | questions | more |\n| --- | ---: | ---: |\n"
        "| one\\|two | 1,250 | +0.123 (-0.010 to +0.250) |\n| mean | - | - |\n<!-- /figures -->\nMore.\n"
        "<!-- figures: apgr/goals -->\n| goal | aimed at | measured |  |\n| --- | --- | --- | --- |\n"
        "| mean | ≥ 0.57 | 0.5751 | met |\n| time, ms | ≤ 0.1 | 0.25 | **MISSED** |\n<!-- /figures -->\n"
        "<!-- figures: apgr/run -->\n`python bench/apgr.py`, 2026-11-22, 12 s; 2 cores (A B), Linux x86_64, "
        "Python 3.11.7.\n<!-- /figures -->\n<!-- figures: gates/sets -->\n| kept |\n<!-- /figures -->\n"
    )
    assert left == ["gates/sets"]
    assert figures.render(found, {"apgr": result})[0] == found


def test_what_has_no_place_or_no_script_is_told(result):
    page = "<!-- figures: nothing/run -->\n<!-- /figures -->\n<!-- figures: apgr/run -->\n<!-- /figures -->\n"
    assert figures.faults(page, {"apgr": result}) == [
        "nothing: there is no bench/nothing.py",
        "apgr/goals is measured, and has no place on the page",
        "apgr/sets is measured, and has no place on the page",
    ]
    assert figures.faults("<!-- figures: apgr/run -->\n", {}) == [
        "a marker `<!-- figures: … -->` has no `<!-- /figures -->`, or stands there twice"
    ]


def test_what_else_lies_in_the_folder_is_passed_over(tmp_path, result):
    (tmp_path / "sbom.json").write_text('{"bomFormat": "CycloneDX"}')
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "apgr.json").write_text(json.dumps(result))
    assert figures.read(tmp_path) == {"apgr": result}


SCRIPT = """
import sys
sys.path.insert(0, {bench!r})
from kept import Kept
KEPT = Kept("/anywhere/made_up.py")
def main():
    KEPT.table("sizes", "what", ("MB", ".1f")).row("one", {value})
    KEPT.goal("small, MB", 3.0, at_most=2.0)
    {end}
KEPT.run(main)
"""


def run_made_up(tmp_path, value="(1.5, float('nan'), 2.0)", end="return 1"):
    code = SCRIPT.format(bench=str(BENCH), value=value, end=end)
    # Another Python of the machine than this one could not import the package.
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"BENCH_OUT": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    path = tmp_path / "made_up.json"
    return done, json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def test_a_run_that_misses_its_goal_is_kept_and_ends_with_its_status(tmp_path):
    done, found = run_made_up(tmp_path)
    assert done.returncode == 1, done.stderr
    assert found["tables"] == {
        "sizes": {"columns": [["what", ""], ["MB", ".1f"]], "rows": [["one", [1.5, None, 2.0]]]}
    }
    assert found["goals"] == [
        {"what": "small, MB", "at_most": 2.0, "at_least": None, "measured": 3.0, "met": False}
    ]
    assert found["machine"]["Python"] == ".".join(map(str, sys.version_info[:3]))
    assert [p.name for p in tmp_path.iterdir()] == ["made_up.json"]


@pytest.mark.parametrize(
    "end", ["raise SystemExit('it broke')", "raise ValueError", "KEPT.tables['sizes'].row(1)"]
)
def test_a_run_that_breaks_leaves_nothing(tmp_path, end):
    done, found = run_made_up(tmp_path, end=end)
    assert done.returncode == 1
    assert found is None
