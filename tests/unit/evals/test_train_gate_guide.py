"""The guide `docs/how-to/train-a-gate.md`, followed as written, on real outcomes."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import shlex
from pathlib import Path

import pytest

from litellm_tiering.cli import main
from litellm_tiering.evals.metrics import auroc

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("TIERING_DATA", ROOT.parent / "shared" / "data"))
FILE = DATA / "outcomes_routellm_gsm8k.jsonl.gz"
GUIDE = ROOT / "docs" / "how-to" / "train-a-gate.md"
WEAK, STRONG = "mixtral-8x7b-instruct-v0.1", "gpt-4-1106-preview"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROXY = "model_list: [{model_name: small}, {model_name: medium}, {model_name: large}]\n"

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="no recorded outcomes: set TIERING_DATA")


def steps():
    """The guide's commands and its configuration, in order."""
    found = BLOCK.findall(GUIDE.read_text(encoding="utf-8"))
    commands = [shlex.split(line) for kind, body in found if kind == "sh" for line in body.splitlines()]
    (configuration,) = (body for kind, body in found if kind == "yaml")
    return {words[1]: words[1:] for words in commands}, configuration


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Three hundred judged answers as the guide has them, and the rest."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LITELLM_TIERING_CONFIG", raising=False)
    with gzip.open(FILE, "rt", encoding="utf-8") as file:
        rows = [json.loads(row) for row in file]
    random.Random(7).shuffle(rows)
    for row in rows:
        row["responses"] = {"small": row["responses"][WEAK], "large": row["responses"][STRONG]}
    rest = rows[300:]
    answers = [
        {"id": r["id"], "prompt": r["prompt"], "answer": r["responses"]["small"]["text"]} for r in rest
    ]
    for name, lines in (("judged", rows[:300]), ("rest", rest), ("answers", answers)):
        Path(f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return [not row["responses"]["small"]["correct"] for row in rest]


def test_the_guide_can_be_followed_as_written(files, capsys):
    commands, configuration = steps()
    assert main(commands["train"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("300 answers")
    assert "written: models/gate.json" in told

    Path("config.yaml").write_text(PROXY + configuration)
    assert main(commands["check"]) in {0, 1}  # it may warn of the rest of this small configuration
    assert "gate.json" not in capsys.readouterr().out

    assert main(commands["gate"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    p_bad = [line["p_bad"] for line in lines]
    rejected = [bad for bad, line in zip(files, lines, strict=True) if not line["accept"]]
    assert auroc(p_bad, files) > 0.68
    assert sum(rejected) / len(rejected) > 1.5 * sum(files) / len(files)

    assert main([*commands["eval"], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)
