"""Writes a few values into a YAML file and leaves every other character of it as it is.

Comments, order, quotes, anchors and line ends stay, since the file is never written out anew: the places of
its values are looked up, and their text is replaced. Afterwards it is read again, and unless it then holds
exactly what it held before and the new values, nothing is done: where an alias, a merge key or some other
turn of YAML would carry a change elsewhere, that shows.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import os
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from litellm_tiering.config.source import MAX_BYTES, parse
from litellm_tiering.config.tree import ENV_PREFIX
from litellm_tiering.errors import ConfigError, TieringError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from litellm_tiering.config.words import Loc

_BOM = "\ufeff"
_SECRET = re.compile(
    r"(?i)^(.*?(?:key|secret|token|password|url|credential)[\w.\-]*[\"']?\s*:\s*)(?!\s)[^#]*"
)
_UNSAFE_PLAIN = re.compile(r"[^A-Za-z0-9_./-]")


class CannotRewrite(TieringError):
    """The file cannot be changed in place; the message says why, and what to do by hand."""


@dataclass(frozen=True, slots=True)
class Change:
    """One value to write.

    Attributes:
        loc: Where: keys, and places in lists. All but the last must be there already.
        value: What to write: a number, a text, or mappings and lists of them.
        after: The key of the same mapping behind which it is written where it is not there yet; at the end
            of the mapping when empty.
    """

    loc: Loc
    value: Any
    after: str = ""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A file as it would be.

    Attributes:
        path: The file itself, links followed.
        before: Its bytes as they were read.
        after: What they become.
    """

    path: Path
    before: bytes
    after: bytes

    def diff(self) -> str:
        """The change as a unified diff; what looks like a secret in the lines around it is left out."""
        old, new = (_lines(raw.decode("utf-8-sig")) for raw in (self.before, self.after))
        name = self.path.name
        lines = difflib.unified_diff(old, new, f"{name} (before)", f"{name} (after)", n=2, lineterm="")
        return "\n".join(
            line if line[:3] in {"---", "+++", "@@ "} else _SECRET.sub(r"\1…", line) for line in lines
        )

    def write(self, to: Path | None = None, judge: Callable[[Path], None] | None = None) -> None:
        """Put the new bytes in the file's place, or at ``to``, all at once or not at all.

        Args:
            to: Another file; the one that was read when None.
            judge: Called with the new bytes in a file beside it, before they take its place; what it raises
                leaves everything as it was.

        Raises:
            CannotRewrite: the file has changed since it was read, or cannot be written.
        """
        target = self.path if to is None else to
        beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}{target.suffix}")
        try:
            mode = self.path.stat().st_mode & 0o777
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
                stream.write(self.after)
                stream.flush()
                os.fsync(stream.fileno())
            beside.chmod(mode)
            if judge is not None:
                judge(beside)
            if to is None and self.path.read_bytes() != self.before:
                raise CannotRewrite(f"{self.path} has changed meanwhile: run this again")
            beside.replace(target)
        except OSError as error:
            raise CannotRewrite(f"{target} cannot be written ({error.strerror or error})") from None
        finally:
            with contextlib.suppress(OSError):
                beside.unlink()


def rewrite(path: Path, changes: Sequence[Change]) -> Rewritten:
    """The file at ``path`` with ``changes`` made, in their order.

    Raises:
        CannotRewrite: they cannot be made without touching anything else.
        ConfigError: the file cannot be read, or is no YAML.
    """
    found = path.resolve()
    try:
        with found.open("rb") as stream:
            before = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise CannotRewrite(f"{path} cannot be read ({error.strerror or error})") from None
    try:
        text = before.decode("utf-8")
    except UnicodeDecodeError:
        raise CannotRewrite(f"{path} is not UTF-8") from None
    mark, text = (_BOM, text[1:]) if text.startswith(_BOM) else ("", text)
    wanted = parse(text, str(path)).data  # bounded: too many values are refused
    for change in changes:
        wanted = _with(wanted, change)
        text = _edited(text, change)
    try:
        got = parse(text, str(path)).data
    except ConfigError:
        got = None
    if not _same(got, wanted):
        raise CannotRewrite(
            f"{path} is written in a way (an alias or a merge key, perhaps) in which the change would touch "
            "more than it should"
        )
    return Rewritten(found, before, (mark + text).encode("utf-8"))


def snippet(changes: Sequence[Change]) -> str:
    """The changes as YAML to be written by hand, each with its place."""
    return "\n".join(f"{place(change.loc)}: {flow(change.value)}" for change in changes)


def place(loc: Loc) -> str:
    """A place as people write it, such as ``tiering.classifiers[0].thresholds``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".")


def flow(value: Any) -> str:  # noqa: ANN401 - a value of YAML's
    """A value as YAML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(k)}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(v) for v in value) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:  # noqa: ANN401 - as above
    if isinstance(value, float):
        # YAML 1.1 takes 1e-05 for a text.
        text = repr(value)
        return text if "e" not in text else f"{value:.20f}".rstrip("0")
    if isinstance(value, str):
        plain = value and not _UNSAFE_PLAIN.search(value) and yaml.safe_load(value) == value
        return value if plain else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value).lower() if isinstance(value, bool) else str(value)


# ---------------------------------------------------------------------- what is wanted


def _with(data: object, change: Change) -> Any:  # noqa: ANN401 - as above
    """``data`` with one value changed; aliases are taken apart, so that only one place changes."""
    if not change.loc:
        raise CannotRewrite("the file itself is no value to be written")
    root = apart(data)
    parent: Any = root
    for part in change.loc[:-1]:
        parent = _into(parent, part, change.loc)
    last = change.loc[-1]
    old = parent.get(last) if isinstance(parent, dict) else _into(parent, last, change.loc)
    if _from_environment(old):
        raise CannotRewrite(f"{place(change.loc)} comes from the environment: change it there")
    parent[last] = change.value
    return root


def apart(value: object) -> Any:  # noqa: ANN401 - as above
    """A copy in which nothing is shared: YAML's aliases make one object of several places."""
    if isinstance(value, dict):
        return {key: apart(inner) for key, inner in value.items()}
    return [apart(inner) for inner in value] if isinstance(value, list) else value


def _into(parent: Any, part: str | int, loc: Loc) -> Any:  # noqa: ANN401 - as above
    try:
        return parent[part]
    except (KeyError, IndexError, TypeError):
        raise CannotRewrite(f"there is no {place(loc)} to be changed") from None


def _from_environment(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_from_environment, value.values()))
    return isinstance(value, str) and value.startswith(ENV_PREFIX)


def _same(one: object, other: object) -> bool:
    """Whether two values are the same, numbers and yes-or-no told apart, and the order of keys kept."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and (one == other or (one != one and other != other))  # noqa: PLR0124 - NaN


# ---------------------------------------------------------------------- the text


def _edited(text: str, change: Change) -> str:
    """``text`` with one value written; whether nothing else changed is for the caller to see."""
    node: yaml.Node | None = yaml.compose(text, yaml.SafeLoader)
    for part in change.loc[:-1]:
        node = _child(node, part)
    last = change.loc[-1]
    old = _child(node, last)
    if old is not None:
        return _replaced(text, old, change)
    if isinstance(node, yaml.MappingNode) and isinstance(last, str):
        return _inserted(text, node, last, change)
    raise CannotRewrite(f"there is no {place(change.loc)} to be changed")


def _child(node: yaml.Node | None, part: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((v for k, v in node.value if isinstance(k, yaml.ScalarNode) and k.value == part), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        found: yaml.Node = node.value[part]
        return found
    return None


def _replaced(text: str, old: yaml.Node, change: Change) -> str:
    if isinstance(old, yaml.MappingNode) and old.value and isinstance(change.value, dict):
        for key, value in change.value.items():
            text = _edited(text, Change((*change.loc, key), value))
        return text
    if isinstance(old, yaml.CollectionNode) and not old.flow_style:
        raise CannotRewrite(f"{place(change.loc)} is a block of its own, and is not replaced")
    start, end = old.start_mark.index, _end(text, old)
    # A key without a value has nothing behind its colon, not even a space.
    gap = " " if start == end else ""
    return text[:start] + gap + flow(change.value) + text[end:]


def _inserted(text: str, node: yaml.MappingNode, key: str, change: Change) -> str:
    """``text`` with a key more in a mapping."""
    if not node.value:
        raise CannotRewrite(f"{place(change.loc[:-1])} is empty")
    first = node.value[0][0]
    if node.flow_style:
        quoted = first.style == '"'
        pair = (
            f"{json.dumps(key)}: {json.dumps(change.value)}"
            if quoted
            else f"{_scalar(key)}: {flow(change.value)}"
        )
        at = _end_of_pair(text, *node.value[-1])
        return f"{text[:at]}, {pair}{text[at:]}"
    behind = next((p for p in node.value if p[0].value == change.after), node.value[-1])
    at = _end_of_pair(text, *behind)
    stop = text.find("\n", at)
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = _block(key, change.value, " " * first.start_mark.column)
    if stop < 0:
        return text + newline + newline.join(lines)
    return text[: stop + 1] + "".join(line + newline for line in lines) + text[stop + 1 :]


def _block(key: str, value: Any, indent: str) -> list[str]:  # noqa: ANN401 - as above
    """A key and its value as lines; a list of mappings with an item to a line, and a key to a line."""
    if not (isinstance(value, list) and value and all(isinstance(v, dict) and v for v in value)):
        return [f"{indent}{_scalar(key)}: {flow(value)}"]
    lines = [f"{indent}{_scalar(key)}:"]
    for item in value:
        for i, (inner, held) in enumerate(item.items()):
            lines.append(f"{indent}  {'  ' if i else '- '}{_scalar(inner)}: {flow(held)}")
    return lines


def _end_of_pair(text: str, key: yaml.Node, value: yaml.Node) -> int:
    """Where a key and its value end; where the value is an alias, on the key's line."""
    return max(int(key.end_mark.index), _end(text, value))


def _end(text: str, node: yaml.Node) -> int:
    """Where a value ends; a block's own mark is where the next begins, behind comments and blank lines."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end_of_pair(text, *last) if isinstance(last, tuple) else _end(text, last)
    start, end = int(node.start_mark.index), int(node.end_mark.index)
    return start + len(text[start:end].rstrip(" \r\n"))


def _lines(text: str) -> list[str]:
    """The lines of a text; those that end as on Windows look as others do."""
    return text.replace("\r\n", "\n").split("\n")
