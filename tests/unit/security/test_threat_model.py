"""The threat model names tests that are there, and a report's way in."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "explanation" / "security.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", PAGE)


def test_every_test_that_the_threat_model_names_is_there():
    assert len(NAMED) > 30
    missing = {
        f"{file}::{name}"
        for file, name in NAMED
        if not re.search(
            rf"^(?:async )?def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE
        )
    }
    assert not missing


def test_every_attack_names_what_proves_that_it_is_held():
    rows = [line for line in PAGE.split("## What is not covered")[0].splitlines() if line.startswith("| ")]
    attacks = [row for row in rows if row.count("|") == 4 and not row.startswith("| attack")]
    assert attacks
    assert not [row for row in attacks if "::test_" not in row]


def test_the_page_and_the_way_to_report_lead_to_each_other():
    assert "docs/explanation/security.md" in (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert "SECURITY.md" in PAGE
