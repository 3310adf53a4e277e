"""Prices and capabilities without a proxy: from a configuration's ``model_list`` and LiteLLM's model map."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import litellm

from litellm_tiering.gateway.catalog import Catalog, group_facts
from litellm_tiering.units import NANO_PER_USD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_tiering.core.catalog import TierFacts
    from litellm_tiering.core.ladder import Ladder

_ENV_PREFIX = "os.environ/"


class ListedModels:
    """A proxy's model groups as its configuration lists them: stands in for the router, which is not started.

    Args:
        proxy: The proxy's configuration, read leniently.
        env: The environment, for values written ``os.environ/NAME``.
    """

    def __init__(self, proxy: Mapping[str, Any], env: Mapping[str, str]) -> None:
        listed = proxy.get("model_list")
        entries = listed if isinstance(listed, list) else []
        self._entries = [_resolved(e, env) for e in entries if isinstance(e, Mapping)]
        settings = proxy.get("router_settings")
        aliases = settings.get("model_group_alias") if isinstance(settings, Mapping) else None
        self._aliases: Mapping[str, Any] = aliases if isinstance(aliases, Mapping) else {}

    def get_model_list(self, model_name: str) -> list[Mapping[str, Any]]:
        """The deployments of a group, found as the router finds them: by name, by alias, then by pattern."""
        target = self._aliases.get(model_name)
        if isinstance(target, Mapping):
            target = target.get("model")
        found = [e for e in self._entries if e.get("model_name") == model_name]
        if isinstance(target, str):
            found += [e for e in self._entries if e.get("model_name") == target]
        return found or [m for e in self._entries if (m := _by_pattern(e, model_name)) is not None]


def tier_facts(
    ladder: Ladder,
    requirements: Mapping[str, Mapping[str, Any]] | str,
    proxy: Mapping[str, Any],
    env: Mapping[str, str],
) -> tuple[TierFacts, ...]:
    """The facts of every tier, by rank, as a proxy with this configuration would have them.

    A group that the file does not list (it may be in the proxy's database) counts as there, with nothing
    known of it but the dearest tier's price.
    """
    with quiet():
        found = Catalog(ladder, requirements, _Standstill()).facts(ListedModels(proxy, env))
    return tuple(replace(f, exists=True) for f in found)


def group_price(group: str, proxy: Mapping[str, Any], env: Mapping[str, str]) -> tuple[float, float] | None:
    """A group's prices in US dollars per token, prompt and completion; None where they are not known."""
    with quiet():
        price = group_facts(ListedModels(proxy, env).get_model_list(group)).price
    return (price.prompt / NANO_PER_USD, price.completion / NANO_PER_USD) if price.known else None


class _Standstill:
    """A clock for a catalog that is read once."""

    def now(self) -> float:
        return 0.0


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep LiteLLM from printing its advice about unknown models into our output."""
    before = litellm.suppress_debug_info
    litellm.suppress_debug_info = True
    try:
        yield
    finally:
        litellm.suppress_debug_info = before


def _resolved(entry: Mapping[str, Any], env: Mapping[str, str]) -> Mapping[str, Any]:
    """A deployment with the environment's values filled in, and mappings where it needs them."""
    parts = {name: entry.get(name) for name in ("litellm_params", "model_info")}
    return {
        "model_name": entry.get("model_name"),
        **{
            name: {k: _value(v, env) for k, v in part.items()} if isinstance(part, Mapping) else {}
            for name, part in parts.items()
        },
    }


def _value(value: Any, env: Mapping[str, str]) -> Any:
    if isinstance(value, str) and value.startswith(_ENV_PREFIX):
        return env.get(value.removeprefix(_ENV_PREFIX))
    return value


def _by_pattern(entry: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """The deployment that a wildcard entry such as ``openai/*`` stands for, None where it does not match."""
    pattern = entry["model_name"]
    if not isinstance(pattern, str) or pattern.count("*") != 1:
        return None
    head, _, tail = pattern.partition("*")
    if len(name) < len(head) + len(tail) or not (name.startswith(head) and name.endswith(tail)):
        return None
    params = dict(entry["litellm_params"])
    params["model"] = str(params.get("model") or "").replace("*", name[len(head) : len(name) - len(tail)])
    return {**entry, "model_name": name, "litellm_params": params}
