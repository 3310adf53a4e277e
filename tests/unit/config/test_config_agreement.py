"""The agreement gate in a configuration: what is an error, what is risky, and what becomes of the rest."""

from __future__ import annotations

import pytest
import yaml

from litellm_tiering.config.build import build
from litellm_tiering.config.check import check
from litellm_tiering.config.check_agreement import family
from litellm_tiering.config.load import from_mapping
from litellm_tiering.core.agreement import Agreement
from litellm_tiering.errors import ConfigError

TIERS = [
    {"name": "simple", "model": "small"},
    {"name": "moderate", "model": "medium"},
    {"name": "complex", "model": "large"},
]
MODELS = {
    "small": "openai/gpt-3.5-turbo",
    "small-b": "anthropic/claude-3-haiku",
    "medium": "openai/gpt-4o",
    "large": "anthropic/claude-3-5-sonnet",
    "tiny": "azure/my-deployment",
}
PROXY = {
    "model_list": [{"model_name": n, "litellm_params": {"model": m}} for n, m in MODELS.items()],
    "litellm_settings": {"callbacks": ["litellm_tiering.plugin.handler"]},
    "router_settings": {"model_group_alias": {"auto": "large"}},
}


def section(*gates: dict, **cascade) -> dict:
    return {"tiers": TIERS, "cascade": {"gates": [{"kind": "agreement", **g} for g in gates], **cascade}}


def settings(*gates: dict, **cascade) -> Agreement:
    found = build(from_mapping(section(*gates, **cascade), proxy=PROXY).config).cascade
    assert found is not None
    assert found.agreement is not None
    return found.agreement


def test_what_is_left_out_is_what_a_careful_operator_would_choose():
    assert settings({"with": "small-b"}) == Agreement("agreement", frozenset({0}), "small-b", 1, "auto", 30.0)


def test_all_of_it():
    gate = {
        "name": "second",
        "with": "small-b",
        "at": ["simple", "moderate"],
        "on": "number",
        "serve": "with",
        "timeout_ms": 1500,
    }
    expected = Agreement("second", frozenset({0, 1}), "small-b", 1, "number", 1.5, serve_with=True)
    assert settings(gate) == expected
    assert settings({"samples": 3}) == Agreement("agreement", frozenset({0}), "", 2)
    assert settings({"with": "small-b", "at": "moderate"}).ranks == {1}


def test_inside_another_gate_it_is_asked_as_well():
    inner = {"kind": "agreement", "with": "small-b"}
    cascade = {"gates": [{"kind": "any", "gates": [inner, {"kind": "logprob"}]}]}
    made = build(from_mapping({"tiers": TIERS, "cascade": cascade}).config).cascade
    assert made.agreement.model == "small-b"
    assert build(from_mapping({"tiers": TIERS}).config).cascade.agreement is None


WRONG = {
    "nobody": ({}, "cascade.gates[0]: does not say whom to ask"),
    "both": ({"with": "small-b", "samples": 3}, "cascade.gates[0].samples: stands beside `with`"),
    "unknown group": ({"with": "smal-b"}, "no model group 'smal-b' Fix: did you mean 'small-b'?"),
    "its own model": ({"with": "small"}, "'small' is the model of tier 'simple' itself"),
    "its own model higher up": (
        {"with": "medium", "at": "moderate"},
        "is the model of tier 'moderate' itself",
    ),
    "unknown tier": ({"with": "small-b", "at": "simpel"}, "cascade.gates[0].at: no tier is called 'simpel'"),
    "top": ({"with": "small-b", "at": "complex"}, "'complex' is the dearest tier"),
    "no tier": ({"with": "small-b", "at": []}, "cascade.gates[0].at: is empty"),
    "quorum": ({"with": "small-b", "quorum": 3}, "3 is more than the 2 answers there are"),
    "serve": ({"samples": 3, "serve": "with"}, "is `with`, but there is no second model"),
    "on": ({"with": "small-b", "on": "vibes"}, "cascade.gates[0].on"),
    "samples": ({"samples": 1}, "cascade.gates[0].samples"),
    "timeout": ({"with": "small-b", "timeout_ms": 0}, "cascade.gates[0].timeout_ms"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_work_is_an_error(name):
    gate, told = WRONG[name]
    with pytest.raises(ConfigError) as error:
        from_mapping(section(gate), proxy=PROXY)
    assert told in str(error.value)


def test_a_second_agreement_gate_is_an_error():
    with pytest.raises(ConfigError, match=r"gates\[1\]: is a second `agreement` gate"):
        from_mapping(section({"with": "small-b"}, {"samples": 2, "name": "other"}), proxy=PROXY)


# ---------------------------------------------------------------------- what check says

PRICES = {
    "small": (5e-7, 1.5e-6),
    "small-b": (2.5e-7, 1.25e-6),
    "medium": (2.5e-6, 1e-5),
    "large": (3e-6, 1.5e-5),
    "tiny": (1e-8, 1e-8),
}


def warned(tmp_path, *gates: dict, prices=None, **cascade) -> list[str]:
    file = tmp_path / "config.yaml"
    budgets = [{"scope": "global", "limit_usd": 10}]
    tiering = {**section(*gates, **{"stream": "buffer", **cascade}), "budgets": budgets}
    file.write_text(yaml.safe_dump({**PROXY, "tiering": tiering}))
    report = check(file, {}, prices=(prices or PRICES).get, workers=1)
    assert report.problems == ()
    return [f"{w.path}: {w.message}" for w in report.warnings if "gates" in w.path]


def test_a_sensible_gate_is_left_alone(tmp_path):
    assert warned(tmp_path, {"with": "tiny"}) == []


def test_a_second_model_dearer_than_a_tenth_of_the_next_tier(tmp_path):
    (told,) = warned(tmp_path, {"with": "small-b"})
    assert told.startswith("tiering.cascade.gates[0].with: asking twice costs 12% of what tier 'moderate' ")
    (told,) = warned(tmp_path, {"samples": 3})
    assert told.startswith("tiering.cascade.gates[0].samples: asking twice costs 32% of what tier 'moderate'")


def test_a_second_model_of_the_same_family(tmp_path):
    found = warned(tmp_path, {"with": "small-b", "at": "moderate", "serve": "tier"})
    assert not any("family" in told for told in found)
    proxy = {**MODELS, "tiny": "azure/gpt-4o-mini"}
    listed = [{"model_name": n, "litellm_params": {"model": m}} for n, m in proxy.items()]
    file = tmp_path / "other.yaml"
    file.write_text(
        yaml.safe_dump({**PROXY, "model_list": listed, "tiering": section({"with": "tiny"}, stream="buffer")})
    )
    report = check(file, {}, workers=1)
    (told,) = [w.message for w in report.warnings if "family" in w.message]
    assert told.startswith("'tiny' and tier 'simple' are of one family (gpt)")


def test_a_second_model_without_a_price(tmp_path):
    unknown = {k: v for k, v in PRICES.items() if k != "tiny"}
    (told,) = warned(tmp_path, {"with": "tiny"}, prices=unknown)
    assert "no price is known for 'tiny'" in told


def test_a_dearer_second_model_asks_whose_answer_is_to_be_served(tmp_path):
    dear = {**PRICES, "tiny": (6e-7, 1.6e-6), "medium": (1e-5, 5e-5)}
    (told,) = warned(tmp_path, {"with": "tiny"}, prices=dear)
    assert "gates[0].serve: 'tiny' is the dearer of the two" in told
    assert warned(tmp_path, {"with": "tiny", "serve": "tier"}, prices=dear) == []


@pytest.mark.parametrize("stream", ["prefix", "off"])
def test_streams_that_would_not_be_checked(tmp_path, stream):
    gates = [{"with": "tiny"}]
    if stream == "prefix":
        # By itself that is an error: nothing would ever be checked.
        with pytest.raises(ConfigError, match="none of the gates can judge the beginning"):
            from_mapping(section(*gates, stream=stream), proxy=PROXY)
        return
    (told,) = warned(tmp_path, *gates, stream=stream)
    assert "does not check streams" in told


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("openai/gpt-4o-mini", "gpt"),
        ("azure/o3-mini", "gpt"),
        ("bedrock/anthropic.claude-3-haiku-20240307-v1:0", "claude"),
        ("together_ai/mistralai/Mixtral-8x7B", "mistral"),
        ("mistral/ministral-8b", "mistral"),
        ("vertex_ai/gemini-1.5-flash", "gemini"),
        ("azure/my-deployment", ""),
    ],
)
def test_families(model, name):
    assert family(model) == name
