from __future__ import annotations

import os
import stat

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from litellm_tiering.config.rewrite import CannotRewrite, Change, flow, rewrite, snippet
from litellm_tiering.errors import ConfigError

TIERS = "  tiers:\n    - {name: a, model: x}  # cheap\n    - {name: b, model: y}\n"
LISTED = ("tiering", "classifiers", 0, "thresholds")
NEW = {"b": 0.25}


@pytest.fixture
def done(tmp_path):
    """Makes changes to a text and gives what the file then holds."""

    def _do(text, *changes, name="given.yaml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        rewrite(path, changes).write()
        return path.read_bytes().decode()

    return _do


def listed(item, more=""):
    return f"# head\ntiering:\n{TIERS}  classifiers:\n{item}{more}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            listed("    - kind: heuristic # as it comes\n", "  mode: shadow\n"),
            listed(
                "    - kind: heuristic # as it comes\n      thresholds: {b: 0.25}\n",
                "  mode: shadow\n",
            ),
        ),
        (listed("    - {kind: heuristic}\n"), listed("    - {kind: heuristic, thresholds: {b: 0.25}}\n")),
        (
            listed("    - {kind: heuristic,  # why\n       }\n"),
            listed("    - {kind: heuristic, thresholds: {b: 0.25},  # why\n       }\n"),
        ),
        (
            listed("    - kind: heuristic\n      thresholds:\n        'b':   0.50   # half\n"),
            listed("    - kind: heuristic\n      thresholds:\n        'b':   0.25   # half\n"),
        ),
        (
            listed('    - kind: heuristic\n      thresholds: {"b": .5}   # half\n\n# end'),
            listed('    - kind: heuristic\n      thresholds: {"b": 0.25}   # half\n\n# end'),
        ),
        (
            listed("    - kind: heuristic\n      thresholds:\n      abstain_below: 0.1\n"),
            listed("    - kind: heuristic\n      thresholds: {b: 0.25}\n      abstain_below: 0.1\n"),
        ),
        (
            listed("    - kind: heuristic\n      thresholds: ~\n"),
            listed("    - kind: heuristic\n      thresholds: {b: 0.25}\n"),
        ),
        (listed("    - kind: heuristic"), listed("    - kind: heuristic\n      thresholds: {b: 0.25}")),
        (
            '{"tiering": {"classifiers": [{"kind": "heuristic"}]}}',
            '{"tiering": {"classifiers": [{"kind": "heuristic", "thresholds": {"b": 0.25}}]}}',
        ),
    ],
)
def test_only_what_is_asked_for_changes(done, before, after):
    assert done(before, Change(LISTED, NEW, "kind")) == after
    windows = done(before.replace("\n", "\r\n"), Change(LISTED, NEW, "kind"))
    assert windows == after.replace("\n", "\r\n")
    marked = done("\ufeff" + before, Change(LISTED, NEW, "kind"))
    assert marked == "\ufeff" + after


def test_a_list_that_is_not_there_comes_behind_the_tiers(done):
    chain = Change(("tiering", "classifiers"), [{"kind": "heuristic", "thresholds": NEW}], "tiers")
    text = f"tiering:\n{TIERS}\n  # money\n  budgets: []\n"
    added = "  classifiers:\n    - kind: heuristic\n      thresholds: {b: 0.25}\n"
    assert done(text, chain) == f"tiering:\n{TIERS}{added}\n  # money\n  budgets: []\n"
    assert done("tiering: {tiers: [], mode: shadow}", chain) == (
        "tiering: {tiers: [], mode: shadow, classifiers: [{kind: heuristic, thresholds: {b: 0.25}}]}"
    )


def test_a_file_of_the_section_alone_and_a_tier_list_without_indent(done):
    chain = Change(("classifiers",), [{"kind": "heuristic", "thresholds": NEW}], "tiers")
    found = done("---\ntiers:\n- name: a\n  model: x\n- name: b\n  model: y\nmode: shadow\n", chain)
    assert found.splitlines()[6:9] == ["classifiers:", "  - kind: heuristic", "    thresholds: {b: 0.25}"]
    assert list(yaml.safe_load(found)) == ["tiers", "classifiers", "mode"]


def test_several_changes_and_values_in_gates(done):
    text = listed(
        "    - {kind: heuristic}\n",
        "  cascade:\n    gates:\n      - {kind: g, min: 0.5}  # ok\n      - kind: h\n",
    )
    gates = ("tiering", "cascade", "gates")
    found = done(
        text,
        Change(LISTED, NEW, "kind"),
        Change((*gates, 0, "min"), 0.3),
        Change((*gates, 1, "min"), 0.4, "kind"),
    )
    assert "- {kind: g, min: 0.3}  # ok\n      - kind: h\n        min: 0.4\n" in found
    assert yaml.safe_load(found)["tiering"]["classifiers"][0]["thresholds"] == NEW


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x: &c {kind: h, thresholds: {b: 1}}\ntiering: {classifiers: [*c]}\n", "alias"),
        ("x: &t {b: 1}\ntiering:\n  classifiers:\n    - {kind: h, thresholds: *t}\n", "alias"),
        ("tiering: {classifiers: [{kind: h, thresholds: {b: os.environ/B}}]}", "environment"),
        ("tiering: {classifiers: [{kind: h, thresholds: {b: 1, c: 2}}]}", "more than"),
        ("tiering: {classifiers: []}", "there is no"),
        ("tiering: {mode: off}", "there is no"),
        ("tiering: [1]", "there is no"),
        ("tiering: {classifiers: [{}]}", "empty"),
        ("tiering:\n  classifiers:\n    - kind: h\n      thresholds:\n        - 1\n", "block of its own"),
        (b"tiering: {classifiers: [{kind: h, name: \xff}]}", "UTF-8"),
    ],
)
def test_what_cannot_be_done_safely_is_refused_and_nothing_is_written(done, tmp_path, text, told):
    with pytest.raises(CannotRewrite, match=told):
        done(text, Change(LISTED, NEW, "kind"))
    kept = (tmp_path / "given.yaml").read_bytes()
    assert kept == (text if isinstance(text, bytes) else text.encode())


def test_what_a_merge_key_brings_is_overridden_where_it_is_merged(done):
    text = "x: &c {thresholds: {b: 1}}\ntiering:\n  classifiers:\n    - <<: *c\n      kind: h\n"
    assert done(text, Change(LISTED, NEW, "kind")) == text + "      thresholds: {b: 0.25}\n"


def test_an_anchor_that_others_use_is_not_changed_under_them(done):
    text = "tiering:\n  classifiers:\n    - {kind: h, thresholds: &t {b: 1}}\nother: *t\n"
    with pytest.raises(CannotRewrite):
        done(text, Change(LISTED, NEW, "kind"))
    unused = done(text.replace("other: *t", "other: 1"), Change(LISTED, NEW, "kind"))
    assert "thresholds: &t {b: 0.25}" in unused


def test_a_file_that_is_no_yaml_or_not_there(tmp_path):
    (tmp_path / "bad.yaml").write_text("a: [")
    with pytest.raises(ConfigError, match="not valid YAML"):
        rewrite(tmp_path / "bad.yaml", [Change(("a",), 1)])
    with pytest.raises(CannotRewrite, match="cannot be read"):
        rewrite(tmp_path / "absent.yaml", [Change(("a",), 1)])
    with pytest.raises(CannotRewrite, match="no value"):
        (tmp_path / "one.yaml").write_text("a: 1")
        rewrite(tmp_path / "one.yaml", [Change((), 1)])


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("a: 1\n")
    found = rewrite(path, [Change(("a",), 2)])
    path.write_text("a: 3\n")
    with pytest.raises(CannotRewrite, match="changed meanwhile"):
        found.write()
    assert path.read_text() == "a: 3\n"
    assert [p.name for p in tmp_path.iterdir()] == ["c.yaml"]


def test_who_judges_may_stop_it(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("a: 1\n")

    def refuse(beside):
        assert (beside.read_text(), beside.suffix) == ("a: 2\n", ".yaml")
        raise CannotRewrite("no")

    with pytest.raises(CannotRewrite, match="no"):
        rewrite(path, [Change(("a",), 2)]).write(judge=refuse)
    assert (path.read_text(), len(list(tmp_path.iterdir()))) == ("a: 1\n", 1)


def test_a_link_stays_one_and_the_mode_is_kept(tmp_path):
    target, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    target.write_text("a: 1\n")
    target.chmod(0o640)
    link.symlink_to(target)
    rewrite(link, [Change(("a",), 2)]).write()
    assert link.is_symlink()
    assert target.read_text() == "a: 2\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_copy_leaves_the_file_as_it_is(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("a: 1\n")
    rewrite(path, [Change(("a",), 2)]).write(tmp_path / "copy.yaml")
    assert (path.read_text(), (tmp_path / "copy.yaml").read_text()) == ("a: 1\n", "a: 2\n")


def test_a_directory_that_is_not_there_is_told(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("a: 1\n")
    with pytest.raises(CannotRewrite, match="cannot be written"):
        rewrite(path, [Change(("a",), 2)]).write(tmp_path / "absent" / os.curdir / "c.yaml")


def test_the_difference_is_shown_without_secrets(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(
        'api_key: sk-1\nlist:\n  - {redis_url: "redis://u:pw@h", a: 1}\na: 1\nmaster_key: sk-2\r\n'
    )
    shown = rewrite(path, [Change(("a",), 2)]).diff()
    assert "-a: 1\n+a: 2" in shown
    assert not any(secret in shown for secret in ("sk-1", "sk-2", "pw"))
    assert "master_key" in shown


NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32).map(lambda x: round(x, 6))
TEXT = st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=8)
KEYS = st.text("abcyn-: ", min_size=1, max_size=4)
VALUES = st.recursive(
    NUMBERS | st.integers(-99, 99) | st.booleans() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(VALUES)
def test_whatever_is_written_is_read_as_it_was_meant(tmp_path, value):
    assert yaml.safe_load(flow(value)) == value
    path = tmp_path / "c.yaml"
    path.write_text("a: {b: 1}\nc: 2\n")
    assert yaml.safe_load(rewrite(path, [Change(("a", "d"), value)]).after)["a"]["d"] == value


def test_a_snippet_says_where():
    changes = [Change(LISTED, {"b": 0.00001}), Change(("tiering", "cascade", "gates", 2, "min"), 0.5)]
    assert (
        snippet(changes)
        == "tiering.classifiers[0].thresholds: {b: 0.00001}\ntiering.cascade.gates[2].min: 0.5"
    )
