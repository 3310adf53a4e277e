"""The rest of a LiteLLM proxy's configuration, as far as ours depends on it."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

HANDLER = "litellm_tiering.plugin.handler"
"""What ``litellm_settings.callbacks`` must name."""


class ProxyView:
    """Reads a LiteLLM configuration leniently: what LiteLLM will say of it is not ours to repeat.

    Attributes:
        known: Whether there is a proxy configuration at all.
        groups: The names of its model groups, None where they are not known.
        aliases: Alias → model group.
    """

    __slots__ = ("_config", "aliases", "groups", "known")

    def __init__(self, config: object) -> None:
        self._config: Mapping[object, object] = config if isinstance(config, Mapping) else {}
        self.known = bool(self._config)
        self.groups = self._groups()
        self.aliases = self._aliases()

    def has(self, model: str) -> bool:
        """Whether the proxy answers to ``model``; True where its models are not known."""
        if self.groups is None or model in self.groups or model in self.aliases:
            return True
        return any("*" in group and fnmatchcase(model, group) for group in self.groups)

    def names(self) -> tuple[str, ...]:
        """Every name that the proxy answers to, for suggestions."""
        return tuple(dict.fromkeys((*(self.groups or ()), *self.aliases)))

    def upstreams(self, group: str) -> tuple[str, ...]:
        """What the deployments of a model group call their models, ``base_model`` where there is one."""
        listed = self._config.get("model_list")
        found = []
        for entry in listed if isinstance(listed, (list, tuple)) else ():
            if not isinstance(entry, Mapping) or entry.get("model_name") != self.aliases.get(group, group):
                continue
            info, params = entry.get("model_info"), entry.get("litellm_params")
            named = info.get("base_model") if isinstance(info, Mapping) else None
            named = named or (params.get("model") if isinstance(params, Mapping) else None)
            if isinstance(named, str):
                found.append(named)
        return tuple(found)

    def guarded(self) -> bool:
        """Whether it has guardrails of its own section."""
        return bool(self._at("guardrails"))

    def callbacks(self) -> tuple[str, ...]:
        """``litellm_settings.callbacks``."""
        found = self._at("litellm_settings", "callbacks")
        if isinstance(found, str):
            return (found,)
        return tuple(c for c in found if isinstance(c, str)) if isinstance(found, (list, tuple)) else ()

    def redis(self) -> str:
        """Where the proxy's Redis is configured, empty where it has none."""
        if self._at("litellm_settings", "cache_params", "type") in ("redis", "redis-semantic"):
            return "litellm_settings.cache_params"
        if self._at("general_settings", "coordination_redis"):
            return "general_settings.coordination_redis"
        for key in ("redis_host", "redis_url"):
            if self._at("router_settings", key):
                return f"router_settings.{key}"
        return ""

    def _groups(self) -> tuple[str, ...] | None:
        listed = self._config.get("model_list")
        if not isinstance(listed, (list, tuple)):
            return None
        names = [m.get("model_name") for m in listed if isinstance(m, Mapping)]
        return tuple(dict.fromkeys(n for n in names if isinstance(n, str)))

    def _aliases(self) -> dict[str, str]:
        found = self._at("router_settings", "model_group_alias")
        if not isinstance(found, Mapping):
            return {}
        targets = {k: v.get("model") if isinstance(v, Mapping) else v for k, v in found.items()}
        return {k: v for k, v in targets.items() if isinstance(k, str) and isinstance(v, str)}

    def _at(self, *keys: str) -> object:
        value: object = self._config
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value
