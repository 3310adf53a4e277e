"""What form of answer a request demands: its schema, its tools. Where it is unreadable, nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_tiering.core.gate import Demand

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Schema = Mapping[str, Any] | bool | None

MAX_TOOLS = 1_024
"""How many offered tools are known to the gates; a request with more is not judged by its tools."""

_OWN = frozenset({"", "function", "custom"})


def demand_of(body: Mapping[str, Any]) -> Demand:
    """The form that a request demands, whichever of the four APIs it is written for."""
    json, schema = _format(body)
    offered = [t for name in ("tools", "functions") for t in _items(body.get(name))]
    listed = dict(_tools(offered)) if len(offered) <= MAX_TOOLS else {}
    # A tool of the provider's own may be called by any name: then no name is a wrong one.
    return Demand(json=json, schema=schema, tools=listed if len(listed) == len(offered) else {})


def _tools(offered: list[Any]) -> Iterator[tuple[str, Schema]]:
    for tool in offered:
        owner = _mapping(_mapping(tool).get("function")) or _mapping(tool)
        name = owner.get("name")
        kind = _mapping(tool).get("type", "")
        if isinstance(name, str) and name and isinstance(kind, str) and kind in _OWN:
            yield name, _schema(owner.get("parameters", owner.get("input_schema")))


def _format(body: Mapping[str, Any]) -> tuple[bool, Schema]:
    """Whether the answer must be JSON, and the schema that it must fit."""
    forms = (
        body.get("response_format"),
        _mapping(body.get("text")).get("format"),
        body.get("output_format"),
        _mapping(body.get("output_config")).get("format"),
    )
    asked = next((f for f in forms if f is not None), None)
    if isinstance(asked, type):
        # The SDK takes a pydantic model.
        described = getattr(asked, "model_json_schema", None)
        return described is not None, None if described is None else described()
    form = _mapping(asked)
    if form.get("type") != "json_schema":
        return form.get("type") == "json_object", None
    return True, _schema((_mapping(form.get("json_schema")) or form).get("schema"))


def _schema(value: Any) -> Schema:  # noqa: ANN401 - a body holds anything
    return value if isinstance(value, dict | bool) else None


def _mapping(value: Any) -> Mapping[str, Any]:  # noqa: ANN401 - as above
    return value if isinstance(value, dict) else {}


def _items(value: Any) -> list[Any]:  # noqa: ANN401 - as above
    return value if isinstance(value, list) else []
