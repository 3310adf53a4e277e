from __future__ import annotations

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from litellm_tiering.config.load import from_mapping
from litellm_tiering.config.propose_write import (
    Addition,
    Rung,
    Taken,
    added,
    by_hand,
    literal,
    refuse_taken,
    wanted,
)
from litellm_tiering.config.proxy import HANDLER
from litellm_tiering.config.rewrite import CannotRewrite

MODELS = """\
model_list:   # ours
  - {model_name: small, litellm_params: {model: openai/a}}
  - {model_name: large, litellm_params: {model: openai/b}}
"""
TWO = Addition((Rung("simple", "small", "0.10 / 0.40"), Rung("complex", "large")))


@pytest.fixture
def file(tmp_path):
    def _write(text):
        path = tmp_path / "config.yaml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return _write


def _after(path, addition=TWO):
    return added(path, addition).after.decode("utf-8")


@pytest.mark.parametrize(
    "more",
    [
        "",
        "litellm_settings:\n",
        "litellm_settings: {}\n",
        "litellm_settings: {drop_params: true}\n",
        "litellm_settings:\n  drop_params: true  # yes\n  # the end\n",
        "litellm_settings:\n  callbacks: prometheus\n",
        "litellm_settings:\n  callbacks: [prometheus]  # metrics\n",
        'litellm_settings: {"callbacks": ["prometheus"], "drop_params": true}\n',
        "litellm_settings:\n  callbacks:\n    - prometheus # metrics\n\n    # more\n  drop_params: true\n",
        "litellm_settings:\n  callbacks:\n  - prometheus\n  - langfuse",
        "litellm_settings:\n  callbacks: [\n    prometheus,\n    langfuse,\n  ]\n",
        "litellm_settings:\n  callbacks:\n  drop_params: true\n",
        "litellm_settings:\n  callbacks: []\n",
        f"litellm_settings:\n  callbacks: [{HANDLER}]\n",
        f"litellm_settings: {{callbacks: {HANDLER}}}\n",
        "router_settings:\n",
        "router_settings: {}\n",
        "router_settings:\n  model_group_alias:\n",
        "router_settings:\n  model_group_alias: {}\n",
        "router_settings:\n  model_group_alias: {fast: small}\n  num_retries: 1\n",
        "router_settings:\n    model_group_alias:\n        fast: small # quick\n        slow: large\n",
        "router_settings: {fallbacks: [{small: [large]}]}\n",
        "router_settings:\n  fallbacks:\n    - small:\n        - large\n  # the end\n",
        "general_settings:\n  master_key: |\n    sk-1\n    sk-2\n",
        "x: &x {a: 1}\ngeneral_settings: {<<: *x, b: 2}\ny: *x\n",
        "general_settings: {master_key: x}  # no newline at the end",
    ],
)
def test_only_three_things_are_added_whatever_the_file_looks_like(file, more):
    text = MODELS + more
    after = _after(file(text))
    data, before = yaml.safe_load(after), yaml.safe_load(text)
    assert data == wanted(before, TWO)
    assert data["tiering"] == {
        "tiers": [{"name": "simple", "model": "small"}, {"name": "complex", "model": "large"}]
    }
    assert HANDLER in data["litellm_settings"]["callbacks"]
    assert data["router_settings"]["model_group_alias"]["auto"] == "large"
    rest = iter(after.splitlines())
    kept = [line for line in text.splitlines() if "#" in line]
    assert all(any(line.split("#")[1] in other for other in rest) for line in kept)
    from_mapping(data["tiering"], proxy=data)  # a proxy starts with it


def test_windows_lines_a_byte_order_mark_and_an_indented_file_are_kept(file):
    raw = ("\ufeff" + MODELS.replace("\n", "\r\n")).encode("utf-8")
    after = added(file(raw), TWO).after
    assert after.startswith(raw)
    assert after.count(b"\n") == after.count(b"\r\n")
    indented = "".join(f"  {line}\n" for line in MODELS.splitlines())
    assert yaml.safe_load(_after(file(indented)))["tiering"]["tiers"][0]["model"] == "small"


def test_nothing_but_additions_in_the_diff(file):
    rewritten = added(file(MODELS + "litellm_settings:\n  callbacks:\n    - a  # b\n"), TWO)
    assert [line for line in rewritten.diff().splitlines()[2:] if line.startswith("-")] == []
    assert "+    - {name: simple, model: small}   # 0.10 / 0.40" in rewritten.diff()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (MODELS + "tiering: {tiers: []}\n", "section already"),
        (MODELS + "tiering:\n", "section already"),
        (MODELS + "router_settings: {model_group_alias: {auto: small}}\n", "'auto' already, for 'small'"),
        (MODELS + "  - {model_name: auto, litellm_params: {model: openai/c}}\n", "called 'auto' already"),
    ],
)
def test_what_is_there_already_is_refused(file, text, why):
    with pytest.raises(Taken, match=why):
        added(file(text), TWO)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no LiteLLM configuration"),
        ("- a\n", "no LiteLLM configuration"),
        ('{"model_list": []}', "written in a way"),
        (MODELS + "...\n", "written in a way"),
        (MODELS + "litellm_settings: 3\n", "no mapping"),
        (MODELS + "x: &x {a: 1}\nrouter_settings: *x\n", "written in a way"),
        (b"model_list: [\xff]\n", "not UTF-8"),
    ],
)
def test_what_cannot_be_written_in_place_is_left_alone(file, text, why):
    with pytest.raises(CannotRewrite, match=why):
        added(file(text), TWO)


def test_a_file_that_is_not_there_is_told_of(tmp_path):
    with pytest.raises(CannotRewrite, match="cannot be read"):
        added(tmp_path / "none.yaml", TWO)


def test_shadow_and_another_name_are_written_with_routes_of_their_own(file):
    rungs = (Rung("simple", "small"), Rung("complex", "large"))
    data = yaml.safe_load(_after(file(MODELS), Addition(rungs, alias="smart", shadow=True, head=("Ours.",))))
    assert data["router_settings"] == {"model_group_alias": {"smart": "large"}}
    assert data["tiering"]["mode"] == "shadow"
    routes = data["tiering"]["routes"]
    assert [r["models"] for r in routes] == [["smart"], ["small"], ["large"]]
    assert from_mapping(data["tiering"], proxy=data).config.mode == "shadow"


def test_by_hand_says_the_same():
    data = yaml.safe_load(MODELS + "litellm_settings: {callbacks: [a]}\n")
    said = yaml.safe_load(by_hand(data, TWO))
    assert wanted(data, TWO) == {**data, **said}


def test_a_name_as_a_pattern_matches_itself_alone():
    assert literal("a*[b]?") == "a[*][[]b][?]"


def test_a_list_of_callbacks_is_no_reason_to_look_twice():
    with pytest.raises(CannotRewrite):
        refuse_taken(["model_list"], "auto")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=20))
def test_whatever_models_are_called_they_are_written_as_they_are_or_not_at_all(file, name):
    text = yaml.safe_dump({"model_list": [{"model_name": name, "litellm_params": {}}]}, allow_unicode=True)
    addition = Addition((Rung("simple", name, f"a {name} # b"), Rung("complex", name)))
    try:
        data = yaml.safe_load(_after(file(text), addition))
    except Taken:
        assert name == "auto"
    except CannotRewrite:
        pytest.fail("a name could not be written")
    else:
        assert [t["model"] for t in data["tiering"]["tiers"]] == [name, name]
