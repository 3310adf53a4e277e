from __future__ import annotations

import math
import sys
from itertools import count

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.config.build import BATCH_DEADLINE_MS, INTERACTIVE_DEADLINE_MS, build
from litellm_tiering.config.build_gates import (
    FaultLog,
    build_gate,
    build_panel,
    judges_prefix,
    name_of,
    wants_logprobs,
)
from litellm_tiering.config.check import check
from litellm_tiering.config.load import from_mapping
from litellm_tiering.core.gate import Exchange, Said
from litellm_tiering.errors import ConfigError

TIERS = [{"name": "simple", "model": "small"}, {"name": "complex", "model": "large"}]
EVERY = [
    {"kind": "not_empty"},
    {"kind": "min_length", "chars": 2},
    {"kind": "max_length", "chars": 9000},
    {"kind": "finished"},
    {"kind": "refusal"},
    {"kind": "json_schema", "mode": "strict"},
    {"kind": "confidence", "path": "sure.how", "min": 0.7},
    {"kind": "logprob", "min_mean": None, "min_token": -5, "max_perplexity": 9},
    {"kind": "repetition"},
    {"kind": "unbalanced"},
    {"kind": "language"},
    {"kind": "all", "gates": [{"kind": "refusal"}, {"kind": "finished"}]},
    {"kind": "any", "gates": [{"kind": "min_length", "chars": 5}, {"kind": "unbalanced"}]},
    {"kind": "weighted", "threshold": 0.6, "gates": [{"weight": 2, "gate": {"kind": "refusal"}}]},
]
_modules = count()


def config(section=None, **more):
    return from_mapping({"tiers": TIERS, "cascade": section or {}, **more}).config


def gates(*listed):
    return config({"gates": list(listed)}).cascade.gates


def problems(**section):
    with pytest.raises(ConfigError) as caught:
        config(section)
    return {p.path.removeprefix("tiering.cascade"): f"{p.message} | {p.fix}" for p in caught.value.problems}


def warnings(section):
    return {w.path: w.message for w in from_mapping({"tiers": TIERS, **section}).warnings}


async def judged(panel, text="", **said):
    return await panel.judge(Exchange(Said(text, **said)))


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a module of the owner's where the interpreter finds it, and names it."""
    monkeypatch.syspath_prepend(tmp_path)

    def _write(text):
        name = f"own_gates_{next(_modules)}"
        (tmp_path / f"{name}.py").write_text(text)
        return name

    yield _write
    for name in [n for n in sys.modules if n.startswith("own_gates_")]:
        del sys.modules[name]


OWN = """
from litellm_tiering.core.gate import Verdict
from litellm_tiering.gates.target import gate

def plain(exchange):
    return "TODO" not in exchange.answer

@gate(name="marked", prefix=True)
def early(exchange):
    return Verdict.accept()

number = 5
"""


# ------------------------------------------------------------------ what is built


def test_the_defaults():
    cascade = build(from_mapping({"tiers": TIERS}).config).cascade
    assert (cascade.max_escalations, cascade.stream, cascade.bypass_above) == (1, "prefix", 0.40)
    assert (cascade.prefix_chars, cascade.prefix_ms, cascade.probe_share) == (160, 2000, 0.05)
    assert cascade.wants_logprobs is False
    assert cascade.gates.judges_prefix is True


def test_no_cascade_is_none():
    assert build(from_mapping({"tiers": TIERS, "cascade": False}).config).cascade is None


def test_what_is_written_is_what_is_built():
    keys = {
        "max_escalations": 3,
        "stream": "buffer",
        "prefix_chars": 40,
        "prefix_ms": 9,
        "bypass_above": 1.0,
        "probe_share": 0.2,
    }
    cascade = build(config({**keys, "gates": [{"kind": "logprob"}]})).cascade
    assert {key: getattr(cascade, key) for key in keys} == keys
    assert cascade.wants_logprobs is True


async def test_the_default_gates_are_the_four():
    panel = build_panel(None, pytest.fail)
    assert [g.name for g in panel.members] == ["not_empty", "finished", "refusal", "json_schema"]
    assert (await judged(panel)).by == "not_empty"
    assert (await judged(panel, "Well, the", finish_reason="length")).by == "finished"
    assert (await judged(panel, "I'm sorry, but I can't help with that.")).by == "refusal"
    assert (await judged(panel, "Paris.", finish_reason="stop")).accepted


def test_every_kind_is_built_under_its_name():
    listed = gates(*EVERY)
    assert [build_gate(g).name for g in listed] == [g["kind"] for g in EVERY]
    named = gates(*({**g, "name": f"own-{i}"} for i, g in enumerate(EVERY)))
    assert [build_gate(g).name for g in named] == [f"own-{i}" for i in range(len(EVERY))]


def test_what_is_said_of_prefixes_is_what_the_gates_say():
    assert [judges_prefix(g) for g in gates(*EVERY)] == [build_gate(g).judges_prefix for g in gates(*EVERY)]


@pytest.mark.parametrize("kind", ["all", "any"])
@pytest.mark.parametrize("inner", [["refusal", "finished"], ["finished"], ["refusal", "not_empty"]])
def test_so_it_is_of_gates_that_combine_others(kind, inner):
    listed = [{"kind": k} for k in inner]
    (one,) = gates({"kind": kind, "gates": listed})
    assert judges_prefix(one) is build_gate(one).judges_prefix
    (vote,) = gates({"kind": "weighted", "gates": [{"gate": g} for g in listed]})
    assert judges_prefix(vote) is build_gate(vote).judges_prefix


async def test_the_settings_of_each_gate_reach_it():
    def by(*listed):
        return build_panel(gates(*listed), pytest.fail)

    assert (await judged(by({"kind": "min_length", "chars": 3}), "ab")).by == "min_length"
    assert (await judged(by({"kind": "max_length", "chars": 3}), "abcd")).by == "max_length"
    sure = by({"kind": "confidence", "path": "a.b", "min": 0.9})
    assert (await judged(sure, '{"a": {"b": 0.89}}')).by == "confidence"
    assert (await judged(sure, '{"a": {"b": 0.91}}')).accepted
    token = by({"kind": "logprob", "min_mean": None, "min_token": -3})
    assert (await judged(token, "a", logprobs=(-0.1, -4.0))).by == "logprob"
    assert (await judged(token, "a", logprobs=(-2.9, -2.9))).accepted
    perplexity = by({"kind": "logprob", "min_mean": None, "max_perplexity": math.e})
    assert (await judged(perplexity, "a", logprobs=(-1.1,))).by == "logprob"
    assert (await judged(by({"kind": "logprob", "min_mean": -0.5}), "a", logprobs=(-0.6,))).by == "logprob"


async def test_combined_gates_are_one():
    long = {"kind": "min_length", "chars": 5}
    short = {"kind": "max_length", "chars": 2}
    either = build_panel(gates({"kind": "any", "name": "fits", "gates": [long, short]}), pytest.fail)
    assert (await judged(either, "abc")).by == "fits"
    assert (await judged(either, "abcdef")).accepted
    both = build_panel(
        gates({"kind": "all", "name": "both", "gates": [long, {"kind": "refusal"}]}), pytest.fail
    )
    assert (await judged(both, "abc")).by == "both"
    votes = [{"weight": 3, "gate": long}, {"weight": 1, "gate": {"kind": "not_empty"}}]
    for threshold, by in ((0.7, "weighted"), (0.8, "")):
        vote = build_panel(gates({"kind": "weighted", "threshold": threshold, "gates": votes}), pytest.fail)
        assert (await judged(vote, "abc")).by == by


async def test_a_function_of_the_owners_is_asked(module):
    own = module(OWN)
    panel = build_panel(
        gates({"kind": "callback", "target": f"{own}:plain", "timeout_ms": 60_000}), pytest.fail
    )
    assert (await judged(panel, "TODO")).by == "plain"
    assert (await judged(panel, "done")).accepted


@pytest.mark.parametrize(
    ("gate", "name"),
    [
        ({"target": "{}:plain"}, "plain"),
        ({"target": "{}.plain"}, "plain"),
        ({"target": "{}:marked"}, "by_decorator"),
        ({"target": "{}:marked", "name": "by_owner"}, "by_owner"),
    ],
)
async def test_a_callback_is_called_what_its_owner_calls_it(module, gate, name):
    own = module(OWN + NAMED)
    target = gate["target"].format(own)
    panel = build_panel(
        gates({"kind": "callback", "timeout_ms": 60_000, **gate, "target": target}), pytest.fail
    )
    assert (await judged(panel, "TODO")).by == name


NAMED = """
from litellm_tiering import gate

@gate(name="by_decorator")
def marked(exchange):
    return "TODO" not in exchange.answer
"""


@pytest.mark.parametrize("on_error", ["accept", "reject"])
async def test_what_a_failing_function_counts_as_and_who_is_told(module, on_error):
    own = module("def boom(exchange):\n    raise KeyError(exchange.answer)\n")
    one = {"kind": "callback", "name": "own", "target": f"{own}:boom", "on_error": on_error}
    faults = []
    panel = build_panel(
        gates({**one, "timeout_ms": 60_000}), lambda where, error: faults.append((where, type(error)))
    )
    assert (await judged(panel, "zebra")).accepted is (on_error == "accept")
    assert faults == [("gate:own", KeyError)]


def test_faults_are_logged_once_and_without_what_was_answered(caplog):
    log = FaultLog()
    for _ in range(3):
        log("gate:own", KeyError("zebra"))
    log("gate:own", ValueError("zebra"))
    assert [r.getMessage().split(";")[0] for r in caplog.records] == [
        "fault in gate:own: KeyError",
        "fault in gate:own: ValueError",
    ]
    assert "zebra" not in caplog.text


def test_logprobs_are_wanted_by_gates_within_others_too():
    assert wants_logprobs(None) is False
    assert wants_logprobs(gates({"kind": "confidence"})) is False
    inner = {"kind": "any", "gates": [{"kind": "finished"}, {"kind": "logprob"}]}
    assert wants_logprobs(gates({"kind": "weighted", "gates": [{"gate": inner}]})) is True


def test_a_deadline_is_set_by_who_waits():
    def deadline(cascade=None, **route):
        section = {"tiers": TIERS, "routes": [{"name": "r", "models": ["auto"], **route}]}
        if cascade is not None:
            section["cascade"] = cascade
        return build(from_mapping(section).config).route_for("auto").deadline_s

    assert deadline() == INTERACTIVE_DEADLINE_MS / 1000 == 60
    assert deadline(latency="batch") == BATCH_DEADLINE_MS / 1000 == 600
    assert deadline(latency="batch", deadline_ms=1500) == 1.5
    assert deadline(cascade=False) is None
    assert deadline(classify=False, tier="simple") is None
    default = build(from_mapping({"tiers": TIERS}).config)
    assert [r.deadline_s for r in default.routes] == [60, None, None]


# ------------------------------------------------------------------ what is wrong

A, B = {"kind": "refusal"}, {"kind": "finished"}
LONG, SHORT = {"kind": "min_length", "chars": 9}, {"kind": "max_length", "chars": 8}


def nested(depth, inner=B):
    for _ in range(depth - 1):
        inner = {"kind": "all", "gates": [inner]}
    return inner


WRONG = {
    "no-gates": ([], ".gates", "write `cascade: false`"),
    "no-gates-within": ([A, {"kind": "any", "gates": []}], ".gates[1].gates", "is empty"),
    "no-votes": ([A, {"kind": "weighted", "gates": []}], ".gates[1].gates", "is empty"),
    "same-kind": ([A, B, A], ".gates[2].name", "'refusal' already | give this one a `name`"),
    "same-name": ([A, {**B, "name": "refusal"}], ".gates[1].name", "'refusal' already"),
    "same-name-within": ([A, {"kind": "all", "gates": [B, B]}], ".gates[1].gates[1].name", "'finished'"),
    "same-name-of-votes": (
        [A, {"kind": "weighted", "gates": [{"gate": B}, {"gate": B}]}],
        ".gates[1].gates[1].gate.name",
        "'finished'",
    ),
    "odd-name": ([{**A, "name": "a:b"}], ".gates[0].name", "plain name"),
    "long-name": ([{**A, "name": "x" * 41}], ".gates[0].name", "at most 40"),
    "name-taken": ([{**A, "name": "ok"}], ".gates[0].name", "another name"),
    "lengths": ([LONG, SHORT], ".gates[0].chars", "9 is above the 8 of `max_length`"),
    "lengths-within": ([A, {"kind": "all", "gates": [SHORT, LONG]}], ".gates[1].gates[1].chars", "swap"),
    "no-bound": ([{"kind": "logprob", "min_mean": None}], ".gates[0]", "has no bound"),
    "mean": ([{"kind": "logprob", "min_mean": 0.1}], ".gates[0].min_mean", "0 or less"),
    "token": ([{"kind": "logprob", "min_token": True}], ".gates[0].min_token", "a number, not true"),
    "perplexity": ([{"kind": "logprob", "max_perplexity": 1}], ".gates[0].max_perplexity", "more than 1"),
    "schema-mode": ([{"kind": "json_schema", "mode": "strikt"}], ".gates[0].mode", "'strict'?"),
    "weight": (
        [A, {"kind": "weighted", "gates": [{"weight": 0, "gate": B}]}],
        ".gates[1].gates[0].weight",
        "more than 0",
    ),
    "threshold": (
        [A, {"kind": "weighted", "threshold": 2, "gates": [{"gate": B}]}],
        ".gates[1].threshold",
        "1 or less",
    ),
    "vote-without-gate": (
        [A, {"kind": "weighted", "gates": [{"weight": 1}]}],
        ".gates[1].gates[0].gate",
        "add",
    ),
    "bare-gate-as-vote": (
        [A, {"kind": "weighted", "gates": [{"gate": B}, {"weight": 1, "kind": "refusal", "gate": A}]}],
        ".gates[1].gates[1].kind",
        "unknown key",
    ),
    "unknown-kind-within": (
        [A, {"kind": "all", "gates": [{"kind": "x"}]}],
        ".gates[1].gates[0]",
        "all, any, weighted",
    ),
    "too-deep": ([A, nested(5)], ".gates[1].gates[0].gates[0].gates[0].gates[0]", "at most 4 deep"),
    "far-too-deep": ([A, nested(12)], ".gates[1].gates[0].gates[0].gates[0].gates[0]", "at most 4 deep"),
    "too-many": ([{**A, "name": f"g{n}"} for n in range(65)], ".gates", "65 gates"),
    "too-many-within": (
        [
            {"kind": "all", "gates": [{**A, "name": f"g{n}"} for n in range(32)]},
            {"kind": "any", "gates": [{**B, "name": f"g{n}"} for n in range(32)]},
        ],
        ".gates",
        "66 gates",
    ),
    "no-such-module": ([{"kind": "callback", "target": "no_such_m:f"}], ".gates[0].target", "'no_such_m'"),
    "no-such-function": ([{"kind": "callback", "target": "json:nope"}], ".gates[0].target", "has no 'nope'"),
    "no-function": ([{"kind": "callback", "target": "math:pi"}], ".gates[0].target", "not a function"),
    "no-entry-point": ([{"kind": "callback", "target": "nope"}], ".gates[0].target", "'nope'"),
    "no-function-within": (
        [A, {"kind": "weighted", "gates": [{"gate": {"kind": "callback", "target": "math:pi"}}]}],
        ".gates[1].gates[0].gate.target",
        "package.module:function",
    ),
}


@pytest.mark.parametrize(("listed", "path", "words"), WRONG.values(), ids=WRONG)
def test_each_mistake_is_told_where_it_is_with_what_to_do(listed, path, words):
    found = problems(gates=listed)
    assert list(found) == [path]
    assert words in found[path]


SOUND = {
    "lengths-either": [{"kind": "any", "gates": [LONG, SHORT]}],
    "lengths-apart": [LONG, {"kind": "any", "gates": [SHORT, A]}],
    "same-name-elsewhere": [A, {"kind": "all", "gates": [A]}, {"kind": "any", "gates": [A]}],
    "deep": [nested(4)],
    "many": [{**A, "name": f"g{n}"} for n in range(64)],
    "one-bound": [{"kind": "logprob", "min_mean": None, "max_perplexity": 2}],
    "two-functions": [
        {"kind": "callback", "target": "builtins:bool"},
        {"kind": "callback", "target": "builtins:bool", "name": "other"},
    ],
}


@pytest.mark.parametrize("listed", SOUND.values(), ids=SOUND)
def test_what_looks_odd_and_is_sound(listed):
    assert [name_of(g) for g in gates(*listed)]
    assert build(config({"gates": listed})).cascade.gates


def test_everything_wrong_is_told_at_once():
    found = problems(
        stream="prefix",
        prefix_chars=0,
        gates=[
            {"kind": "logprob", "min_mean": None},
            B,
            B,
            {"kind": "max_length"},
            {"kind": "acceptable", "min": 2},
        ],
        bypass=1,
    )
    assert list(found) == [
        ".prefix_chars",
        ".gates[0]",
        ".gates[2].name",
        ".gates[3].chars",
        ".gates[4].min",
        ".bypass",
    ]


def test_what_cannot_be_read_is_not_missed():
    """A list whose only gate is wrong is not called empty, nor unable to judge a prefix."""
    assert list(problems(stream="prefix", gates=[{"kind": "max_length"}])) == [".gates[0].chars"]
    assert list(problems(stream="prefix", gates=[B, {"kind": "x"}])) == [".gates[1]"]
    votes = {"kind": "weighted", "gates": [{"weight": -1}]}
    assert set(problems(gates=[A, {"kind": "x"}, votes])) == {
        ".gates[1]",
        ".gates[2].gates[0].gate",
        ".gates[2].gates[0].weight",
    }


def test_functions_are_imported_only_when_nothing_else_is_wrong(module):
    own = module("raise SystemError('imported')\n")
    one = {"kind": "callback", "target": f"{own}:f"}
    assert list(problems(gates=[one], bypass=1)) == [".bypass"]
    assert own not in sys.modules
    found = problems(gates=[one, {**one, "name": "again", "target": "math:pi"}])
    assert list(found) == [".gates[0].target", ".gates[1].target"]
    assert "SystemError" in found[".gates[0].target"]


def test_a_target_that_comes_from_the_environment_is_not_shown():
    section = {"tiers": TIERS, "cascade": {"gates": [{"kind": "callback", "target": "os.environ/THE_GATE"}]}}
    with pytest.raises(ConfigError) as caught:
        from_mapping(section, env={"THE_GATE": "s3cr3t:thing"})
    assert "os.environ/THE_GATE names no function" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


LATE = [B, {"kind": "confidence"}, {"kind": "any", "gates": [B, A]}]


def test_a_prefix_that_no_gate_can_judge():
    assert list(problems(stream="prefix", gates=LATE)) == [".stream"]
    assert "`stream: buffer`" in problems(stream="prefix", gates=LATE)[".stream"]
    for sound in (
        {"gates": LATE},
        {"stream": "buffer", "gates": LATE},
        {"stream": "off", "gates": LATE},
        {"stream": False, "gates": LATE},
        {"stream": "prefix", "gates": [*LATE, A]},
        {"stream": "prefix", "gates": [*LATE, {"kind": "all", "gates": [B, A]}]},
        {"stream": "prefix"},
    ):
        assert config(sound)


def test_a_function_says_itself_whether_it_judges_prefixes(module):
    own = module(OWN)
    plain, early = ({"kind": "callback", "target": f"{own}:{f}"} for f in ("plain", "early"))
    assert list(problems(stream="prefix", gates=[plain, B])) == [".stream"]
    assert build(config({"stream": "prefix", "gates": [early, B]})).cascade.gates.judges_prefix is True
    assert [judges_prefix(g) for g in gates(plain, {**early, "name": "x"})] == [False, True]


def test_a_function_that_is_missing_is_not_asked_about_prefixes():
    gone = {"kind": "callback", "target": "no_such_m:f"}
    assert list(problems(stream="prefix", gates=[gone, B])) == [".gates[0].target"]
    assert list(problems(stream="prefix", gates=[gone, B], bypass=1)) == [".bypass"]


def test_check_names_the_gates_that_streams_pass_by(tmp_path):
    def late(cascade):
        path = tmp_path / "c.yaml"
        path.write_text(yaml.safe_dump({"tiering": {"tiers": TIERS, "cascade": cascade}}))
        report = check(path, {})
        assert report.problems == ()
        return [w.message for w in report.warnings if w.path.startswith("tiering.cascade")]

    (told,) = late({"gates": [A, {**B, "name": "whole"}, {"kind": "unbalanced"}]})
    assert told.endswith(": whole, unbalanced")
    assert late({}) == late({"gates": [A]}) == []
    assert late({"stream": "buffer", "gates": [A, B]}) == []


def test_escalating_never_is_a_risk():
    assert (
        "served all the same"
        in warnings({"cascade": {"max_escalations": 0}})["tiering.cascade.max_escalations"]
    )
    assert warnings({"cascade": {"max_escalations": 1, "bypass_above": 1.0}}) == {}


def test_a_deadline_without_a_cascade_is_a_risk():
    def told(route, **more):
        section = {"routes": [{"name": "r", "models": ["auto"], "deadline_ms": 5, **route}], **more}
        return warnings(section).get("tiering.routes[0].deadline_ms", "")

    assert told({}) == ""
    assert told({"classify": False, "tier": "simple", "cascade": True}) == ""
    assert "`cascade: false`" in told({"cascade": False})
    assert "every route" in told({}, cascade=False)
    assert "`cascade: true`" in told({"classify": False, "tier": "simple"})


# ------------------------------------------------------------------ whatever is written

kinds = st.sampled_from([g["kind"] for g in EVERY] + ["arithmetic", "x"])
values = st.none() | st.booleans() | st.integers(-2, 70) | st.floats() | st.text(max_size=5)
plain = st.fixed_dictionaries(
    {"kind": kinds},
    optional={
        "name": st.sampled_from(["a", "b", "ok", ""]) | values,
        "chars": values,
        "min": values,
        "min_mean": values,
        "threshold": values,
        "mode": values,
    },
)
trees = st.recursive(
    plain,
    lambda inner: st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["all", "any", "weighted"]),
            "gates": st.lists(inner | st.fixed_dictionaries({"gate": inner}), max_size=3),
        }
    ),
    max_leaves=12,
)


@given(st.lists(trees | values, max_size=4), st.sampled_from(["off", "prefix", "buffer", False, 1]))
def test_any_gates_are_built_or_refused(listed, stream):
    section = {"tiers": TIERS, "cascade": {"stream": stream, "gates": listed}}
    try:
        read = from_mapping(section, file="f").config
    except ConfigError as error:
        refusal = error
    else:
        assert build(read).cascade.gates.members
        return
    assert all(p.path and p.message for p in refusal.problems)
    assert str(refusal).replace("\n", " ").isprintable()
