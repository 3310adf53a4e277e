from __future__ import annotations

import subprocess
import sys

import pytest
from eval_kit import CENT, run, trace_of

from litellm_tiering.evals import plot
from litellm_tiering.evals.plot import NoPlots, draw

DAILY = {"scope": "global", "limit_usd": 1.0}


@pytest.fixture
def _drawing():
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")


@pytest.fixture
def figures(_drawing, monkeypatch):
    """The figures that are drawn, to be looked at."""
    drawn = []
    real = plot.figure_class()

    def _figure(**how):
        drawn.append(real(**how))
        return drawn[-1]

    monkeypatch.setattr(plot, "figure_class", lambda: _figure)
    return drawn


def day(label="one", *budgets):
    return run(trace_of(*((i * 600.0, "complex") for i in range(144))), *budgets, label=label)


def test_a_picture_shows_spend_against_the_limit_and_who_was_moved_down(figures, tmp_path):
    draw([day("one", DAILY), day("two", {**DAILY, "downgrade": []})], tmp_path / "day.png", "a title")
    money, moved = figures[0].axes
    one, two = (line for line in money.get_lines() if line.get_label() in {"one", "two"})
    spent = list(one.get_ydata())
    assert (len(spent), spent[0]) == (25, 0.0)
    assert spent == sorted(spent)
    assert spent[-1] >= 1.0
    assert max(two.get_ydata()) > 1.0
    assert money.get_ylim()[1] > 1.0
    assert {t.get_text() for t in money.texts} == {"limit", "even pace"}
    assert money.get_title(loc="left") == "a title"
    assert [t.get_text() for t in money.get_legend().get_texts()] == ["one", "two"]
    shares = [list(line.get_ydata()) for line in moved.get_lines()]
    assert [s[0] for s in shares] == [0.0, 0.0]
    assert [s[23] for s in shares] == [100.0, 100.0]
    assert one.get_color() != two.get_color()
    assert one.get_linestyle() != two.get_linestyle()


def test_without_a_limit_no_limit_is_drawn(figures, tmp_path):
    draw([day()], tmp_path / "day.svg")
    assert not list(figures[0].axes[0].texts)
    assert b"<svg" in (tmp_path / "day.svg").read_bytes()


def test_a_new_window_begins_at_nothing():
    found = run(trace_of((0, "complex"), (86_400, "complex")), DAILY)
    spent = plot._spent(found)
    assert (spent[1], spent[24], spent[25]) == (0.1, 0.1, 0.1)
    assert found.spent == 20 * CENT


def test_nothing_to_draw_is_an_empty_picture(figures, tmp_path):
    draw([], tmp_path / "day.png")
    draw([run(trace_of((60, "simple")))], tmp_path / "short.png")
    assert figures[1].axes[0].get_xlim() == (0.0, 1.0)


@pytest.mark.usefixtures("_drawing")
@pytest.mark.parametrize(
    ("name", "why"), [("day.zebra", "'.zebra' is not known"), ("no/day.png", "No such file")]
)
def test_a_file_that_cannot_be_written_is_told(tmp_path, name, why):
    with pytest.raises(NoPlots, match=why):
        draw([day()], tmp_path / name)


def test_without_matplotlib_its_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(NoPlots, match=r"pip install 'litellm-tiering\[plots\]'"):
        draw([], tmp_path / "day.png")


def test_matplotlib_is_not_imported_until_something_is_drawn():
    code = (
        "import sys, litellm_tiering.cli, litellm_tiering.evals.plot; sys.exit('matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
