"""A ladder into a proxy's configuration: three additions, and every other character as it was.

The plugin among the callbacks, the virtual name among the aliases, and the section at the end. Afterwards the
text is read again: unless it then holds what it held before and the additions, nothing is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from litellm_tiering.config.load import SECTION
from litellm_tiering.config.proxy import HANDLER, ProxyView
from litellm_tiering.config.rewrite import CannotRewrite, Rewritten, apart, flow
from litellm_tiering.config.source import MAX_BYTES, parse
from litellm_tiering.config.words import Words
from litellm_tiering.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_BOM = "\ufeff"
VIRTUAL = "auto"
"""The virtual name that is routed without ``routes``."""


class Taken(CannotRewrite):
    """What would be added is there already."""


@dataclass(frozen=True, slots=True)
class Rung:
    """A tier to be written.

    Attributes:
        name: The tier's name.
        model: Its model group.
        remark: What stands behind it as a comment.
    """

    name: str
    model: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Addition:
    """What is to be added to a configuration.

    Attributes:
        tiers: The ladder, cheapest first.
        alias: The virtual name.
        shadow: Whether decisions are made and recorded only.
        head: Comment lines above the section.
    """

    tiers: tuple[Rung, ...]
    alias: str = VIRTUAL
    shadow: bool = False
    head: tuple[str, ...] = ()

    def section(self) -> dict[str, Any]:
        """The section's content."""
        found: dict[str, Any] = {"mode": "shadow"} if self.shadow else {}
        found["tiers"] = [{"name": t.name, "model": t.model} for t in self.tiers]
        if self.alias != VIRTUAL:
            found["routes"] = [
                {"name": "routed", "models": [self.alias]},
                *(
                    {
                        "name": f"as-asked-{t.name}",
                        "models": [literal(t.model)],
                        "classify": False,
                        "tier": t.name,
                    }
                    for t in self.tiers
                ),
            ]
        return found


def literal(name: str) -> str:
    """A name as a pattern that matches it alone."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def refuse_taken(data: object, alias: str) -> None:
    """See that a configuration can be added to.

    Raises:
        Taken: it has a section, or something else of that name.
        CannotRewrite: it is no proxy's configuration.
    """
    if not isinstance(data, dict):
        raise CannotRewrite("it is no LiteLLM configuration: it should be a mapping with a model_list")
    if SECTION in data:
        raise Taken(
            f"it has a `{SECTION}:` section already: `litellm-tiering check` judges it, and `tune` sets its "
            "thresholds"
        )
    proxy = ProxyView(data)
    words = Words()
    another = "choose another name with --alias"
    if alias in proxy.aliases:
        raise Taken(
            f"its router_settings.model_group_alias has {words.show(alias)} already, for "
            f"{words.show(proxy.aliases[alias])}: {another}, or remove it"
        )
    if alias in (proxy.groups or ()):
        raise Taken(f"it has a model group called {words.show(alias)} already: {another}")


def wanted(data: Mapping[str, Any], addition: Addition) -> dict[str, Any]:
    """What the configuration holds with the additions made."""
    found: dict[str, Any] = apart(dict(data))
    settings = _mapping(found, "litellm_settings")
    listed = settings.get("callbacks")
    before = [listed] if isinstance(listed, str) else list(listed or ())
    if HANDLER not in before:
        settings["callbacks"] = [*before, HANDLER]
    router = _mapping(found, "router_settings")
    aliases = router["model_group_alias"] = dict(router.get("model_group_alias") or {})
    aliases[addition.alias] = addition.tiers[-1].model
    found[SECTION] = addition.section()
    return found


def _mapping(data: dict[str, Any], key: str) -> dict[str, Any]:
    held = data.get(key)
    if held is not None and not isinstance(held, dict):
        raise CannotRewrite(f"its {key} is no mapping")
    found: dict[str, Any] = held if isinstance(held, dict) else {}
    data[key] = found
    return found


def added(path: Path, addition: Addition) -> Rewritten:
    """The file at ``path`` with the additions made.

    Raises:
        CannotRewrite: they cannot be made without touching anything else.
        ConfigError: the file is no YAML.
    """
    found = path.resolve()
    try:
        with found.open("rb") as stream:
            before = stream.read(MAX_BYTES + 1)
        text = before.decode("utf-8")
    except UnicodeDecodeError:
        raise CannotRewrite("it is not UTF-8") from None
    except OSError as error:
        raise CannotRewrite(f"it cannot be read ({error.strerror or error})") from None
    mark, text = (_BOM, text[1:]) if text.startswith(_BOM) else ("", text)
    data = parse(text, str(path)).data
    refuse_taken(data, addition.alias)
    goal = wanted(data if isinstance(data, dict) else {}, addition)
    try:
        text = _appended(_aliased(_called(text, data, goal), data, addition), addition)
        got = parse(text, str(path)).data
    except (ConfigError, yaml.YAMLError):
        got = None
    if got != goal:
        raise CannotRewrite(
            "it is written in a way (as JSON, with an alias or a merge key, perhaps) in which the additions "
            "would touch more than they should"
        )
    return Rewritten(found, before, (mark + text).encode("utf-8"))


def by_hand(data: object, addition: Addition) -> str:
    """The additions as YAML to be written by hand."""
    goal = wanted(data if isinstance(data, dict) else {}, addition)
    lines = [
        "litellm_settings:",
        f"  callbacks: {flow(goal['litellm_settings']['callbacks'])}",
        "router_settings:",
        f"  model_group_alias: {flow(goal['router_settings']['model_group_alias'])}",
        *_section_lines(addition),
    ]
    return "\n".join(lines)


# ---------------------------------------------------------------------- the text


def _called(text: str, data: object, goal: Mapping[str, Any]) -> str:
    """The text with the plugin among the callbacks."""
    listed = goal["litellm_settings"]["callbacks"]
    held = data.get("litellm_settings") if isinstance(data, dict) else None
    had = held.get("callbacks") if isinstance(held, dict) else None
    if had == listed:
        return text
    if had and isinstance(had, list):
        return _item(text, ("litellm_settings", "callbacks"), HANDLER)
    return _entry(text, ("litellm_settings",), "callbacks", flow(listed))


def _aliased(text: str, data: object, addition: Addition) -> str:
    """The text with the virtual name among the aliases."""
    router = data.get("router_settings") if isinstance(data, dict) else None
    pair = {addition.alias: addition.tiers[-1].model}
    if isinstance(router, dict) and router.get("model_group_alias"):
        alias, model = (flow(part) for part in next(iter(pair.items())))
        return _entry(text, ("router_settings", "model_group_alias"), alias, model)
    return _entry(text, ("router_settings",), "model_group_alias", flow(pair))


def _appended(text: str, addition: Addition) -> str:
    """The text with the section at its end."""
    root = _node(text, ())
    indent = " " * (root.value[0][0].start_mark.column if isinstance(root, yaml.MappingNode) else 0)
    end = _newline(text)
    gap = "" if not text or text.endswith("\n") else end
    return text + gap + end + "".join(f"{indent}{line}".rstrip() + end for line in _section_lines(addition))


def _section_lines(addition: Addition) -> Iterator[str]:
    section = addition.section()
    yield from (f"# {line}".rstrip() for line in addition.head)
    yield f"{SECTION}:"
    if addition.shadow:
        yield "  # Decides and records, and changes nothing: remove this line when the figures convince you."
        yield "  mode: shadow"
    yield "  tiers:"
    written = [flow(tier) for tier in section["tiers"]]
    width = max(map(len, written))
    for line, tier in zip(written, addition.tiers, strict=True):
        yield f"    - {line.ljust(width)}  # {tier.remark}" if tier.remark else f"    - {line}"
    if "routes" in section:
        yield "  routes:"
        yield from (f"    - {flow(route)}" for route in section["routes"])


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _node(text: str, keys: Sequence[str]) -> yaml.Node | None:
    node: yaml.Node | None = yaml.compose(text, yaml.SafeLoader)
    for key in keys:
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        node = next((v for k, v in pairs if isinstance(k, yaml.ScalarNode) and k.value == key), None)
    return node


def _entry(text: str, keys: tuple[str, ...], key: str, value: str) -> str:
    """The text with ``key: value`` in the mapping at ``keys``, in place of what stood there."""
    node = _node(text, keys)
    if node is None:
        if not keys:
            raise CannotRewrite("it is empty")
        indent = "  "
        inner = f"{{{key}: {value}}}" if len(keys) > 1 else f"{_newline(text)}{indent}{key}: {value}"
        return _entry(text, keys[:-1], keys[-1], inner)
    if not isinstance(node, yaml.MappingNode) or not node.value:
        # Nothing behind the colon, or `{}`.
        start, stop = node.start_mark.index, _end(text, node)
        return f"{text[:start]}{' ' if start == stop else ''}{{{key}: {value}}}{text[stop:]}"
    old = next((v for k, v in node.value if k.value == key), None)
    if old is not None:
        start, stop = old.start_mark.index, _end(text, old)
        return f"{text[:start]}{' ' if start == stop else ''}{value}{text[stop:]}"
    last = _last(text, node)
    if node.flow_style:
        return f"{text[:last]}, {key}: {value}{text[last:]}"
    indent = " " * node.value[0][0].start_mark.column
    value = value.replace("\n", f"\n{indent}")
    gap = "" if value[0].isspace() else " "
    above = "" if keys else _newline(text)  # a section of its own
    return _line_behind(text, last, f"{above}{indent}{key}:{gap}{value}")


def _item(text: str, keys: tuple[str, ...], value: str) -> str:
    """The text with an entry more in the list at ``keys``, which has some."""
    node = _node(text, keys)
    if not isinstance(node, yaml.SequenceNode):
        raise CannotRewrite(f"its {'.'.join(keys)} is no list")
    last = _last(text, node)
    if node.flow_style:
        return f"{text[:last]}, {flow(value)}{text[last:]}"
    return _line_behind(text, last, f"{' ' * node.start_mark.column}- {flow(value)}")


def _line_behind(text: str, at: int, line: str) -> str:
    """The text with a line more behind the one that ``at`` is on."""
    stop = text.find("\n", at)
    end = _newline(text)
    return f"{text}{end}{line}" if stop < 0 else f"{text[: stop + 1]}{line}{end}{text[stop + 1 :]}"


def _last(text: str, node: yaml.CollectionNode) -> int:
    """Where the last entry of a collection ends; where that is an alias, at its key."""
    last = node.value[-1]
    if not isinstance(last, tuple):
        return _end(text, last)
    return max(int(last[0].end_mark.index), _end(text, last[1]))


def _end(text: str, node: yaml.Node) -> int:
    """Where a value ends; a block's own mark is where the next begins, behind comments and blank lines."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        return _last(text, node)
    start, end = int(node.start_mark.index), int(node.end_mark.index)
    return start + len(text[start:end].rstrip(" \r\n"))
