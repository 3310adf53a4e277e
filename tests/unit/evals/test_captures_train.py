"""What the verbs make of captured requests, and what is left for watching live ones."""

from __future__ import annotations

import asyncio
import json
import random

import pytest
import yaml
from test_captures import answer, captured

from litellm_tiering.cli import main
from litellm_tiering.config.assemble import announce, engine_of, expected_of
from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.core.catalog import Price, TierFacts
from litellm_tiering.core.features import Caller, PromptText, RequestFeatures
from litellm_tiering.core.policy import Route
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.plan import Inquiry
from litellm_tiering.testing.proxy import TIERS, config_for

WORDS = ("please", "tell", "which", "river", "lake", "stone", "cloud", "paper", "table", "green", "quick")
ASSUMED = "captured requests, whose quality is ASSUMED"


def traffic(n, seed=1):
    """Requests of which those that ask for a proof are mostly refused by the small model."""
    drawn = random.Random(seed)
    for i in range(n):
        hard = i % 3 == 0
        words = drawn.choices(WORDS, k=drawn.randint(5, 30))
        prompt = f"{i} {' '.join(words)} {'prove the theorem' if hard else ''}"
        rejected = drawn.random() < (0.85 if hard else 0.05)
        held = {"small": answer(text=f"So it is: {' '.join(words)}.", cost=0.001)}
        if rejected:
            held = {
                "small": answer("refusal", text=f"I cannot {i}.", p_bad=0.9, cost=0.001),
                "medium": answer(text="Proof. Let it be so.", cost=0.01),
            }
        yield captured(f"{seed}-{i}", prompt, responses=held)


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "capture.jsonl").write_text("".join(json.dumps(line) + "\n" for line in traffic(200)))
    (tmp_path / "few.jsonl").write_text("".join(json.dumps(line) + "\n" for line in traffic(40)))
    gates = [{"kind": "not_empty"}, {"kind": "refusal"}]
    tiering = {"tiers": TIERS, "store": {"url": "memory://"}, "cascade": {"gates": gates}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config_for("http://127.0.0.1:1", tiering)))
    return tmp_path


def run(capsys, *words):
    status = main([str(word) for word in words])
    found = capsys.readouterr()
    return status, found.out + found.err


TIER_MODELS = ("--tier", "simple=small", "--tier", "moderate=medium", "--tier", "complex=large")


async def test_a_router_is_trained_on_captures_and_its_scores_are_what_live_ones_are_held_against(
    files, capsys
):
    out = files / "router.json"
    status, told = await asyncio.to_thread(
        run,
        capsys,
        "train",
        "--outcomes",
        "capture.jsonl",
        *TIER_MODELS[:4],
        "--out",
        out,
        "--no-curve",
        "--force",
    )
    assert status == 0
    assert ASSUMED in told
    settings = build(
        from_mapping(
            {
                "tiers": TIERS,
                "store": {"url": "memory://"},
                "classifiers": [{"kind": "learned", "path": str(out)}],
            }
        ).config
    )
    expected = expected_of(settings)
    assert (expected.by, expected.rows) == ("learned", 200)
    engine = engine_of(settings, MemoryLedger())
    announce(settings, engine)
    inquiry = asking("prove the theorem")
    for _ in range(700):
        await engine.explain(inquiry)
    assert engine.drift.alarms() == [], "to be asked about is not to be used"
    for _ in range(700):
        await engine.plan(inquiry)
    assert engine.drift.alarms()[0].startswith("scores drift on route 'auto'")
    await engine.close()


def asking(prompt):
    features = RequestFeatures(question_words=len(prompt.split()), question_chars=len(prompt), max_tokens=10)
    facts = tuple(TierFacts(Price(prompt=0.0, completion=float(p))) for p in (1, 10, 100))
    return Inquiry(features, PromptText(prompt), Caller(), Route("auto", ("auto",)), 2, facts)


@pytest.mark.parametrize(
    "words",
    [
        (
            "eval",
            "--outcomes",
            "few.jsonl",
            "--weak",
            "small",
            "--strong",
            "medium",
            "--no-litellm",
            "--bootstrap",
            "20",
        ),
        ("tune", "--outcomes", "capture.jsonl", *TIER_MODELS, "--target", "0.6"),
        (
            "train",
            "--gate",
            "--outcomes",
            "capture.jsonl",
            "--weak",
            "small",
            "--out",
            "gate.json",
            "--force",
        ),
    ],
    ids=["eval", "tune", "train --gate"],
)
def test_every_verb_says_what_is_assumed(files, capsys, words):
    status, told = run(capsys, *words, "--config", "config.yaml")
    assert status in {0, 1, 4}, told
    assert ASSUMED in told


@pytest.mark.parametrize("verb", ["eval", "train", "tune"])
def test_every_verb_refuses_what_tells_nothing_good_from_bad(files, capsys, verb):
    good = (captured(str(i)) for i in range(30))
    (files / "good.jsonl").write_text("".join(json.dumps(line) + "\n" for line in good))
    more = ("--out", "router.json") if verb == "train" else ()
    status, told = run(
        capsys, verb, "--outcomes", "good.jsonl", *TIER_MODELS, "--config", "config.yaml", *more
    )
    assert status == 2
    assert "nothing tells good answers from bad" in told
    assert not (files / "router.json").exists()


def test_tuning_writes_down_what_escalations_are_held_against(files, capsys):
    words = ("tune", "--outcomes", "capture.jsonl", *TIER_MODELS, "--target", "0.6")
    status, told = run(capsys, *words, "--config", "config.yaml", "--write")
    assert status == 0, told
    written = yaml.safe_load((files / "config.yaml").read_text())["tiering"]["cascade"]
    assert 0 <= written["escalates"] <= 1
    assert written["gates"] == [{"kind": "not_empty"}, {"kind": "refusal"}]
