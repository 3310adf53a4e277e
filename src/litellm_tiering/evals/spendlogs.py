"""The rows of what LiteLLM exports and this plugin captures: JSON lines, JSON arrays, CSV. Constant memory.

A row is a mapping of names to values as they stand there; what it says is read in
:mod:`litellm_tiering.evals.analyze_calls`. What cannot be read is counted, and never repeated.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from litellm_tiering.errors import TieringError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_ROW_BYTES = 32_000_000
"""The longest row that is read: prompts and answers may stand in it."""

_CHUNK = 1 << 18
_TOO_LONG = f"longer than {MAX_ROW_BYTES / 1e6:g} MB"
_NO_OBJECT = "not a JSON object"
_BOM = b"\xef\xbb\xbf"
_MARKS = re.compile(rb'["\\{}\[\]]')
_DELIMITERS = (",", "\t", ";", "|")
_WRAPPERS = ("data", "logs", "spend_logs", "results")
"""Where an answer of one of LiteLLM's routes has its rows."""


class LogError(TieringError):
    """A file has no rows that could be read at all; the message says what is wrong and what to do."""


@dataclass
class Reading:
    """What came of reading a file, kept up to date while it is read.

    Attributes:
        rows: Rows that were read.
        bad: Why others could not be, counted.
        form: ``jsonl``, ``json`` or ``csv``; empty until it is known.
    """

    rows: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    form: str = ""


def rows_of(stream: IO[bytes], reading: Reading) -> Iterator[Mapping[str, Any]]:
    """The rows of a file, in order.

    Args:
        stream: Its bytes, unpacked.
        reading: Told of what was read, and of what could not be.

    Raises:
        LogError: it is none of the three.
    """
    first = stream.readline(MAX_ROW_BYTES + 1).removeprefix(_BOM)
    while first and not first.strip():
        first = stream.readline(MAX_ROW_BYTES + 1)
    start = first.lstrip()[:1]
    if not start:
        raise LogError("it is empty")
    if start == b"[":
        reading.form = "json"
        found = _values(first, stream, reading, inside=True)
    elif start == b"{" and _object(first) is None and len(first) <= MAX_ROW_BYTES and _is_opening(first):
        reading.form = "json"
        found = _values(first, stream, reading, inside=False)
    elif start == b"{":
        reading.form = "jsonl"
        found = _lines(first, stream, reading)
    else:
        reading.form = "csv"
        found = _csv(first, stream, reading)
    for row in found:
        for one in _unwrapped(row):
            reading.rows += 1
            yield one


def _is_opening(line: bytes) -> bool:
    """Whether a line begins an object that goes on over the next ones."""
    text = line.strip()
    return text == b"{" or text[-1:] in (b",", b"{", b"[")


def _unwrapped(row: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The rows inside an answer of one of LiteLLM's routes, or the row itself."""
    for name in _WRAPPERS:
        inner = row.get(name)
        if isinstance(inner, list) and inner and all(isinstance(one, dict) for one in inner):
            yield from inner
            return
    yield row


def _object(raw: bytes) -> Mapping[str, Any] | None:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        # UnicodeDecodeError and a number of too many digits are ValueErrors too.
        return None
    return value if isinstance(value, dict) else None


def _lines(first: bytes, stream: IO[bytes], reading: Reading) -> Iterator[Mapping[str, Any]]:
    line = first
    while line:
        if len(line) > MAX_ROW_BYTES:
            while line and not line.endswith(b"\n"):
                line = stream.readline(_CHUNK)
            reading.bad[_TOO_LONG] += 1
        elif line.strip():
            row = _object(line)
            if row is None:
                reading.bad[_NO_OBJECT] += 1
            else:
                yield row
        line = stream.readline(MAX_ROW_BYTES + 1)


def _values(
    first: bytes, stream: IO[bytes], reading: Reading, *, inside: bool
) -> Iterator[Mapping[str, Any]]:
    """The objects of a JSON array, or one after another, found by their braces; each byte is seen once."""
    cut = _Cutter(1 if inside else 0)
    chunk = first.lstrip()[1:] if inside else first
    while chunk:
        for raw in cut.feed(chunk):
            row = None if raw is None else _object(raw)
            if row is None:
                reading.bad[_TOO_LONG if raw is None else _NO_OBJECT] += 1
            else:
                yield row
        if cut.over:
            if not inside:
                reading.bad["a bracket too many: nothing behind it was read"] += 1
            return
        chunk = stream.read(_CHUNK)
    if cut.open or inside:
        reading.bad["cut off at the end of the file"] += 1


class _Cutter:
    """Cuts a stream of JSON into its objects.

    Args:
        base: At which depth of brackets they lie.

    Attributes:
        over: Whether the array that they lie in has ended.
    """

    def __init__(self, base: int) -> None:
        self._base = self._depth = base
        self._quoted = False
        self._skip = 0
        self._parts: list[bytes] = []
        self._size = 0
        self.over = False

    @property
    def open(self) -> bool:
        """Whether an object has begun and not ended."""
        return self._depth > self._base

    def feed(self, chunk: bytes) -> Iterator[bytes | None]:
        """The objects that end in this chunk; None for one that is too long."""
        begin = 0
        for mark in _MARKS.finditer(chunk):
            at, c = mark.start(), mark.group()
            if self._quoted:
                self._within(at, c)
            elif c == b'"':
                self._quoted = True
            elif c in b"{[":
                begin = at if self._depth == self._base else begin
                self._depth += 1
            elif c in b"}]":
                self._depth -= 1
                if self._depth == self._base:
                    yield self._whole(chunk[begin : at + 1])
                elif self._depth < self._base:
                    self.over = True
                    return
        self._skip = max(0, self._skip - len(chunk))
        if self.open:
            self._keep(chunk[begin:])

    def _within(self, at: int, c: bytes) -> None:
        """A mark inside a text: a backslash takes the meaning from what follows it."""
        if at < self._skip:
            return
        if c == b"\\":
            self._skip = at + 2
        elif c == b'"':
            self._quoted = False

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > MAX_ROW_BYTES:
            self._parts.clear()
        else:
            self._parts.append(part)

    def _whole(self, last: bytes) -> bytes | None:
        self._keep(last)
        found = b"".join(self._parts) if self._size <= MAX_ROW_BYTES else None
        self._parts, self._size = [], 0
        return found


def _csv(first: bytes, stream: IO[bytes], reading: Reading) -> Iterator[Mapping[str, Any]]:
    head = _head(first)
    if head is None:
        raise LogError(
            "it holds neither JSON objects nor CSV with a head: export LiteLLM_SpendLogs with column names "
            '(psql: \\copy (select * from "LiteLLM_SpendLogs") to spend.csv csv header)'
        )
    delimiter, names = head
    before = csv.field_size_limit(MAX_ROW_BYTES)
    try:
        reader = csv.reader(_text(stream), delimiter=delimiter)
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                reading.bad["not a row of CSV"] += 1
                continue
            if len(cells) == len(names):
                yield dict(zip(names, cells, strict=True))
            elif cells:
                reading.bad["another number of columns than the head"] += 1
    finally:
        csv.field_size_limit(before)


def _head(first: bytes) -> tuple[str, list[str]] | None:
    """How columns are parted, and what they are called."""
    text = first[:65_536].decode("utf-8", "replace").strip("\r\n")
    for delimiter in _DELIMITERS:
        try:
            names = next(csv.reader([text], delimiter=delimiter), [])
        except csv.Error:
            continue
        plain = {plain_name(n) for n in names}
        if len(names) > 1 and plain & {"prompttokens", "totaltokens", "spend", "requestid", "messages"}:
            return delimiter, names
    return None


def plain_name(name: str) -> str:
    """A column's name without what databases change in it: ``startTime``, ``start_time``, ``starttime``."""
    return name.strip().strip('"').replace("_", "").replace(" ", "").lower()


def _text(stream: IO[bytes]) -> Iterator[str]:
    """Lines, or parts of those that are too long; what is not UTF-8 is replaced."""
    while True:
        raw = stream.readline(MAX_ROW_BYTES)
        if not raw:
            return
        yield raw.decode("utf-8", "replace").replace("\0", "")
