"""Classifiers that ask models, in the configuration: what is refused, and what is built."""

from __future__ import annotations

import pytest

from litellm_tiering import weights
from litellm_tiering.classifiers.embedding_local import installed
from litellm_tiering.config import build_embedding, sense_asking
from litellm_tiering.config.build import build
from litellm_tiering.config.load import from_mapping
from litellm_tiering.errors import ConfigError

TIERS = [{"name": "simple", "model": "small"}, {"name": "complex", "model": "large"}]
MODELS = {
    "model_list": [{"model_name": n, "litellm_params": {"model": n}} for n in ("small", "large", "emb")]
}
EXAMPLES = {"simple": ["hello"], "complex": ["prove it"]}
LLM = {"kind": "llm", "model": "small"}
REMOTE = {"kind": "embedding", "model": "emb", "examples": EXAMPLES}
needs_model = pytest.mark.skipif(not installed(), reason="the extra `embeddings` is not installed")


def load(*classifiers, base=None, **more):
    file = str(base / "config.yaml") if base else ""
    section = {"tiers": TIERS, "classifiers": list(classifiers), **more}
    return from_mapping(section, proxy=MODELS, file=file)


def problems(*classifiers, base=None):
    with pytest.raises(ConfigError) as caught:
        load(*classifiers, base=base)
    return [str(p) for p in caught.value.problems]


WRONG = {
    "no such group": ({**LLM, "model": "smal"}, "no model group 'smal'"),
    "no such tier": ({**LLM, "tiers": {"simpel": "x"}}, "no tier is called 'simpel'"),
    "no such embedder": ({**REMOTE, "model": "embed"}, "no model group 'embed'"),
    "nothing to go by": ({"kind": "embedding", "model": "emb"}, "there is nothing to go by"),
    "two to go by": ({**REMOTE, "head": "h.json"}, "both `examples` and `head` are written"),
    "one tier's examples": ({**REMOTE, "examples": {"simple": ["a"]}}, "fewer than two tiers"),
    "examples of no tier": ({**REMOTE, "examples": {**EXAMPLES, "hard": ["a"]}}, "no tier is called 'hard'"),
    "an empty example": ({**REMOTE, "examples": {"simple": [""], "complex": ["b"]}}, "examples"),
    "no such file": ({"kind": "embedding", "model": "emb", "path": "no.yaml"}, "no.yaml"),
    "no such head": ({"kind": "embedding", "model": "emb", "head": "no.json"}, "no.json"),
    "thresholds": ({**REMOTE, "thresholds": {"simple": 0.5}}, "the cheapest tier has no threshold"),
}


@pytest.mark.parametrize("name", WRONG)
def test_each_mistake_is_told(name, tmp_path):
    classifier, said = WRONG[name]
    assert any(said in problem for problem in problems(classifier, base=tmp_path))


FILES = {
    "not a mapping": ("- a\n- b\n", "is no mapping"),
    "a tier that is not there": ("simple: [a]\nhard: [b]\n", "no tier is called 'hard'"),
    "texts that are none": ("simple: [a]\ncomplex: [3]\n", "no list of prompts"),
    "a text where a list should be": ("simple: a\ncomplex: [b]\n", "no list of prompts"),
    "one tier": ("simple: [a, b]\n", "fewer than two tiers"),
    "too many": (f"simple: {['a'] * 400}\ncomplex: [b]\n", "more than 300"),
    "no YAML": ("simple: [a\n", "YAML"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_wrong_file_of_examples_is_told(name, tmp_path):
    text, said = FILES[name]
    (tmp_path / "examples.yaml").write_text(text)
    found = problems({"kind": "embedding", "model": "emb", "path": "examples.yaml"}, base=tmp_path)
    assert any(said in problem and "examples.yaml" in problem for problem in found)


HEADS = {
    "another kind": ("router", {"embedder": "emb"}, {"weights": [1.0] * 5, "thresholds": [0.1]}, "of kind"),
    "another model's vectors": (
        "head",
        {"embedder": "local"},
        {"weights": [1.0] * 5, "thresholds": [0.1]},
        "'local'",
    ),
    "no weights": ("head", {"embedder": "emb"}, {"thresholds": [0.1]}, "no weights"),
    "too few weights": ("head", {"embedder": "emb"}, {"weights": [1.0], "thresholds": [0.1]}, "weights"),
    "another ladder": (
        "head",
        {"embedder": "emb"},
        {"weights": [1.0] * 5, "thresholds": [0.1, 0.2]},
        "ladder",
    ),
}


@pytest.mark.parametrize("name", HEADS)
def test_a_head_that_does_not_fit_is_told(name, tmp_path):
    kind, header, arrays, said = HEADS[name]
    weights.write(tmp_path / "head.json", kind, header, arrays)
    found = problems({"kind": "embedding", "model": "emb", "head": "head.json"}, base=tmp_path)
    assert any(said in problem for problem in found)


def test_a_head_that_fits_is_built_with_its_own_thresholds(tmp_path):
    weights.write(
        tmp_path / "head.json", "head", {"embedder": "emb"}, {"weights": [1.0] * 5, "thresholds": [0.25]}
    )
    loaded = load({"kind": "embedding", "model": "emb", "head": "head.json"}, base=tmp_path)
    chain = build(loaded.config, base=loaded.base).chain
    assert chain.asks
    assert chain._classifiers[0].thresholds == (0.25,)


def test_without_the_extra_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(sense_asking, "installed", lambda: False)
    found = problems({"kind": "embedding", "examples": EXAMPLES})
    assert any("pip install 'litellm-tiering[embeddings]'" in problem for problem in found)


def test_without_the_extra_nothing_is_built_either(monkeypatch):
    def missing():
        raise ImportError

    monkeypatch.setattr(build_embedding, "encoder", missing)
    monkeypatch.setattr(sense_asking, "installed", lambda: True)
    loaded = load({"kind": "embedding", "examples": EXAMPLES})
    with pytest.raises(ConfigError, match="litellm-tiering\\[embeddings\\]"):
        build(loaded.config)


@needs_model
def test_local_examples_are_read_when_it_is_built(tmp_path):
    (tmp_path / "examples.yaml").write_text("simple: [hello there]\ncomplex: [prove the theorem]\n")
    loaded = load({"kind": "embedding", "path": "examples.yaml", "neighbours": 1}, base=tmp_path)
    chain = build(loaded.config, base=loaded.base).chain
    assert not chain.asks


def test_the_llm_is_built_with_what_is_written():
    chain = build(load({**LLM, "tiers": {"simple": "chat"}, "timeout_ms": 200}).config).chain
    assert chain.asks
    (llm,) = chain._classifiers
    assert llm.model == "small"
    assert "- simple: chat" in llm._system


RISKY = {
    "the dearest tier's model": ([{**LLM, "model": "large"}], "is the dearest tier's"),
    "never asked": ([{"kind": "heuristic"}, LLM], "the heuristic never does"),
    "never asked, embedding": ([{"kind": "heuristic"}, REMOTE], "the heuristic never does"),
}


@pytest.mark.parametrize("name", RISKY)
def test_what_is_risky_is_warned_of(name):
    classifiers, said = RISKY[name]
    assert any(said in str(w) for w in load(*classifiers).warnings)


def test_a_proxy_with_guardrails_is_told_who_sees_texts_first():
    proxy = {**MODELS, "guardrails": [{"guardrail_name": "mask"}]}
    for classifier, warned in ((LLM, True), (REMOTE, True), ({"kind": "heuristic"}, False)):
        found = from_mapping({"tiers": TIERS, "classifiers": [classifier]}, proxy=proxy).warnings
        assert any("guardrails" in str(w) for w in found) is warned


def test_a_sound_chain_is_not_warned_of():
    found = load({"kind": "heuristic", "abstain_below": 0.6}, REMOTE, LLM).warnings
    assert not [w for w in found if "classifiers" in w.path]
