from __future__ import annotations

import csv
import io
import re
import time
from dataclasses import replace

import pytest

from litellm_tiering.cli import report
from litellm_tiering.cli.report_text import csv_of, sentences, text_of
from litellm_tiering.errors import StoreUnavailable
from litellm_tiering.evals import plot
from litellm_tiering.evals.savings_page import page_of
from litellm_tiering.ledger.open import open_records
from litellm_tiering.records import Row
from litellm_tiering.tallies import Days
from litellm_tiering.telemetry.reporting import Scope, compose

USD = 1_000_000_000
HOSTILE = "=1+1<script>$x$"


@pytest.fixture
def spent(ledger):
    """Totals of today for two teams, one with a hostile name, and decisions of callers on both sides."""
    now = time.time()
    row = Days().of_call(now, "small", "blue")
    planned = replace(row, route="auto", tier="simple", reason="heuristic")
    rows = (
        replace(planned, requests=30, attempts=33, cost=3 * USD, baseline=10 * USD, waste=USD // 2),
        replace(planned, team=HOSTILE, requests=2, attempts=2, cost=2 * USD, baseline=USD),
        replace(
            planned,
            tier="complex",
            reason="holdout",
            requests=10,
            attempts=10,
            cost=4 * USD,
            baseline=4 * USD,
        ),
        replace(row, requests=1, attempts=1, cost=USD, baseline=USD),
    )
    callers = [(f"r{i}", 0.1 + i % 3 / 100, False) for i in range(20)]
    callers += [(f"h{i}", 0.4 + i % 3 / 100, True) for i in range(10)]

    async def _work(book):
        await book.tell(rows, now)
        await open_records(book).append([decision(now, *caller) for caller in callers])

    ledger(_work)


def decision(now, key, cost, held):
    first = (
        {"stage": "experiment", "reason": "holdout"} if held else {"stage": "classify", "reason": "heuristic"}
    )
    tried = [
        {"verdict": "ok", "ms": 120.0, "tier": "simple", "model": "small", "cost_usd": cost, "reasons": []}
    ]
    told = {
        "id": key,
        "at": now,
        "route": "auto",
        "tier": "complex" if held else "simple",
        "reasons": [first["reason"]],
        "steps": [first],
        "attempts": tried,
        "cost_usd": cost,
    }
    return Row(key, now, "blue", key, told, held)


def test_people_get_a_table_and_what_to_make_of_it(run, config, spent):
    status, out, err = run("report", "--config", config(), "--by", "team")
    assert (status, err) == (0, "")
    assert re.search(r"^blue +40 ", out, re.MULTILINE)
    assert "Booked: $6.00 saved, 54.5% of what was routed" in out
    assert "net of $0.500000 for answers that nobody got" in out
    assert "$1.00 went to models without a route" in out
    assert re.search(r"Measured: 7\d\.\d% saved, between 7\d\.\d% and 7\d\.\d% with 95 % confidence", out)
    assert "10 callers held out beside 20 routed, by the decisions kept since" in out
    assert "120 ms" in out
    # What a client may have named does not reach the terminal as it is.
    assert "\x1b" not in out


def test_programs_get_json(run_json, config, spent):
    status, found = run_json("report", "--config", config(), "--by", "tier", "--days", "1")
    assert status == 0
    assert [r["tier"] for r in found["rows"]] == ["simple", "complex", "(none)"]
    assert found["total"]["cost_usd"] == 10.0
    assert found["holdout"]["low"] < found["holdout"]["saved_share"] < found["holdout"]["high"]
    assert found["tiers"][0]["p50_ms"] == 120.0


def test_spreadsheets_get_csv_that_computes_nothing(run, config, spent):
    status, out, _ = run("report", "--config", config(), "--by", "team", "--format", "csv")
    assert status == 0
    rows = list(csv.DictReader(io.StringIO(out)))
    assert {r["team"][:2] for r in rows} == {"bl", "'="}
    assert float(rows[0]["cost_usd"]) == 8.0


def test_a_page_needs_nothing_beside_it_and_escapes_every_name(run, config, spent):
    status, out, _ = run("report", "--config", config(), "--by", "team", "--format", "html")
    assert status == 0
    assert out.startswith("<!doctype html>")
    assert "<script" not in out
    assert "&lt;script&gt;" in out
    assert "\x1b" not in out
    assert not re.search(r"https?://|url\(|@import|src=", out)
    assert out.count("<svg") == 1
    assert 'class="over"' in out
    assert "default-src 'none'" in out


def test_a_picture_is_drawn_where_it_is_asked_for(run, config, spent, tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need the extra `plots`")
    status, _, _ = run("report", "--config", config(), "--by", "team", "--png", tmp_path / "saved.png")
    assert status == 0
    assert (tmp_path / "saved.png").read_bytes().startswith(b"\x89PNG")
    status, _, err = run("report", "--config", config(), "--png", tmp_path / "none" / "saved.png")
    assert (status, "cannot be written" in err) == (2, True)


def test_a_picture_without_matplotlib_names_what_to_install(run, config, monkeypatch, spent):
    monkeypatch.setattr(
        plot.importlib, "import_module", lambda name: (_ for _ in ()).throw(ImportError(name))
    )
    status, out, err = run("report", "--config", config(), "--png", "saved.png")
    assert (status, out) == (2, "")
    assert "pip install 'litellm-tiering[plots]'" in err


def test_one_teams_report_is_its_own(run_json, config, spent):
    _, found = run_json("report", "--config", config(), "--team", "red")
    assert (found["rows"], found["total"]["requests"], found["holdout"]) == ([], 0, None)


def test_where_no_decisions_are_kept_the_totals_are_told_and_what_is_missing(run, config, spent):
    path = config(store="sqlite:///ledger.db', decisions: 0, on_error: 'open")
    status, out, _ = run("report", "--config", path)
    assert status == 0
    assert "The hold-out cannot be measured" in out


def test_a_store_that_is_not_there_yet_has_nothing_to_tell(run, config):
    status, out, err = run("report", "--config", config(), "--days", "2")
    assert status == 0
    assert "Booked: $0.00 saved, net of" in out
    assert "is not there yet" in err


def test_too_few_callers_get_a_figure_without_an_interval(run, config, ledger):
    now = time.time()

    async def _work(book):
        rows = [decision(now, "r1", 0.1, False), decision(now, "h1", 0.4, True)]
        await open_records(book).append(rows)

    ledger(_work)
    _, out, _ = run("report", "--config", config())
    assert "Measured: 75.0% saved (1 caller held out beside 1 routed" in out
    assert "no interval can be given" in out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--days", "0"), "1 to 400"),
        (("--from", "soon"), "`from` must be a day"),
        (("--json", "--format", "csv"), "contradict each other"),
    ],
)
def test_what_is_asked_wrongly_is_told(run, config, words, why):
    status, out, err = run("report", "--config", config(), *words)
    assert (status, "rows" in out) == (2, False)
    assert why in err


def test_a_store_in_the_proxys_memory_is_asked_for_there(run, config):
    status, out, err = run("report", "--config", config(store="memory://"))
    assert (status, out) == (1, "")
    assert "GET /tiering/report" in err


@pytest.mark.parametrize("error", [StoreUnavailable("gone"), TimeoutError()])
def test_a_store_that_is_away_is_told(run, config, spent, monkeypatch, error):
    async def _away(*_):
        raise report.asyncio.TimeoutError if isinstance(error, TimeoutError) else error

    monkeypatch.setattr(report, "_report", _away)
    status, out, err = run("report", "--config", config())
    assert (status, out) == (1, "")
    assert "the store is away" in err


def test_characters_that_steer_a_terminal_or_break_a_page_are_made_harmless():
    row = replace(Days().of_call(0.0, "small", "\x1b[31m\x00red\u202e"), requests=1, cost=1, baseline=2)
    scope = Scope(("1970-01-01",), "team", "UTC", 0.0)
    told = compose(scope, (row,), {}, None, None)
    for text in (text_of(told), csv_of(told), page_of(told, sentences(told))):
        assert text.replace("\n", "").isprintable()
