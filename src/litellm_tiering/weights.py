"""Model files: JSON that says what a model is, and its weights as raw float32 beside it.

``NAME.json`` holds the format's version, the kind, the model's own header and the size and SHA-256 of
``NAME.f32``, which holds the arrays one after the other, little-endian. A model of a few numbers has them in
the JSON itself and no second file. Nothing in either file is run, and nothing is used before it was checked:
sizes before anything is read, then shapes, the checksum, and that every number is finite.

Both files are written under other names and renamed, the weights first: who reads in between finds a checksum
that does not fit, and is told so, never half a model.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import secrets
import stat
import sys
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from litellm_tiering.errors import BadModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FORMAT = 1
"""The version of the format that this module writes, and the only one that it reads."""

MAX_JSON_BYTES = 4_000_000
"""The largest ``NAME.json`` that is read."""

MAX_WEIGHTS = 4_000_000
"""The most numbers in one model's arrays, 4 bytes each."""

MAX_ARRAYS = 64
"""The most arrays in one model."""

MAX_INLINE = 512
"""So many numbers in all are written into the JSON itself; more go to a file beside it."""

_RETRAIN = "write it anew with `litellm-tiering train`."
_BYTES = 4


@dataclass(frozen=True, slots=True)
class Stored:
    """A model as it was read.

    Attributes:
        file: Where it was read, for messages.
        header: What the model says of itself: JSON, of which nothing but its form was checked.
        arrays: Its weights by name; every number is finite.
        digest: SHA-256 of the JSON file in hexadecimal digits: names this model.
    """

    file: str
    header: Mapping[str, Any]
    arrays: Mapping[str, array[float]]
    digest: str

    def number(self, key: str, low: float = -math.inf, high: float = math.inf) -> float:
        """The finite number at ``key`` of the header.

        Raises:
            BadModel: there is none, or it does not lie within ``low`` and ``high``.
        """
        return self._checked(self.header.get(key), key, low, high)

    def whole(self, key: str, low: int, high: int) -> int:
        """The whole number at ``key`` of the header.

        Raises:
            BadModel: there is none, or it does not lie within ``low`` and ``high``.
        """
        value = self.header.get(key)
        if not isinstance(value, int):
            self.refuse(f"its header has no whole number `{key}`")
        self._checked(value, key, low, high)
        return value

    def text(self, key: str, longest: int = 200) -> str:
        """The text at ``key`` of the header.

        Raises:
            BadModel: there is none, or it is longer than ``longest`` characters.
        """
        value = self.header.get(key)
        if not isinstance(value, str) or len(value) > longest:
            self.refuse(f"its header has no short text `{key}`")
        return value

    def array(self, name: str, length: int | None = None) -> array[float]:
        """The array called ``name``.

        Raises:
            BadModel: there is none, or it does not have ``length`` numbers.
        """
        found = self.arrays.get(name)
        if found is None:
            self.refuse(f"it has no weights `{name}`")
        if length is not None and len(found) != length:
            self.refuse(f"its weights `{name}` are {len(found)} numbers and not {length}")
        return found

    def refuse(self, message: str, fix: str = _RETRAIN) -> NoReturn:
        """Say that this model cannot be used.

        Raises:
            BadModel: always.
        """
        raise BadModel(self.file, message, fix)

    def _checked(self, value: object, key: str, low: float, high: float) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.refuse(f"its header has no number `{key}`")
        # Compared before it is made a float: a whole number may have thousands of digits.
        if not (low <= value <= high and abs(value) <= sys.float_info.max):
            self.refuse(f"the number `{key}` in its header is out of range")
        return float(value)


def write(
    path: Path | str, kind: str, header: Mapping[str, Any], arrays: Mapping[str, Sequence[float]]
) -> None:
    """Write a model; the same model gives the same bytes.

    Args:
        path: The JSON file. Directories on the way to it are made; the weights go to the file of the same
            name that ends in ``.f32``.
        kind: What kind of model it is, such as ``router`` or ``gate``.
        header: What there is to say of it: JSON without NaN or infinity.
        arrays: Its weights by name.

    Raises:
        BadModel: a number is not finite, there are too many, or the files cannot be written.
    """
    path = Path(path)
    packed = {name: array("f", values) for name, values in arrays.items()}
    count = sum(map(len, packed.values()))
    if count > MAX_WEIGHTS or len(packed) > MAX_ARRAYS:
        raise BadModel(str(path), "the model is too large to be written", "train a smaller one.")
    for name, values in packed.items():
        if not all(map(math.isfinite, values)):
            raise BadModel(str(path), f"the weights `{name}` are not all finite", "look for NaN in the data.")
    outside: dict[str, Any] = {"format": FORMAT, "kind": kind, "header": dict(header)}
    raw = b""
    if count <= MAX_INLINE:
        outside["arrays"] = {name: values.tolist() for name, values in packed.items()}
    else:
        raw = b"".join(_little(values).tobytes() for values in packed.values())
        outside["arrays"] = {name: len(values) for name, values in packed.items()}
        outside["sidecar"] = {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    try:
        text = json.dumps(outside, indent=1, allow_nan=False).encode() + b"\n"
    except (ValueError, TypeError) as error:
        raise BadModel(str(path), f"the header is no JSON ({error})", "look for NaN in the data.") from None
    if len(text) > MAX_JSON_BYTES:
        raise BadModel(str(path), "the header is too large to be written", "train a smaller model.")
    _put(path, text, raw)


def _put(path: Path, text: bytes, raw: bytes) -> None:
    beside = sidecar_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if raw:
            _replace(beside, raw)
        _replace(path, text)
    except (OSError, ValueError) as error:
        # ValueError: a name with a null byte.
        why = getattr(error, "strerror", None) or str(error)
        fix = "name a file in a directory that can be written to."
        raise BadModel(str(path), f"cannot be written ({why})", fix) from None


def _replace(path: Path, content: bytes) -> None:
    """Write a file under another name, wait until it is on the disk, and rename it."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def read(path: Path | str, kind: str) -> Stored:
    """The model in a file.

    Args:
        path: The JSON file.
        kind: What kind of model it has to be.

    Raises:
        BadModel: there is none that can be used; the message names the file, what is wrong, and the fix.
    """
    path = Path(path)
    text = _content(path, MAX_JSON_BYTES)
    try:
        return _read(path, kind, text)
    except BadModel:
        # A new model may have come between the reading of the two files.
        again = _content(path, MAX_JSON_BYTES)
        if again == text:
            raise
        return _read(path, kind, again)


def _read(path: Path, kind: str, text: bytes) -> Stored:
    file = str(path)
    whole = _object(file, text)
    version = whole.get("format")
    if isinstance(version, bool) or version != FORMAT:
        shown = version if isinstance(version, int) and 0 <= version < 10**6 else "unknown"
        raise BadModel(file, f"is of format {shown}; this version reads format {FORMAT}", _RETRAIN)
    if whole.get("kind") != kind:
        found = whole.get("kind")
        known = found if isinstance(found, str) and found.isidentifier() and len(found) <= 20 else "other"  # noqa: PLR2004 - a word that may be shown
        raise BadModel(file, f"holds a model of kind {known!r}, not {kind!r}", f"name a {kind}'s file.")
    header, listed = whole.get("header"), whole.get("arrays")
    if not isinstance(header, dict) or not isinstance(listed, dict) or len(listed) > MAX_ARRAYS:
        raise BadModel(file, "lacks its header or its weights", _RETRAIN)
    sidecar = whole.get("sidecar")
    arrays = _inline(file, listed) if sidecar is None else _beside(path, listed, sidecar)
    for name, values in arrays.items():
        if not all(map(math.isfinite, values)):
            raise BadModel(file, f"the weights {name[:40]!r} are not all finite numbers", _RETRAIN)
    return Stored(file, header, arrays, hashlib.sha256(text).hexdigest())


def _inline(file: str, listed: Mapping[str, Any]) -> dict[str, array[float]]:
    """Arrays that lie in the JSON itself."""
    found: dict[str, array[float]] = {}
    room = MAX_INLINE
    for name, values in listed.items():
        room -= len(values) if isinstance(values, list) else room + 1
        if room < 0 or not all(type(v) in (int, float) and abs(v) < 1e38 for v in values):  # noqa: PLR2004 - float32
            raise BadModel(file, "its weights are not lists of a few numbers", _RETRAIN)
        found[name] = array("f", values)
    return found


def _beside(path: Path, listed: Mapping[str, Any], sidecar: object) -> dict[str, array[float]]:
    """Arrays that lie in the file beside: of the size, the checksum and the shapes that the JSON states."""
    file = str(path)
    size, digest = (sidecar.get("bytes"), sidecar.get("sha256")) if isinstance(sidecar, dict) else (0, "")
    lengths = list(listed.values())
    if not all(type(n) is int and 0 <= n <= MAX_WEIGHTS for n in lengths) or sum(lengths) > MAX_WEIGHTS:
        raise BadModel(file, "states weights of an impossible size", _RETRAIN)
    if type(size) is not int or size != sum(lengths) * _BYTES:
        raise BadModel(file, "its weights' size does not fit their shapes", _RETRAIN)
    beside = sidecar_of(path)
    raw = _content(beside, size)
    if len(raw) != size:
        raise BadModel(str(beside), f"is {len(raw)} bytes long and not {size}: cut short", _RETRAIN)
    if hashlib.sha256(raw).hexdigest() != digest:
        together = f"copy {path.name} and {beside.name} together, or {_RETRAIN}"
        raise BadModel(str(beside), f"is not the file that {path.name} was written with", together)
    found, at = {}, 0
    for name, length in listed.items():
        values = array("f")
        values.frombytes(raw[at : at + length * _BYTES])
        found[name] = _little(values)
        at += length * _BYTES
    return found


def sidecar_of(path: Path) -> Path:
    """The file of a model's weights, beside its JSON. The JSON cannot name another one."""
    return path.with_suffix(".f32") if path.suffix != ".f32" else path.with_suffix(".f32.f32")


def _little(values: array[float]) -> array[float]:
    """``values`` from this machine's order of bytes to the file's, or back."""
    if sys.byteorder == "big":  # pragma: no cover - on other machines
        values = values[:]
        values.byteswap()
    return values


def _content(path: Path, most: int) -> bytes:
    """What a file holds; it has to be one, and no larger than ``most`` bytes.

    Raises:
        BadModel: it is not there, is a directory or a device, or is larger.
    """
    file = str(path)
    try:
        # Looked at before it is opened, which may block or do something where it is a device, and after.
        if stat.S_ISREG(path.stat().st_mode):
            with path.open("rb") as stream:
                found = os.fstat(stream.fileno())
                if stat.S_ISREG(found.st_mode):
                    if found.st_size > most:
                        raise BadModel(file, f"is larger than the {most:,} bytes expected", _RETRAIN)
                    return stream.read(most + 1)[:most]
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "no name of a file"
        fix = "name the file that `litellm-tiering train` wrote."
        raise BadModel(file, f"cannot be read ({why})", fix) from None
    raise BadModel(file, "is not a regular file", "name the file that `litellm-tiering train` wrote.")


def _object(file: str, text: bytes) -> dict[str, Any]:
    try:
        whole = json.loads(text.decode("utf-8"), parse_constant=_no_constant)
    except RecursionError:
        raise BadModel(file, "is nested too deeply to be a model", _RETRAIN) from None
    except ValueError:
        # Not UTF-8, not JSON, NaN, or a number of thousands of digits.
        raise BadModel(file, "is not JSON, or was cut short", _RETRAIN) from None
    if not isinstance(whole, dict):
        raise BadModel(file, "is not a JSON object", _RETRAIN)
    return whole


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
