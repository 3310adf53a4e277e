from __future__ import annotations

import gzip
import tracemalloc

import pytest

from litellm_tiering.cli.common import UsageError, table, visible
from litellm_tiering.cli.inputs import BadLine, body_in, numbered, parse_object


def lines_of(path, **more):
    return list(numbered(str(path), **more))


def test_lines_are_numbered_as_an_editor_numbers_them(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"\xef\xbb\xbfone\r\n\n  \ntwo\nlast")
    assert lines_of(path) == [(1, b"one"), (4, b"two"), (5, b"last")]


def test_gz_is_read_as_such(tmp_path):
    path = tmp_path / "f.gz"
    path.write_bytes(gzip.compress(b"one\ntwo\n"))
    assert lines_of(path) == [(1, b"one"), (2, b"two")]


@pytest.mark.parametrize("size", [9, 10, 11, 12, 13, 23, 24, 25, 40])
def test_a_long_line_is_cut_and_the_next_one_is_whole(tmp_path, size):
    path = tmp_path / "f"
    path.write_bytes(b"x" * size + b"\nnext\n")
    (first, raw), following = lines_of(path, longest=10)
    assert (first, following) == (1, (2, b"next"))
    assert len(raw) == min(size, 12)
    assert (len(raw) > 10) == (size > 10)


def test_a_line_without_end_takes_no_more_memory_than_the_longest(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"x" * 3_000_000)
    tracemalloc.start()
    try:
        ((_, raw),) = lines_of(path, longest=1000)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    with pytest.raises(BadLine, match=r"is longer than 0\.001 MB"):
        parse_object(raw, 1000)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"nope", r"is not JSON \(Expecting value at character 0\)"),
        (b"[1, 2]", "is not a JSON object"),
        (b'"text"', "is not a JSON object"),
        (b"null", "is not a JSON object"),
        (b'{"id": "\xff"}', "is not UTF-8"),
        (b'{"id": ' + b"9" * 9000 + b"}", "too many digits"),
        (b'{"id": ' + b"[" * 200_000, "is nested too deeply"),
        (b'{"secret-word": ', "is not JSON"),
    ],
)
def test_what_is_no_object_is_refused_without_repeating_it(raw, why):
    with pytest.raises(BadLine, match=why) as caught:
        parse_object(raw)
    assert "secret-word" not in str(caught.value)


def test_what_cannot_be_read_is_named(tmp_path):
    cut = tmp_path / "cut.gz"
    cut.write_bytes(gzip.compress(b"one\n" * 9999)[:-12])
    with pytest.raises(UsageError, match=r"cut\.gz is damaged"):
        lines_of(cut)
    plain = tmp_path / "plain.gz"
    plain.write_bytes(b"one\n")
    with pytest.raises(UsageError, match=r"plain\.gz cannot be read"):
        lines_of(plain)
    with pytest.raises(UsageError, match="cannot be read"):
        lines_of(tmp_path / "absent")
    with pytest.raises(UsageError, match="cannot be read"):
        lines_of(tmp_path)
    with pytest.raises(UsageError, match="cannot be read"):
        lines_of("nul\0l")


def test_a_body_is_an_object(tmp_path):
    path = tmp_path / "body.json"
    path.write_bytes(b'\xef\xbb\xbf{\n "model": "auto"}')
    assert body_in(str(path)) == {"model": "auto"}
    path.write_bytes(b"[]")
    with pytest.raises(UsageError, match=r"body\.json is not a JSON object"):
        body_in(str(path))


def test_control_characters_are_shown_and_not_sent():
    assert visible("caf\xe9 \x1b[31mred\x07") == "caf\xe9 \\x1b[31mred\\x07"
    assert table([("A", "B"), ("1\x1b", "22")]) == "A      B\n1\\x1b  22"


def test_a_cell_of_a_table_begins_no_row_of_its_own():
    assert table([["team", "spent"], ["red\nblue", "9"]]).splitlines()[1:] == ["red\\nblue  9"]
