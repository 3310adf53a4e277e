from __future__ import annotations

import json

import pytest
import yaml
from test_captures import answer, captured

from litellm_tiering.cli import main
from litellm_tiering.config.availability import NotBuilt, unavailable
from litellm_tiering.config.check import check
from litellm_tiering.config.load import from_mapping
from litellm_tiering.config.words import Words
from litellm_tiering.errors import ConfigError
from litellm_tiering.testing.proxy import TIERS, config_for

HOUR = 3600.0
START = 1_795_000_000.0
BOOM = "def boom(exchange):\n    raise ValueError('SECRET')\n"


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(*gates, **tiering):
        more = {"cascade": {"stream": "buffer", "gates": list(gates)}} if gates else {}
        made = config_for("http://127.0.0.1:1", {"store": {"url": "memory://"}, **more, **tiering})
        second = {"model_name": "small-b", "litellm_params": {"model": "anthropic/x"}}
        second["model_info"] = {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}
        made["model_list"].append(second)
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(made))
        return str(path)

    return write


@pytest.fixture
def traffic(tmp_path):
    def write(*lines):
        path = tmp_path / "traffic.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return str(path)

    return write


def looked_at(capsys, config, traffic, *more):
    status = main(["check", "--config", config, "--traffic", traffic, "--json", *more])
    return status, json.loads(capsys.readouterr().out)["traffic"]


def lines(n=10, rejected=4, share=0.5, **more):
    """Half a day of requests, of which some were refused and escalated."""
    for i in range(n):
        held = {"small": answer(text="The capital is Paris.", prompt_tokens=100, completion_tokens=50)}
        if i < rejected:
            refused = answer("refusal", text="I'm sorry, but I can't help with that.", p_bad=0.9)
            held = {"small": refused, "medium": answer(cost=0.02)}
        yield captured(str(i), at=START + i * 12 * HOUR / (n - 1), share=share, responses=held, **more)


def test_each_gates_share_and_what_escalating_costs_a_day(capsys, config, traffic):
    status, found = looked_at(capsys, config({"kind": "not_empty"}, {"kind": "refusal"}), traffic(*lines()))
    assert status == 0
    assert (found["used"], found["requests"], found["hours"]) == (10, 20.0, 12.0)
    assert found["rejected_share"] == pytest.approx(0.4)
    # Four of the sample stand for eight, at what the next tier was paid, in half a day.
    assert found["escalation_usd"] == pytest.approx(8 * 0.02)
    assert found["escalation_usd_per_day"] == pytest.approx(2 * 8 * 0.02)
    empty, refusal = found["gates"]
    assert (empty["gate"], empty["rejected_share"], empty["usd"]) == ("not_empty", 0.0, 0.0)
    assert (refusal["judged"], refusal["alone_share"]) == (10, pytest.approx(0.4))
    assert refusal["alone_usd_per_day"] == pytest.approx(0.32)
    assert found["warnings"] == []


def test_what_was_never_escalated_costs_its_tokens_at_the_next_tiers_price(capsys, config, traffic):
    gate = {"kind": "min_length", "chars": 1_000}
    _, found = looked_at(capsys, config(gate), traffic(*lines(rejected=0, share=1.0)))
    assert found["escalation_usd"] == pytest.approx(10 * (100 * 2e-6 + 50 * 1.2e-5))
    assert found["unpriced"] == 0


def test_gates_that_reject_or_accept_everything_are_named(capsys, config, traffic):
    gates = (
        {"kind": "min_length", "chars": 1_000},
        {"kind": "logprob"},
        {"kind": "acceptable", "min": 0.0001},
    )
    path = config(*gates)
    status, found = looked_at(capsys, path, traffic(*lines(n=250, rejected=0)), "--strict")
    assert status == 1
    assert found["warnings"] == [
        "gate 'min_length' rejects 250 of the 250 answers that it judges: each is paid for twice",
        "gate 'logprob' has no view on any of the 250 answers",
        "gate 'acceptable' accepts all 250 answers that it judges",
    ]


def test_agreements_second_call_is_priced_and_its_recorded_answer_judged(capsys, config, traffic):
    def line(i, second):
        held = {"small": answer(text="42", prompt_tokens=10, completion_tokens=2)}
        if second:
            held["small-b"] = answer("unused", text=second, p_bad=None, beside=True, cost=0.004)
        return captured(str(i), "What is 17 + 25?", share=1.0, responses=held)

    path = config({"kind": "agreement", "with": "small-b"})
    _, found = looked_at(capsys, path, traffic(line(0, "42"), line(1, "43"), line(2, None)))
    assert found["asked_beside_share"] == 1.0
    assert found["beside_usd"] == pytest.approx(2 * 0.004 + 12 * 1e-6)
    (gate,) = found["gates"]
    assert (gate["judged"], gate["rejected_share"]) == (2, pytest.approx(1 / 3))


def test_people_get_a_table_and_what_was_left_out(capsys, config, traffic):
    dearest = captured("top", responses={"large": answer()})
    feedback = {"captured": 1, "id": "0", "feedback": 1.0}
    textless = captured("t", responses={"small": {"cost": 1}})
    name = traffic(*lines(), dearest, feedback, textless, {"id": "x", "responses": {}})
    assert main(["check", "--config", config({"kind": "refusal"}), "--traffic", name]) == 0
    out = capsys.readouterr().out
    assert f"{name}: 10 of 13 lines judged, for 20 requests" in out
    assert "refusal 10 40.0% 40.0% $0.3200 $0.3200" in " ".join(out.split())
    for why in ("began at the dearest tier", "an answer without its text", "no answer of a model of this"):
        assert f"1 lines left out: {why}" in out


def test_traffic_of_a_moment_says_nothing_of_a_day(capsys, config, traffic):
    now = (dict(line, at=START) for line in lines())
    _, found = looked_at(capsys, config({"kind": "refusal"}), traffic(*now))
    assert found["escalation_usd_per_day"] is None
    assert main(["check", "--config", "config.yaml", "--traffic", "traffic.jsonl"]) == 0
    assert "no figures for a day" in capsys.readouterr().out


def test_a_gate_that_fails_is_counted_and_nothing_of_its_error_is_told(capsys, config, traffic, tmp_path):
    (tmp_path / "boom_gate.py").write_text(BOOM)
    path = config({"kind": "callback", "target": "boom_gate:boom", "timeout_ms": 1000})
    status = main(["check", "--config", path, "--traffic", traffic(*lines(3, 0))])
    captured_ = capsys.readouterr()
    assert status == 0
    assert "SECRET" not in captured_.out + captured_.err


WRONG = {
    "absent": (None, "cannot be read"),
    "empty": ("", "it is empty"),
    "nothing to judge": ('{"id": 1}\n', "no `responses` that are an object"),
    "no json": ("{\n", "not JSON"),
}


@pytest.mark.parametrize(("text", "words"), WRONG.values(), ids=WRONG)
def test_traffic_that_cannot_be_used_is_wrong_usage(capsys, config, tmp_path, text, words):
    if text is not None:
        (tmp_path / "t.jsonl").write_text(text)
    path = config({"kind": "refusal"})
    assert main(["check", "--config", path, "--traffic", str(tmp_path / "t.jsonl")]) == 2
    assert words in capsys.readouterr().err


def test_without_a_sound_configuration_or_gates_the_traffic_is_not_looked_at(capsys, config, traffic):
    name = traffic(*lines())
    assert main(["check", "--config", config(mode="wrong"), "--traffic", name, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["traffic"] is None
    assert main(["check", "--config", config(cascade=False), "--traffic", name]) == 2
    assert "no gates" in capsys.readouterr().err


# ------------------------------------------------------------------ the section


def risks(config, **capture):
    found = check(config(capture=capture), {})
    assert found.problems == ()
    return {p.path: p.message for p in found.warnings if p.path.startswith("tiering.capture")}


def test_check_warns_that_prompts_are_stored_and_who_may_read_them(config, tmp_path):
    assert risks(config) == {}
    assert risks(config, share=0.25) == {
        "tiering.capture.share": "prompts and answers of 25% of requests are stored in plain text, in "
        "'capture.jsonl'"
    }
    assert "of some requests" in risks(config, share=0.001)["tiering.capture.share"]
    assert "is not there" in risks(config, share=1, path="no/such/file")["tiering.capture.path"]
    (tmp_path / "capture.jsonl").write_text("")
    (tmp_path / "capture.jsonl").chmod(0o644)
    assert "others may read" in risks(config, share=1)["tiering.capture.path"]
    (tmp_path / "capture.jsonl").chmod(0o600)
    assert "tiering.capture.path" not in risks(config, share=1)
    (tmp_path / "folder").mkdir()
    assert "is no file" in risks(config, share=1, path="folder")["tiering.capture.path"]


MISTAKES = {
    "no file": ({"path": "here/"}, "capture.path", "names no file"),
    "packed": ({"path": "a.jsonl.gz"}, "capture.path", "is not packed"),
    "the store's": ({"path": "./tiering.db"}, "capture.path", "is the file of `store.url` too"),
    "the spool's": ({"path": "tiering-spool.db"}, "capture.path", "is the file of `store.spool` too"),
    "too small": ({"max_mb": 1}, "capture.max_mb", "4"),
    "share": ({"share": 1.5}, "capture.share", "1"),
    "unknown": ({"shares": 1}, "capture.shares", "shares"),
}


@pytest.mark.parametrize(("capture", "path", "words"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_in_the_section_are_told(capture, path, words):
    with pytest.raises(ConfigError) as raised:
        from_mapping({"tiers": TIERS, "capture": capture})
    (problem,) = raised.value.problems
    assert problem.path == f"tiering.{path}"
    assert words in str(problem)


def test_a_part_that_is_not_built_is_refused_by_name():
    part = NotBuilt("budgets[].pacing", lambda value: value == "magic", "pacing: {}", "write `off`")
    tree = {"budgets": [{"pacing": "off"}, {"pacing": "magic"}, {}]}
    (found,) = unavailable(tree, Words(), (part,))
    assert found.loc == ("tiering", "budgets", 1, "pacing")
    assert found.message == "pacing: 'magic' is not available in this version"
    assert list(unavailable({"budgets": 1}, Words(), (part,))) == []
