from __future__ import annotations

import json
import math
import os
import struct
from array import array
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from litellm_tiering import weights
from litellm_tiering.errors import BadModel

if TYPE_CHECKING:
    from pathlib import Path

LARGE = {"a": [float(n) for n in range(600)], "b": [0.5, -0.25]}


def written(path: Path, arrays: dict[str, list[float]] | None = None, **header: Any) -> Path:
    weights.write(path, "router", header, LARGE if arrays is None else arrays)
    return path


def changed(path: Path, **parts: Any) -> None:
    whole = json.loads(path.read_text())
    whole.update(parts)
    path.write_text(json.dumps({k: v for k, v in whole.items() if v is not ...}))


def refused(path: Path, kind: str = "router") -> str:
    with pytest.raises(BadModel) as found:
        weights.read(path, kind)
    assert " Fix: " in str(found.value)
    return str(found.value)


def test_what_is_written_is_read_again(tmp_path):
    path = written(tmp_path / "deep" / "model.json", steps=2, name="x")
    found = weights.read(path, "router")
    assert found.header == {"steps": 2, "name": "x"}
    assert found.arrays["a"].tolist() == LARGE["a"]
    assert found.array("b", 2).tolist() == [0.5, -0.25]
    assert (tmp_path / "deep" / "model.f32").stat().st_size == 602 * 4
    assert sorted(p.name for p in path.parent.iterdir()) == ["model.f32", "model.json"]


def test_a_small_model_needs_no_second_file(tmp_path):
    path = written(tmp_path / "model.json", {"a": [1.0, 0.5], "none": []})
    assert [p.name for p in tmp_path.iterdir()] == ["model.json"]
    assert weights.read(path, "router").arrays == {"a": array("f", [1.0, 0.5]), "none": array("f")}


def test_the_same_model_gives_the_same_bytes_and_digest(tmp_path):
    one, two = written(tmp_path / "one.json", n=1), written(tmp_path / "two.json", n=1)
    assert one.read_bytes() == two.read_bytes()
    assert weights.read(one, "router").digest == weights.read(two, "router").digest
    assert (
        weights.read(written(tmp_path / "three.json", n=2), "router").digest
        != weights.read(one, "router").digest
    )


def test_a_file_that_is_written_over_is_never_half_of_each(tmp_path):
    path = written(tmp_path / "model.json")
    written(path, {"a": [1.0] * 700})
    assert weights.read(path, "router").arrays["a"].tolist() == [1.0] * 700


def test_a_model_that_comes_between_the_reading_of_both_files_is_read(tmp_path, monkeypatch):
    path = written(tmp_path / "model.json")
    content, calls = weights._content, []

    def reading(file, most):
        found = content(file, most)
        if not calls:
            written(path, {"a": [2.0] * 800})
        calls.append(file.name)
        return found

    monkeypatch.setattr(weights, "_content", reading)
    assert weights.read(path, "router").arrays["a"].tolist() == [2.0] * 800
    # A sidecar of another size than the first file tells is not read.
    assert calls == ["model.json", "model.json", "model.f32"]


def test_the_readers_of_a_header_refuse_what_is_not_there_or_out_of_range(tmp_path):
    found = weights.read(written(tmp_path / "m.json", n=3, x=0.5, t="word", flag=True, big=10**40), "router")
    assert (found.whole("n", 1, 5), found.number("x", 0, 1), found.text("t")) == (3, 0.5, "word")
    assert found.whole("big", 0, 10**50) == 10**40
    for ask in (
        lambda: found.whole("n", 4, 5),
        lambda: found.whole("x", 0, 5),
        lambda: found.whole("flag", 0, 5),
        lambda: found.whole("none", 0, 5),
        lambda: found.number("x", 0.6),
        lambda: found.number("t"),
        lambda: found.number("flag"),
        lambda: found.number("none"),
        lambda: found.number("big", 0, 1e6),
        lambda: found.text("n"),
        lambda: found.text("t", 2),
        lambda: found.array("none"),
        lambda: found.array("b", 3),
    ):
        with pytest.raises(BadModel, match=r"m\.json"):
            ask()


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"format": 2}, "format 2"),
        ({"format": "1"}, "format unknown"),
        ({"format": True}, "format 1"),
        ({"format": ...}, "format unknown"),
        ({"kind": "gate"}, "'gate', not 'router'"),
        ({"kind": ["router"]}, "'other'"),
        ({"kind": "x" * 999}, "'other'"),
        ({"header": []}, "lacks its header"),
        ({"header": ...}, "lacks its header"),
        ({"arrays": 3}, "lacks its header or its weights"),
        ({"arrays": {str(n): 1 for n in range(65)}}, "lacks its header or its weights"),
        ({"arrays": {"a": 600}}, "does not fit their shapes"),
        ({"arrays": {"a": -1, "b": 603}}, "impossible size"),
        ({"arrays": {"a": 10**12, "b": 2}}, "impossible size"),
        ({"arrays": {"a": True, "b": 601}}, "impossible size"),
        ({"arrays": {"a": 600.0, "b": 2}}, "impossible size"),
        ({"arrays": {"a": [1.0], "b": 2}}, "impossible size"),
        ({"arrays": {"a": 599, "b": 3}, "sidecar": {"bytes": 2408, "sha256": "00"}}, "is not the file that"),
        ({"sidecar": {"bytes": 2408}}, "is not the file that"),
        ({"sidecar": {"bytes": "2408"}}, "does not fit"),
        ({"sidecar": 7}, "does not fit"),
        ({"sidecar": {"bytes": 10**10, "sha256": ""}}, "does not fit"),
        ({"sidecar": None}, "not lists of a few numbers"),
        ({"sidecar": None, "arrays": {"a": [1.0] * 513}}, "not lists of a few numbers"),
        ({"sidecar": None, "arrays": {"a": ["1"]}}, "not lists of a few numbers"),
        ({"sidecar": None, "arrays": {"a": [1e39]}}, "not lists of a few numbers"),
        ({"sidecar": None, "arrays": {"a": [True]}}, "not lists of a few numbers"),
        ({"sidecar": None, "arrays": {"a": [[1.0]]}}, "not lists of a few numbers"),
    ],
)
def test_a_model_of_another_version_kind_or_shape_is_refused(tmp_path, parts, said):
    path = written(tmp_path / "model.json")
    changed(path, **parts)
    assert said in refused(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"format": 1',
        b"[" * 100_000,
        b'{"format": NaN}',
        b'{"format": 1, "kind": "router", "header": {"n": Infinity}, "arrays": {}}',
        b"9" * 10_000,
    ],
)
def test_what_is_no_json_object_is_refused(tmp_path, content):
    path = tmp_path / "model.json"
    path.write_bytes(content)
    assert str(path) in refused(path)


def test_every_truncation_of_both_files_is_refused(tmp_path):
    path = written(tmp_path / "model.json")
    for file in (path, tmp_path / "model.f32"):
        whole = file.read_bytes()
        for size in range(0, len(whole) - 1, 97):
            file.write_bytes(whole[:size])
            refused(path)
        file.write_bytes(whole)
    assert weights.read(path, "router").header == {}


def test_a_sidecar_that_is_missing_changed_or_longer_is_refused(tmp_path):
    path, beside = written(tmp_path / "model.json"), tmp_path / "model.f32"
    whole = beside.read_bytes()
    beside.write_bytes(whole[:-1] + b"\x01")
    assert "is not the file that model.json was written with" in refused(path)
    beside.write_bytes(whole + b"\0")
    assert "is larger than" in refused(path)
    beside.unlink()
    assert "model.f32 cannot be read" in refused(path)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_weights_that_are_not_finite_are_refused_even_with_the_right_checksum(tmp_path, value):
    path, beside = written(tmp_path / "model.json"), tmp_path / "model.f32"
    raw = bytearray(beside.read_bytes())
    raw[-4:] = struct.pack("<f", value)
    beside.write_bytes(raw)
    digest = weights.hashlib.sha256(raw).hexdigest()
    changed(path, sidecar={"bytes": len(raw), "sha256": digest})
    assert "not all finite" in refused(path)
    with pytest.raises(BadModel, match="not all finite"):
        weights.write(tmp_path / "other.json", "router", {}, {"a": [value]})
    assert not (tmp_path / "other.json").exists()


def test_a_file_of_ten_gigabytes_is_refused_unread(tmp_path):
    path = written(tmp_path / "model.json")
    with (tmp_path / "model.f32").open("r+b") as file:
        file.truncate(10_000_000_000)
    assert "is larger than the 2,408 bytes expected" in refused(path)
    with path.open("r+b") as file:
        file.truncate(10_000_000_000)
    assert "is larger than the 4,000,000 bytes" in refused(path)


def test_devices_pipes_and_directories_are_refused_and_not_waited_for(tmp_path):
    for name, target in (("zero.json", "/dev/zero"), ("null.json", "/dev/null")):
        (tmp_path / name).symlink_to(target)
        assert "is not a regular file" in refused(tmp_path / name)
    os.mkfifo(tmp_path / "pipe.json")
    assert "is not a regular file" in refused(tmp_path / "pipe.json")
    assert "is not a regular file" in refused(tmp_path)
    path = written(tmp_path / "model.json")
    (tmp_path / "model.f32").unlink()
    (tmp_path / "model.f32").symlink_to("/dev/zero")
    assert "model.f32 is not a regular file" in refused(path)


def test_a_file_that_is_not_there_or_has_no_possible_name_is_refused(tmp_path):
    assert "No such file" in refused(tmp_path / "none.json")
    assert "no name of a file" in refused(tmp_path / "nu\0ll.json")
    (tmp_path / "loop.json").symlink_to(tmp_path / "loop.json")
    assert "cannot be read" in refused(tmp_path / "loop.json")


def test_a_symbolic_link_to_a_model_is_followed(tmp_path):
    written(tmp_path / "v1.json")
    (tmp_path / "model.json").symlink_to("v1.json")
    (tmp_path / "model.f32").symlink_to("v1.f32")
    assert weights.read(tmp_path / "model.json", "router").arrays["b"].tolist() == [0.5, -0.25]


@pytest.mark.parametrize(
    ("arrays", "header", "said"),
    [
        ({str(n): [] for n in range(weights.MAX_ARRAYS + 1)}, {}, "too large"),
        ({}, {"n": math.nan}, "no JSON"),
        ({}, {"n": object()}, "no JSON"),
        ({}, {"n": "x" * weights.MAX_JSON_BYTES}, "too large"),
        ({"a": [1e300]}, {}, "not all finite"),
    ],
)
def test_a_model_that_could_not_be_read_again_is_not_written(tmp_path, arrays, header, said):
    with pytest.raises(BadModel, match=said):
        weights.write(tmp_path / "model.json", "router", header, arrays)
    assert list(tmp_path.iterdir()) == []


def test_more_weights_than_would_be_read_are_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "MAX_WEIGHTS", 601)
    with pytest.raises(BadModel, match="too large"):
        written(tmp_path / "model.json")


def test_a_place_that_cannot_be_written_to_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadModel, match="cannot be written"):
        written(tmp_path / "file" / "model.json")
    with pytest.raises(BadModel, match="cannot be written"):
        written(tmp_path / "nu\0ll.json")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_fault_while_writing_leaves_the_old_model_whole(tmp_path, monkeypatch):
    path = written(tmp_path / "model.json", n=1)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(weights.os, "fsync", full)
    with pytest.raises(BadModel, match="No space left"):
        written(path, {"a": [1.0] * 900})
    assert weights.read(path, "router").header == {"n": 1}
    assert len(list(tmp_path.iterdir())) == 2


def test_the_weights_never_lie_where_the_json_says(tmp_path):
    assert weights.sidecar_of(tmp_path / "a.json").name == "a.f32"
    assert weights.sidecar_of(tmp_path / "a").name == "a.f32"
    assert weights.sidecar_of(tmp_path / "a.f32").name == "a.f32.f32"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 10**6), byte=st.integers(0, 255), beside=st.booleans())
def test_a_model_with_any_byte_changed_is_read_as_it_was_or_refused(tmp_path, at, byte, beside):
    path = written(tmp_path / "model.json", n=1)
    file = tmp_path / "model.f32" if beside else path
    raw = bytearray(file.read_bytes())
    same = raw[at % len(raw)] == byte
    raw[at % len(raw)] = byte
    file.write_bytes(raw)
    try:
        found = weights.read(path, "router")
    except BadModel:
        assert not same
    else:
        assert same or not beside
        assert all(math.isfinite(v) for values in found.arrays.values() for v in values)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.dictionaries(st.sampled_from(["format", "kind", "header", "arrays", "sidecar"]), JSON))
def test_whatever_stands_in_the_json_nothing_but_bad_model_is_raised(tmp_path, parts):
    path = written(tmp_path / "model.json")
    changed(path, **parts)
    try:
        found = weights.read(path, "router")
    except BadModel:
        return
    assert isinstance(found.header, dict)
