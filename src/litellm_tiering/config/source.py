"""Reads YAML files the careful way: bounded, without duplicate keys, and with line numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml

from litellm_tiering.config.words import Finding
from litellm_tiering.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from litellm_tiering.config.words import Loc

MAX_BYTES = 5_000_000
"""The largest file that is read."""

MAX_NODES = 200_000
"""The most values in a file, each alias counted as often as it is used."""

_TOO_MANY = "has more values than any configuration needs, or an alias that holds itself"


@dataclass(frozen=True, slots=True)
class Source:
    """A YAML file as it was read.

    Attributes:
        file: Its name, for messages.
        data: Its content.
        lines: Where each value of it stands, first line 1.
        duplicates: Keys that are written twice in one mapping.
    """

    file: str
    data: object
    lines: Mapping[Loc, int] = field(default_factory=dict)
    duplicates: tuple[Finding, ...] = ()


def read(path: Path) -> Source:
    """The content of the YAML file at ``path``.

    Raises:
        ConfigError: it cannot be read, is not YAML, or is too large to be a configuration.
    """
    file = str(path)
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unreadable(file, f"cannot be read ({error.strerror or type(error).__name__})") from None
    if len(raw) > MAX_BYTES:
        raise _unreadable(file, f"is larger than {MAX_BYTES // 1_000_000} MB")
    return parse(raw, file)


def parse(raw: bytes | str, file: str) -> Source:
    """The content of YAML text; ``file`` is named in messages.

    Raises:
        ConfigError: it is not YAML, or holds too many values.
    """
    try:
        return _parse(yaml.SafeLoader(raw), file)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{file}:{mark.line + 1}" if mark else file
        raise _unreadable(where, f"is not valid YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, TypeError, AttributeError, KeyError) as error:
        # The last four come from YAML's own types: an impossible date, a bad number, an unhashable key.
        raise _unreadable(file, f"is not valid YAML ({type(error).__name__})") from None
    except RecursionError:
        raise _unreadable(file, "is nested too deeply, or an alias holds itself") from None


def _parse(loader: yaml.SafeLoader, file: str) -> Source:
    try:
        root = loader.get_single_node()
        if root is None:
            return Source(file, None)
        if _weight(root) > MAX_NODES:
            raise _unreadable(file, _TOO_MANY)
        # Before construction, which folds duplicates and merge keys.
        lines = dict(_lines(root))
        duplicates = tuple(_duplicates(root))
        return Source(file, loader.construct_document(root), lines, duplicates)
    finally:
        loader.dispose()


def _unreadable(file: str, message: str) -> ConfigError:
    return ConfigError([Problem("file", message, file=file)])


def _weight(root: yaml.Node) -> int:
    """How many values there are when every alias is written out; too many for one that holds itself."""
    done: dict[int, int] = {}
    open_nodes: set[int] = set()

    def weigh(node: yaml.Node) -> int:
        known = done.get(id(node))
        if known is not None:
            return known
        if id(node) in open_nodes:
            return MAX_NODES + 1
        open_nodes.add(id(node))
        total = 1
        for child in _children(node):
            total += weigh(child)
        open_nodes.discard(id(node))
        done[id(node)] = total
        return total

    return weigh(root)


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _inside(node: yaml.Node, loc: Loc) -> Iterator[tuple[Loc, yaml.Node, int]]:
    """Every value below ``node`` with its place and line; a mapping's value stands where its key does."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                here = (*loc, str(key.value))
                yield here, value, key.start_mark.line + 1
                yield from _inside(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            yield (*loc, i), value, value.start_mark.line + 1
            yield from _inside(value, (*loc, i))


def _lines(root: yaml.Node) -> Iterator[tuple[Loc, int]]:
    for loc, _, line in _inside(root, ()):
        yield loc, line


def _duplicates(root: yaml.Node) -> Iterator[Finding]:
    for loc, node in [((), root), *((loc, node) for loc, node, _ in _inside(root, ()))]:
        if not isinstance(node, yaml.MappingNode):
            continue
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.value in seen:
                yield Finding(
                    (*loc, str(key.value)),
                    f"the key is written twice, again on line {key.start_mark.line + 1}",
                    "keep one of them: YAML silently drops the other.",
                )
            seen.add(key.value)
