"""The runbook names everything that an operator can meet: events, alarms, alerts and lines of the log."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

from litellm_tiering.core import adaptive
from litellm_tiering.drift import _WHAT
from litellm_tiering.events import Kind

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE = ROOT / "src" / "litellm_tiering"
PAGE = (ROOT / "docs" / "how-to" / "operate.md").read_text(encoding="utf-8")
NEVER_IN_A_PROXY = {"cli", "evals", "batch", "testing"}


def table(heading):
    """The first column of the tables under a heading."""
    part = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [row.split("|")[1].strip() for row in part.splitlines() if row.startswith("| ")]


def named(heading):
    return {name for cell in table(heading) for name in re.findall(r"`([^`]+)`", cell)}


def test_every_event_is_in_the_runbook():
    assert named("Events") == {kind.value for kind in Kind}


def test_every_alert_is_in_the_runbook():
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
    assert named("Alerts") == {rule["alert"] for group in rules["groups"] for rule in group["rules"]}


def test_every_alarm_is_in_the_runbook():
    told = [
        adaptive.segment_alarm("auto|simple|faq", "1" * 200, bypassed=False),
        adaptive.segment_alarm("auto|simple|faq", "", bypassed=True),
        adaptive.quiet_alarm("auto", 0, 100_000),
        adaptive.one_tier_alarm("auto", {"simple": 100_000}),
        "gate 'refusal' rejected",
        "gate 'refusal' accepted all",
        "gate 'agreement' had no second answer",
        "fault: ",
        "records: ",
        "capture: ",
        "the configuration was not reloaded",
        *_WHAT.values(),
    ]
    begins = [name.replace("…", "X") for name in named("Alarms")]
    for alarm in told:
        shown = re.sub(r"'\w+'", "'X'", alarm)
        assert any(shown.startswith(begin) for begin in begins), alarm


def log_lines():
    """Every warning and error that the proxy's process can log, as its literal begins and goes on."""
    for path in sorted(SOURCE.rglob("*.py")):
        if path.relative_to(SOURCE).parts[0] in NEVER_IN_A_PROXY:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            if not is_call or ast.unparse(node.func) not in {"_log.warning", "_log.error", "_log.critical"}:
                continue
            first = node.args[0]
            if isinstance(first, ast.Constant):
                text = first.value
                if text != "%s":
                    yield pytest.param(text, id=f"{path.stem}:{node.lineno}")


@pytest.mark.parametrize("text", list(log_lines()))
def test_every_line_of_the_log_is_in_the_runbook(text):
    if text.startswith("tiering %s"):
        return  # an event
    if "fault in" in text:
        text = "fault in"
    pieces = [piece for piece in re.split(r"%[-.\d]*[a-z]", text) if piece.strip()]
    known = [[part.strip() for part in name.split("…") if part.strip()] for name in named("In the log")]
    whole = " … ".join(piece.strip() for piece in pieces)
    assert any(all(part in whole for part in parts) for parts in known), (
        f"docs/how-to/operate.md lacks: {text!r}"
    )


def test_what_the_runbook_links_to_on_its_own_page_is_there():
    headings = {
        re.sub(r"[^\w -]", "", line.lstrip("# ")).strip().lower().replace(" ", "-")
        for line in PAGE.splitlines()
        if line.startswith("#")
    }
    links = set(re.findall(r"\]\(#([\w-]+)\)", PAGE))
    assert links <= headings
