"""What LiteLLM knows of every model group that a configuration lists, for a ladder to be proposed from."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import litellm

from litellm_tiering.config.propose import Group
from litellm_tiering.gateway.catalog import group_facts
from litellm_tiering.gateway.offline import ListedModels, quiet
from litellm_tiering.units import NANO_PER_USD

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from litellm_tiering.core.catalog import TierFacts

MOST_GROUPS = 2_000
"""How many model groups are looked at."""

_OWN = frozenset(
    {
        *(
            "ollama",
            "ollama_chat",
            "hosted_vllm",
            "vllm",
            "lm_studio",
            "llamafile",
            "xinference",
            "oobabooga",
        ),
        *("docker_model_runner", "lemonade", "petals", "triton", "infinity"),
    }
)
"""LiteLLM's providers that are servers of one's own."""

_ROUTERS = ("auto_router/", "complexity_router/", "adaptive_router/")


def listed_groups(proxy: Mapping[str, Any], env: Mapping[str, str]) -> tuple[Group, ...]:
    """The model groups that a configuration lists, in its order.

    Args:
        proxy: The proxy's configuration, read leniently.
        env: The environment, for values written ``os.environ/NAME``.
    """
    listed = proxy.get("model_list")
    names = [e.get("model_name") for e in listed if hasattr(e, "get")] if isinstance(listed, list) else []
    models = ListedModels(proxy, env)
    with quiet():
        return tuple(
            _group(name, [d for d in models.get_model_list(name) if d.get("model_name") == name])
            for name in list(dict.fromkeys(n for n in names if isinstance(n, str)))[:MOST_GROUPS]
        )


def group_called(name: str, proxy: Mapping[str, Any], env: Mapping[str, str]) -> Group:
    """One group, which may be an alias's or fall under a pattern of the configuration."""
    with quiet():
        return _group(name, ListedModels(proxy, env).get_model_list(name))


def facts_of(name: str, proxy: Mapping[str, Any], env: Mapping[str, str]) -> TierFacts:
    """What a model group costs and can do; of any other name, what LiteLLM's map has on that model."""
    with quiet():
        found = ListedModels(proxy, env).get_model_list(name)
        return group_facts(found or [{"litellm_params": {"model": name}, "model_info": {}}])


def _group(name: str, deployments: Sequence[Mapping[str, Any]]) -> Group:
    facts = group_facts(deployments)
    known = [_known(d) for d in deployments]
    upstreams = tuple(dict.fromkeys(u for d in deployments if (u := _upstream(d))))
    price, can = facts.price, facts.capability
    return Group(
        name=name,
        upstreams=upstreams,
        prompt=price.prompt / NANO_PER_USD if price.known else None,
        completion=price.completion / NANO_PER_USD if price.known else None,
        mode=_mode(known),
        tools=can.tools,
        response_format=can.response_format,
        vision=can.vision,
        max_input_tokens=can.max_input_tokens,
        own=all(_own(d, priced=price.known) for d in deployments),
        retires=min((r for k in known if (r := _date(k.get("deprecation_date")))), default=None),
        pattern="*" in name or any("*" in u for u in upstreams),
        routes=any(u.startswith(_ROUTERS) for u in upstreams),
    )


def _mode(known: Iterable[Mapping[str, Any]]) -> str:
    """What the group does; where one deployment is no chat model, what that one does."""
    modes = [m for k in known if isinstance(m := k.get("mode"), str)]
    return next((m for m in modes if m != "chat"), modes[0] if modes else "")


def _upstream(deployment: Mapping[str, Any]) -> str:
    """What a deployment calls its model, ``base_model`` where there is one."""
    params, info = deployment["litellm_params"], deployment["model_info"]
    named = info.get("base_model") or params.get("base_model") or params.get("model")
    return named if isinstance(named, str) else ""


def _known(deployment: Mapping[str, Any]) -> Mapping[str, Any]:
    """What LiteLLM's map has on a deployment's model, and the owner's word over it."""
    params, info = deployment["litellm_params"], deployment["model_info"]
    entry: Mapping[str, Any] = {}
    with contextlib.suppress(Exception):  # get_model_info raises bare Exception for an unknown model
        key = litellm.get_model_info(
            model=_upstream(deployment), custom_llm_provider=params.get("custom_llm_provider")
        )["key"]
        entry = litellm.model_cost.get(key) or {}
    return {**entry, **{k: v for k, v in info.items() if v is not None}}


def _own(deployment: Mapping[str, Any], *, priced: bool) -> bool:
    params = deployment["litellm_params"]
    provider = params.get("custom_llm_provider") or str(params.get("model") or "").partition("/")[0]
    return provider in _OWN or (not priced and _is_near(params.get("api_base")))


def _is_near(url: object) -> bool:
    """Whether an address is one of one's own network."""
    try:
        host = urlsplit(url).hostname if isinstance(url, str) else None
    except ValueError:
        return False
    if not host:
        return False
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_private
    return "." not in host or host.endswith((".local", ".internal", ".lan"))


def _date(value: object) -> dt.date | None:
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
