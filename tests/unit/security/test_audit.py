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
        ([SOUND], 0, "1 packages audited, 0"),
        ([SOUND, SKIPPED], 0, "not audited: c"),
        ([SOUND, BAD], 1, "2 packages audited, 1"),
        ([SKIPPED], 3, "NOT AUDITED: the vulnerability database knows none"),
        ([], 3, "NOT AUDITED"),
    ],
)
def test_what_was_not_looked_up_is_said(parts, known, words):
    lines, found = audit.told(json.dumps({"dependencies": parts}))
    assert (found, words in lines[0]) == (known, True)
    assert ("b 2: PYSEC-1" in lines) is (known == 1)


@pytest.mark.parametrize("answer", ["", "no", "[]", "{}", "null"])
def test_no_answer_is_no_audit(answer):
    lines, code = audit.told(answer)
    assert "NOT AUDITED" in lines[0]
    assert code == 3


@pytest.mark.parametrize("there", [True, False])
def test_an_audit_that_could_not_be_made_does_not_pass(monkeypatch, tmp_path, capsys, there):
    """Without the tools, and with tools that nobody answers."""
    monkeypatch.setattr(audit, "tools", lambda folder: Path("/bin/false") if there else None)
    monkeypatch.setattr(sys, "argv", ["audit.py", "--out", str(tmp_path)])
    assert audit.main() == 3
    assert capsys.readouterr().out.startswith("NOT AUDITED")
    assert not audit.unsound(json.loads((tmp_path / "sbom.json").read_text()))


def test_the_bill_names_every_installed_package_once():
    parts = audit.bill()["components"]
    names = [part["name"] for part in parts]
    assert {"litellm", "pydantic", "redis"} <= set(names)
    assert len(names) == len(set(names))
    assert all(part["purl"] == f"pkg:pypi/{part['name']}@{part['version']}" for part in parts)


SPOILT = {
    "no document": lambda bill: bill.clear(),
    "another format": lambda bill: bill.update(bomFormat="SPDX"),
    "an unknown version": lambda bill: bill.update(specVersion="9"),
    "no serial number": lambda bill: bill.update(serialNumber="7"),
    "nothing in it": lambda bill: bill.update(components=[]),
    "one left out": lambda bill: bill["components"].pop(),
    "one twice": lambda bill: bill["components"].append(bill["components"][0]),
    "one without its version": lambda bill: bill["components"][0].update(version=""),
    "one from nowhere": lambda bill: bill["components"][0].pop("purl"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_bill_that_is_not_sound_is_found_out(name):
    bill = audit.bill()
    assert not audit.unsound(bill)
    SPOILT[name](bill)
    assert audit.unsound(bill)
