from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from litellm_tiering.config.check import check

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def generator():
    spec = importlib.util.spec_from_file_location("gen_reference", ROOT / "scripts" / "gen_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(generator):
    assert generator.main(["--check"]) == 0


def test_a_stale_page_is_found(generator, tmp_path, monkeypatch, capsys):
    stale = tmp_path / "configuration.md"
    stale.write_text("old")
    monkeypatch.setattr(generator, "TARGET", stale)
    monkeypatch.setattr(generator, "METRICS", tmp_path / "metrics.md")
    monkeypatch.setattr(generator, "CLI", tmp_path / "cli.md")
    assert generator.main(["--check"]) == 1
    assert "run scripts/gen_reference.py" in capsys.readouterr().out
    assert generator.main([]) == 0
    assert generator.main(["--check"]) == 0


def test_every_key_is_described():
    rows = re.findall(r"^\| `[^|]+\|.*$", PAGE, re.MULTILINE)
    assert len(rows) > 60
    assert not [row for row in rows if re.search(r"\|\s*\|$", row)]


def test_there_are_examples():
    assert len(BLOCKS) >= 6


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_every_example_loads(block, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(block)
    assert check(path, {}).problems == ()
