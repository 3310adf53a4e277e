"""Requests kept for training, on a real proxy: what stands in the file, and what must never stand there."""

from __future__ import annotations

import json
import stat

import pytest
from asking import SURFACES, ask
from houses import CASCADE_ROUTER, EASY, eventually, house
from test_agreement import EASY_SUM, HARD_SUM, RULES, groups

REFUSED = "What is 17 + 25? [[fault:refuse@sim-small]]"
SECRET = "What is the capital of the moon, by the code word heliotrope?"

TIERING = {
    "routes": [
        {"name": "auto", "models": ["auto"]},
        {"name": "plain", "models": ["large"], "classify": False, "tier": "complex"},
        {"name": "shady", "models": ["shady"], "mode": "shadow"},
    ],
    "classifiers": [{"kind": "rules", "rules": RULES}, *EASY[1:]],
    "cascade": {
        "bypass_above": 1.0,
        "stream": "buffer",
        "gates": [
            {"kind": "not_empty"},
            {"kind": "refusal"},
            {"kind": "agreement", "with": "small-b", "timeout_ms": 1500},
        ],
    },
    "store": {"url": "memory://"},
}


@pytest.fixture(scope="module")
def kept(provider, tmp_path_factory):
    folder = tmp_path_factory.mktemp("capture")
    path = folder / "capture.jsonl"
    tiering = {**TIERING, "capture": {"share": 1.0, "path": str(path), "never": {"teams": ["red"]}}}
    router = {"model_group_alias": {"auto": "large", "shady": "large"}, "num_retries": 0}
    router = {**CASCADE_ROUTER["router_settings"], **router, "fallbacks": []}
    with house(provider, folder, tiering, model_list=groups(provider), router_settings=router) as running:
        yield running, path


def line_of(path, reply) -> dict:
    """The one line of an answer's decision, once it is written."""
    id_ = reply.headers["x-tiering-decision"]

    def found():
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines if id_ in line]

    eventually(lambda: bool(found()), f"a line of {id_}")
    (line,) = found()
    return line


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("surface", SURFACES)
def test_every_answer_is_kept_with_its_verdict_on_every_api(kept, surface, stream):
    running, path = kept
    reply = ask(running, surface, REFUSED, stream=stream)
    line = line_of(path, reply)
    assert line["captured"] == 1
    assert line["messages"] == [{"role": "user", "content": REFUSED}]
    assert line["ladder"] == ["small", "medium", "large"]
    assert (line["route"], line["tier"], line["model"]) == ("auto", "moderate", "medium")
    small, medium = line["responses"]["small"], line["responses"]["medium"]
    assert (small["verdict"], small["served"], medium["verdict"], medium["served"]) == (
        "refusal",
        False,
        "ok",
        True,
    )
    assert small["text"]
    assert medium["text"] == reply.text
    assert small["p_bad"] > 0.5 > medium["p_bad"]
    assert small["cost"] > 0
    assert medium["cost"] > small["cost"]
    assert line["responses"]["small-b"]["beside"] is True
    assert medium["finish_reason"] in {"stop", "end_turn", "completed"}
    assert medium["completion_tokens"] > 0
    assert line["cost_usd"] == pytest.approx(sum(r["cost"] for r in line["responses"].values()))


@pytest.mark.parametrize("prompt", [EASY_SUM, HARD_SUM], ids=["agrees", "differs"])
def test_the_second_models_answer_is_kept_too(kept, prompt):
    running, path = kept
    line = line_of(path, ask(running, "chat", prompt))
    second = line["responses"]["small-b"]
    assert second["text"] not in ("", line["responses"]["small"]["text"] if prompt == HARD_SUM else "")
    assert second["verdict"] == ("agrees" if prompt == EASY_SUM else "differs")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("model", "route"), [("large", "plain"), ("shady", "shady")])
@pytest.mark.parametrize("surface", SURFACES)
def test_what_no_gate_looks_at_is_kept_as_well(kept, surface, model, route, stream):
    running, path = kept
    reply = ask(running, surface, EASY_SUM, model=model, stream=stream)
    line = line_of(path, reply)
    assert line["route"] == route
    (answer,) = line["responses"].values()
    assert answer["text"] == reply.text != ""


def test_nothing_is_kept_of_whoever_opts_out_and_no_key_of_anybody(kept):
    running, path = kept
    ask(running, "chat", SECRET, extra_body={"no-log": True})
    ask(running, "chat", SECRET, extra_headers={"litellm-enable-message-redaction": "true"})
    ask(running, "chat", SECRET, key="sk-red")
    # Lines are written in order: once this one is there, those would be.
    line_of(path, ask(running, "chat", EASY_SUM, key="sk-blue"))
    text = path.read_text()
    assert "heliotrope" not in text
    assert "sk-" not in text.replace("sk-large", "")
    assert "blue" not in text


def test_only_its_owner_may_read_the_file(kept):
    running, path = kept
    line_of(path, ask(running, "chat", EASY_SUM))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_failed_request_leaves_nothing_behind(kept):
    running, path = kept
    with pytest.raises(Exception, match="500"):
        ask(running, "chat", "What is heliotropism? [[fault:500@sim-small]]")
    line_of(path, ask(running, "chat", EASY_SUM))
    assert "heliotropism" not in path.read_text()


def test_a_file_that_cannot_be_written_is_an_alarm_and_fails_no_request(kept):
    running, path = kept
    line_of(path, ask(running, "chat", EASY_SUM))
    path.rename(path.with_suffix(".kept"))
    path.mkdir()
    try:
        assert ask(running, "chat", EASY_SUM).text
        eventually(lambda: any("capture:" in a for a in running.proxy.status()["alarms"]), "an alarm")
    finally:
        path.rmdir()
        path.with_suffix(".kept").rename(path)
    line_of(path, ask(running, "chat", EASY_SUM))
    assert not any("capture:" in a for a in running.proxy.status()["alarms"])
