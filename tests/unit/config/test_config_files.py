from __future__ import annotations

import pytest

from litellm_tiering.config.load import OVERRIDE, load
from litellm_tiering.config.source import MAX_BYTES, parse
from litellm_tiering.errors import ConfigError

MINIMAL = """
litellm_settings:
  callbacks: ["litellm_tiering.plugin.handler"]
router_settings:
  model_group_alias: {auto: large}     # the virtual name, on the dearest tier
tiering:
  tiers:                               # the ladder, cheapest first; model = a model group of this proxy
    - {name: simple,   model: small}
    - {name: moderate, model: medium}
    - {name: complex,  model: large}
"""
MODELS = """
model_list:
  - {model_name: small, litellm_params: {model: openai/a}}
  - {model_name: medium, litellm_params: {model: openai/b}}
  - {model_name: large, litellm_params: {model: openai/c}}
"""
BARE = "tiers: [{name: a, model: small}, {name: b, model: large}]\n"


@pytest.fixture
def write(tmp_path):
    def _write(text, name="config.yaml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return _write


def refused(path, env=None):
    with pytest.raises(ConfigError) as caught:
        load(path, env or {})
    return caught.value.problems


def test_the_smallest_configuration_loads_without_a_warning(write):
    path = write(MODELS + MINIMAL)
    loaded = load(path, {})
    assert [t.name for t in loaded.config.tiers] == ["simple", "moderate", "complex"]
    assert loaded.warnings == ()
    assert loaded.file == str(path)


def test_the_section_and_the_models_may_stand_in_two_files(write):
    proxy = write(MODELS + MINIMAL)
    for text in (BARE, f"tiering:\n  {BARE}"):
        own = write(text, "own.yaml")
        assert [t.name for t in load(proxy, {OVERRIDE: str(own)}).config.tiers] == ["a", "b"]
    wrong = write(BARE.replace("small", "smalll"), "own.yaml")
    ((problem),) = refused(proxy, {OVERRIDE: str(wrong)})
    assert (problem.path, problem.file) == ("tiering.tiers[0].model", f"{wrong}:1")


def test_a_file_of_its_own_needs_no_proxy(write):
    own = write(BARE, "own.yaml")
    assert load(own, {}).config.tiers == load(None, {OVERRIDE: str(own)}).config.tiers


def test_models_may_be_given_beside_the_file(write):
    own = write(BARE, "own.yaml")
    with pytest.raises(ConfigError, match=r"tiers\[1\].model"):
        load(own, {OVERRIDE: str(own)}, proxy={"model_list": [{"model_name": "small"}]})


def test_no_file_is_named():
    assert OVERRIDE in refused(None)[0].fix


def test_a_missing_file(tmp_path):
    ((problem),) = refused(tmp_path / "none.yaml")
    assert "No such file" in problem.message


def test_a_directory_is_no_file(tmp_path):
    assert "cannot be read" in refused(tmp_path)[0].message


@pytest.mark.parametrize("text", ["model_list: []", "", "- a\n", "just words"])
def test_a_file_without_a_section(write, text):
    ((problem),) = refused(write(text))
    assert problem.path == "tiering"
    assert "no such section" in problem.message


def test_problems_carry_their_line(write):
    path = write(MODELS + MINIMAL + "  budgets:\n    - limit_usd: 5\n      windw: day\n  store: {}\n")
    ((problem),) = refused(path)
    lines = path.read_text().splitlines()
    assert problem.file == f"{path}:{1 + lines.index('      windw: day')}"


def test_a_warning_about_the_proxy_carries_its_line(write):
    text = MODELS + MINIMAL.replace("auto: large", "auto: small")
    ((warning),) = load(path := write(text), {}).warnings
    assert warning.path == "router_settings.model_group_alias.auto"
    assert "points at 'small', not at the dearest tier 'large'" in warning.message
    before = text[: text.index("auto: small")].count("\n")
    assert warning.file == f"{path}:{before + 1}"


def test_duplicate_keys_are_errors_in_the_section_and_warnings_elsewhere(write):
    path = write(
        MODELS
        + MINIMAL
        + "  mode: shadow\n  mode: enforce\n  store:\n    url: memory://\n    url: memory://\n"
    )
    assert [p.path for p in refused(path)] == ["tiering.mode", "tiering.store.url"]
    assert "written twice" in refused(path)[0].message
    assert refused(write("tiering: {}\n" + MINIMAL))[0].path == "tiering"
    ((warning),) = load(write(MODELS + MINIMAL + "general_settings: {a: 1, a: 2}\n"), {}).warnings
    assert warning.path == "general_settings.a"


def test_merge_keys_and_anchors_are_fine(write):
    text = """
tiering:
  tiers: [{name: a, model: x}, {name: b, model: y}]
  budgets:
    - &day {scope: team, limit_usd: 5, window: day}
    - {<<: *day, window: month}
"""
    budgets = load(write(text), {}).config.budgets
    assert [(b.window.value, b.limit_usd) for b in budgets] == [("day", 5), ("month", 5)]


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{n}: &{n} [{','.join([f'*{p}'] * 10)}]\n" for p, n in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOMB, "more values"),
        ("tiering: &a [*a]", "alias"),
        ("tiering: &a {b: *a}", "alias"),
        ("[" * 1500, "nested too deeply"),
        ("a: b: c", "not valid YAML"),
        ("a: !!python/object:os.system {}", "not valid YAML"),
        ("a: 2026-99-99", "not valid YAML"),
        ("? [1, 2]\n: 3", "not valid YAML"),
        ("a: 1\n---\nb: 2", "not valid YAML"),
        (b"a: \xfa\xff", "not valid YAML"),
        (b"a: \x00", "not valid YAML"),
        (b" " * (MAX_BYTES + 1), "5 MB"),
    ],
    ids=[
        "bomb",
        "cycle",
        "cycle-in-mapping",
        "deep",
        "syntax",
        "tag",
        "date",
        "list-as-key",
        "two",
        "bytes",
        "nul",
        "big",
    ],
)
def test_what_is_no_configuration_is_refused(write, text, words):
    ((problem),) = refused(write(text))
    assert words in problem.message


def test_invalid_yaml_tells_its_line():
    with pytest.raises(ConfigError) as caught:
        parse("a: 1\nb: [\nc: }\n", "x.yaml")
    assert caught.value.problems[0].file == "x.yaml:3"


def test_off_needs_no_quotes(write):
    text = "tiering:\n  mode: off\n  requirements: off\n  cascade: off\n  budgets: [{pacing: off}]\n  " + BARE
    config = load(write(text), {}).config
    assert (config.mode, config.requirements, config.cascade, config.budgets[0].pacing) == (
        "off",
        "off",
        False,
        "off",
    )


def test_sections_with_everything_commented_out_are_as_if_absent(write):
    config = load(
        write("tiering:\n  budgets:\n  #  - limit_usd: 5\n  routes:\n  store:\n  " + BARE), {}
    ).config
    assert (config.budgets, config.routes, config.store.url) == ((), None, "sqlite:///tiering.db")
