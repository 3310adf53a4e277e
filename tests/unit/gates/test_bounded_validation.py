from __future__ import annotations

import gzip
import json
import os
import pathlib
import socket
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.gates import drafts, validation
from litellm_tiering.gates.descent import bare
from litellm_tiering.gates.drafts import DRAFT_7, DRAFT_2020_12
from litellm_tiering.gates.ecma import Pattern, translate
from litellm_tiering.gates.metering import STEPS, Meter
from litellm_tiering.gates.validation import Fit, fit

ROOT = pathlib.Path(__file__).resolve().parents[3]
DATA = pathlib.Path(os.environ.get("TIERING_DATA", ROOT.parent / "shared" / "data"))
SUITE = DATA / "jsonschema_suite.jsonl.gz"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.skipif(not SUITE.exists(), reason="no schema suite: set TIERING_DATA")
@pytest.mark.parametrize("told", [True, False], ids=["draft told", "draft guessed"])
def test_every_row_of_the_suite_is_judged_as_it_says(told):
    named = {"draft7": DRAFT_7, "draft2020-12": DRAFT_2020_12}
    with gzip.open(SUITE, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    assert len(rows) > 1_000
    wrong = [
        row["id"]
        for row in rows
        if fit(row["schema"], row["instance"], draft=named[row["source"].split("/")[1]] if told else "").fits
        is not row["valid"]
    ]
    assert not wrong


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a socket was asked for")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


def doubling(keyword, count):
    """A schema of ``count`` parts that takes two to the power of ``count`` steps."""
    parts = {"p0": {"type": "object", "required": ["z"]}}
    for i in range(1, count):
        parts[f"p{i}"] = {keyword: [{"$ref": f"#/$defs/p{i - 1}"}] * 2}
    return {"$ref": f"#/$defs/p{count - 1}", "$defs": parts}


MANY = ["x"] * 100_000
EXPLOSIONS = {
    "anyOf to the power of 40": (doubling("anyOf", 40), {}),
    "oneOf to the power of 40": (doubling("oneOf", 40), {}),
    "allOf to the power of 40": (doubling("allOf", 40), {"z": 1}),
    "a reference to itself": ({"$ref": "#"}, 1),
    "a reference to itself, with a dialect": ({"$schema": DIALECT, "$ref": "#"}, 1),
    "two references to each other": (
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        1,
    ),
    "a dynamic reference to itself": ({"$dynamicRef": "#a", "$dynamicAnchor": "a"}, 1),
    "unevaluated properties of itself": ({"$ref": "#", "unevaluatedProperties": False}, {"a": 1}),
    "a pattern of too many states": ({"pattern": "(a|b)*a(a|b){900}c"}, "ab" * 100_000),
    "unique items, nested": ({"uniqueItems": True}, [[i] for i in range(100_000)]),
    "an empty schema for many items": ({"items": {}}, MANY),
    "no branch for a large value": ({"anyOf": [False] * 20_000}, MANY),
    "a quoting keyword for a large value": ({"anyOf": [{"minItems": 10**9}] * 2_000}, MANY),
    "many required names of many objects": (
        {"items": {"required": [f"n{i}" for i in range(4_000)]}},
        [{f"n{i}": 1 for i in range(4_000)}] * 200,
    ),
    "patterns times properties": (
        {"patternProperties": {f"^a{i}$": {} for i in range(900)}, "additionalProperties": False},
        {f"b{i}": 1 for i in range(900)},
    ),
}


@pytest.mark.parametrize(("schema", "value"), EXPLOSIONS.values(), ids=EXPLOSIONS.keys())
def test_what_would_explode_ends_undecided(schema, value):
    assert fit(schema, value) == Fit(None, "too_complex")


def test_a_dialect_named_inside_a_schema_does_not_escape_the_count():
    inner = {**doubling("anyOf", 40), "$schema": DIALECT, "$id": "http://inner.example/"}
    assert fit({"$schema": DIALECT, "properties": {"a": inner}}, {"a": {}}) == Fit(None, "too_complex")


SETTLED = {
    "a pattern that makes others backtrack": (
        {"pattern": "^(a+)+$"},
        "a" * 100_000 + "b",
        Fit(False, "pattern"),
    ),
    "many strings, all different": ({"uniqueItems": True}, [f"x{i}" for i in range(100_000)], Fit(True)),
    "many strings, two alike": (
        {"uniqueItems": True},
        [*map(str, range(99_999)), "7"],
        Fit(False, "uniqueItems"),
    ),
    "numbers whose hashes collide": (
        {"uniqueItems": True},
        [i * (2**61 - 1) for i in range(50_000)],
        Fit(True),
    ),
    "a long list of values": ({"enum": [*range(20_000)]}, 19_999.0, Fit(True)),
    "a long list of values, many times": (
        {"items": {"enum": [f"v{i}" for i in range(9_000)]}},
        ["v1"] * 2_000,
        Fit(True),
    ),
    "a quotient beyond all floats": ({"multipleOf": 1e-308}, 1e308, Fit(True)),
    "a factor larger than its multiple": ({"multipleOf": 1e308}, 1e-308, Fit(False, "multipleOf")),
    "an integer of 4,000 digits": ({"multipleOf": 0.5}, 10**4_000, Fit(True)),
    "a decimal fraction": ({"multipleOf": 0.01}, 4.35, Fit(True)),
    "60 times not": (json.loads('{"not":' * 60 + "{}" + "}" * 60), 1, Fit(True)),
}


@pytest.mark.parametrize(("schema", "value", "expected"), SETTLED.values(), ids=SETTLED.keys())
def test_what_explodes_elsewhere_is_settled_here_within_the_steps(schema, value, expected):
    meter = Meter()
    assert fit(schema, value, meter=meter) == expected
    assert 0 <= meter.left < STEPS


def nested(depth, core=None):
    schema = core or {}
    for _ in range(depth):
        schema = {"not": schema}
    return schema


CYCLE: dict = {}
CYCLE["not"] = CYCLE
NO_SCHEMAS = {
    "no type": ({"type": "bogus"}, "invalid_schema"),
    "required is no list": ({"required": "a"}, "invalid_schema"),
    "behind a reference, where nobody checks": ({"$ref": "#/x", "x": {"minLength": "a"}}, "invalid_schema"),
    "a type behind a reference": ({"$ref": "#/x", "x": {"type": "bogus"}}, "invalid_schema"),
    "a reference to no place": ({"$ref": "#/nope"}, "invalid_schema"),
    "an anchor that is none": ({"$ref": "#nope"}, "invalid_schema"),
    "an id that is no address": ({"$id": "http://["}, "invalid_schema"),
    "a list": ([1], "invalid_schema"),
    "nothing": (None, "invalid_schema"),
    "not of JSON": ({"const": object()}, "invalid_schema"),
    "NaN": ({"const": float("nan")}, "invalid_schema"),
    "too deep": (nested(validation.MAX_SCHEMA_DEPTH + 1), "schema_too_large"),
    "without an end": (CYCLE, "schema_too_large"),
    "too many values": ({"enum": [*range(validation.MAX_SCHEMA_NODES + 1)]}, "schema_too_large"),
    "too many characters": ({"description": "x" * validation.MAX_SCHEMA_CHARS}, "schema_too_large"),
    "too many characters, written": ({"description": "\x01" * 100_000}, "schema_too_large"),
    "too many parts to check": ({"anyOf": [{"maximum": i} for i in range(9_000)]}, "too_complex"),
    "an unknown draft": ({"$schema": "http://example.com/mine"}, "unknown_draft"),
    "a draft that is no name": ({"$schema": 7}, "unknown_draft"),
    "a remote reference": ({"$ref": "http://169.254.169.254/latest/meta-data"}, "remote_ref"),
    "a file": ({"$ref": "file:///etc/passwd"}, "remote_ref"),
    "a remote dynamic reference": ({"$dynamicRef": "http://127.0.0.1/#x"}, "remote_ref"),
    "a remote reference from a named draft": ({"$schema": DRAFT_7, "$ref": "x.json"}, "remote_ref"),
    "a pattern that looks ahead": ({"pattern": "^(?=.*[A-Z])"}, "pattern"),
    "a pattern that looks back at itself": ({"pattern": r"(.)\1"}, "pattern"),
    "a pattern that is none": ({"pattern": "(((("}, "pattern"),
}


@pytest.mark.parametrize(("schema", "reason"), NO_SCHEMAS.values(), ids=NO_SCHEMAS.keys())
def test_a_schema_that_cannot_be_judged_by_says_why(schema, reason):
    for _ in range(2):  # the second time from what is kept
        assert fit(schema, "text") == Fit(None, reason)


LOOK = {"pattern": "^(?=a)"}


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({**LOOK, "maxLength": 0}, "a", Fit(False, "maxLength")),
        ({"allOf": [LOOK, {"maxLength": 0}]}, "a", Fit(False, "maxLength")),
        ({"anyOf": [LOOK, {"maxLength": 0}]}, "b", Fit(None, "pattern")),
        ({"not": LOOK}, "b", Fit(None, "pattern")),
        ({"oneOf": [LOOK, {"type": "string"}]}, "b", Fit(None, "pattern")),
        ({"if": LOOK, "then": False}, "b", Fit(None, "pattern")),
        ({"contains": LOOK, "maxContains": 0, "minContains": 0}, ["b"], Fit(None, "pattern")),
        (
            {"patternProperties": {"(?=a)": False}, "additionalProperties": False},
            {"b": 1},
            Fit(None, "pattern"),
        ),
        (
            {"patternProperties": {"(?=a)": {}}, "unevaluatedProperties": False},
            {"b": 1},
            Fit(None, "pattern"),
        ),
        ({"anyOf": [{"$ref": "http://x.example/"}, True], "type": "number"}, "b", Fit(False, "type")),
        ({"not": {"$ref": "http://x.example/"}}, "b", Fit(None, "remote_ref")),
        ({"pattern": "^a"}, "\ud800", Fit(None, "pattern")),
    ],
)
def test_what_is_unknown_never_makes_a_pass_or_a_failure(schema, value, expected):
    assert fit(schema, value) == expected


@pytest.mark.parametrize(
    ("schema", "value", "keyword"),
    [
        ({"properties": {"a": {"items": {"type": "string"}}}}, {"a": ["x", 1]}, "type"),
        ({"additionalProperties": False}, {"secret": 1}, "additionalProperties"),
        (False, 1, "false"),
        ({"properties": {"a": False}}, {"a": 1}, "properties"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"minimum": 3}}}, 1, "minimum"),
        ({"unevaluatedItems": False}, [1], "unevaluatedItems"),
    ],
)
def test_a_failure_is_named_after_its_keyword(schema, value, keyword):
    assert fit(schema, value) == Fit(False, keyword)


@pytest.mark.parametrize(
    ("uri", "schema", "value", "fits"),
    [
        ("http://json-schema.org/draft-04/schema#", {"minimum": 5, "exclusiveMinimum": True}, 5, False),
        ("http://json-schema.org/draft-06/schema#", {"exclusiveMinimum": 5}, 5, False),
        ("https://json-schema.org/draft-07/schema", {"items": [{"type": "string"}]}, [1], False),
        (
            "https://json-schema.org/draft/2019-09/schema",
            {"items": [True], "unevaluatedItems": False},
            [1, 2],
            False,
        ),
        (
            "https://json-schema.org/draft/2019-09/schema",
            {"items": [True], "unevaluatedItems": False},
            [1],
            True,
        ),
        (
            "https://json-schema.org/draft/2019-09/schema",
            {"contains": {"const": 1}, "maxContains": 1},
            [1, 1],
            False,
        ),
        (DIALECT, {"prefixItems": [True], "items": False}, [1, 2], False),
    ],
)
def test_a_schema_is_read_as_its_draft_says(uri, schema, value, fits):
    assert fit({"$schema": uri, **schema}, value).fits is fits


def test_the_metaschemas_are_at_hand():
    assert fit({"$ref": DIALECT}, {"type": "object"}) == Fit(True)
    assert fit({"$ref": DIALECT}, {"type": "bogus"}).fits is False


SCHEMAS = (
    {},
    {"type": "object"},
    {"properties": {"a": {"type": 5}}},
    {"not": {"minLength": -1}},
    {"allOf": []},
    {"$ref": 5},
    {"enum": 5},
    {"required": [1]},
)


@pytest.mark.parametrize("uri", sorted(drafts.DRAFTS))
def test_a_flat_metaschema_says_what_the_published_one_says(uri):
    published = drafts.DRAFTS[uri].META_SCHEMA
    for schema in (*SCHEMAS, published):
        flat = validation._run(validation._metaschema(uri), schema, Meter()).fits
        assert flat is fit({"$ref": uri, "$schema": DIALECT}, schema).fits


def test_a_schema_may_be_any_mapping_and_is_not_kept_by_identity():
    schema = {"type": "object", "required": ["a"]}
    view = MappingProxyType(schema)
    assert fit(view, {}) == Fit(False, "required")
    schema["required"] = []
    assert fit(view, {}) == Fit(True)


def test_what_is_kept_is_bounded(monkeypatch):
    kept = validation._Kept()
    monkeypatch.setattr(validation, "_KEPT", kept)
    for i in range(validation.KEPT + 20):
        fit({"maximum": i}, 1)
    assert len(kept._documents) == validation.KEPT
    for i in range(30):
        fit({"description": str(i) + "x" * 200_000}, 1)
    assert kept._chars == sum(len(text) for _, text in kept._documents) <= validation.KEPT_CHARS


def test_several_judgements_share_one_meter():
    meter = Meter(100)
    schema = {"items": {"type": "string"}}
    assert fit(schema, ["a"] * 8, meter=meter) == Fit(True)
    assert fit(schema, ["a"] * 80, meter=meter) == Fit(None, "too_complex")


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        (r"^\p{Letter}+$", "π", "1"),
        (r"^\p{Script=Greek}\p{gc=Lu}$", "πΠ", "aA"),
        (r"^\P{digit}$", "x", "٣"),
        (r"^\d$", "1", "٣"),
        (r"^\s$", "\u2003", "x"),
        (r"^[\s]$", "\ufeff", "x"),
        (r"^[^\S]$", "\v", "x"),
        (r"^\S$", "x", "\u3000"),
        (r"^.$", "\x85", "\u2028"),
        (r"^a$", "a", "a\n"),
        (r"^[\w-\.]+$", "a-b.c", "a b"),
        (r"^[[:x]$", "[", "]"),
        (r"^(?<year>[0-9]{4})$", "2024", "24"),
        (r"^\cA\x41\u0042\u{43}\0$", "\x01ABC\0", "ABC"),
        (r"^\ud83d\udc32$", "🐲", "x"),
        (r"^[\b]$", "\b", "b"),
        (r"^[^]$", "\n", ""),
        (r"^(a|[])$", "a", "b"),
        (r"^\/\-\.$", "/-.", "/-x"),
        (r"^x{,2}$", "x{,2}", "xx"),
    ],
)
def test_patterns_mean_what_ecma_262_says(pattern, yes, no):
    assert Pattern(pattern).found_in(yes)
    assert not Pattern(pattern).found_in(no)


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?!a)",
        r"(?<=a)",
        r"\1",
        r"\k<n>",
        r"\Z",
        r"\a",
        "[",
        "\\",
        r"\u12",
        r"\x{1}",
        r"\c1",
        r"\pL",
        r"\u{110000}",
        r"\ud800",
        "\ud800",
        "a{2000}",
        "x" * 3_000,
        "(?<n",
        r"\p{L",
        r"\p{Emoji}",
    ],
)
def test_patterns_without_a_safe_reading_are_refused(pattern):
    with pytest.raises(ValueError):
        Pattern(pattern)


@given(source=st.text(alphabet=st.sampled_from("\\[](){}^$.*+?|-,:<=!aZ19pPuxcsSdwbBkΠ\ud800"), max_size=20))
def test_any_pattern_is_compiled_or_refused(source):
    try:
        Pattern(source).found_in("a1Z π")
    except ValueError:
        return
    assert translate(source) or not source


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=4),
    max_leaves=10,
)
KEYWORDS = sorted(validation.NAMES | {"then", "else", "$defs", "definitions", "$id", "$anchor", "$schema"})
PARTS = st.recursive(
    st.booleans() | JSON | st.sampled_from(["#", "#/$defs/a", "object", "^a", "a", DIALECT]),
    lambda inner: (
        st.dictionaries(st.sampled_from([*KEYWORDS, "a"]), inner, max_size=4) | st.lists(inner, max_size=3)
    ),
    max_leaves=12,
)


@given(schema=PARTS, value=JSON)
def test_any_schema_and_any_value_end_in_a_verdict(schema, value):
    found = fit(schema, value)
    assert found.fits is not True or found.why == ""
    assert found.fits is not False or found.why in {*validation.NAMES, "false"}


@given(value=JSON, other=JSON)
def test_the_bare_form_is_equal_where_json_is(value, other):
    def plain(each):
        return json.dumps(each, sort_keys=True).replace("-0.0", "0").replace(".0", "")

    assert bare(value, Meter()) == bare(json.loads(json.dumps(value)), Meter())
    if plain(value) != plain(other) and "e+" not in plain([value, other]):
        assert bare(value, Meter()) != bare(other, Meter())


def test_one_is_a_number_and_true_is_not():
    assert bare(1, Meter()) == bare(1.0, Meter()) == bare(1e0, Meter())
    assert bare(True, Meter()) != bare(1, Meter())
    assert bare({"a": [0]}, Meter()) != bare({"a": [False]}, Meter())
