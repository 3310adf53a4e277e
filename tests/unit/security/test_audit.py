"""What `make audit` tells: nothing that nobody looked up is called sound."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "scripts"))
import audit

SOUND = {"name": "a", "version": "1", "vulns": []}
BAD = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1"}]}
SKIPPED = {"name": "c", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("parts", "known", "words"),
    [
        ([SOUND], False, "1 packages audited, 0"),
        ([SOUND, SKIPPED], False, "not audited: c"),
        ([SOUND, BAD], True, "2 packages audited, 1"),
        ([SKIPPED], False, "not audited: the vulnerability database knows none"),
    ],
)
def test_what_was_not_looked_up_is_said(parts, known, words):
    lines, found = audit.told(json.dumps({"dependencies": parts}))
    assert (found, words in lines[0]) == (known, True)
    assert ("b 2: PYSEC-1" in lines) is known


@pytest.mark.parametrize("answer", ["", "no", "[]", "{}", "null"])
def test_no_answer_is_no_audit(answer):
    assert audit.told(answer) == (
        ["not audited: the vulnerability database cannot be reached from here"],
        False,
    )


def test_the_bill_names_every_installed_package_once():
    parts = audit.bill()["components"]
    names = [part["name"] for part in parts]
    assert {"litellm", "pydantic", "redis"} <= set(names)
    assert len(names) == len(set(names))
    assert all(part["purl"] == f"pkg:pypi/{part['name']}@{part['version']}" for part in parts)
