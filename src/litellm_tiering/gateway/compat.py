"""Every assumption about LiteLLM's inside, each with why; and which releases may be used.

A release outside the tested range gives one warning; a release known to be bad refuses to load.
"""

from __future__ import annotations

import logging
import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, cast

from litellm_tiering.errors import IncompatibleLiteLLM

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, MutableMapping

_log = logging.getLogger("litellm_tiering")

TESTED_FROM = (1, 100)
TESTED_BELOW = (1, 110)
KNOWN_BAD = {
    "1.107.0": "this release was compromised",
    "1.82.7": "this release was compromised",
    "1.82.8": "this release was compromised",
}


def check_version(installed: str | None = None) -> None:
    """Refuse a known-bad LiteLLM and warn once of an untested one.

    Raises:
        IncompatibleLiteLLM: the installed release must not be used.
    """
    found = installed or version("litellm")
    numbers = tuple(int(n) for n in re.findall(r"\d+", found)[:3])
    why = KNOWN_BAD.get(found) or ("its series was compromised" if numbers[:2] == (1, 107) else "")
    if why:
        raise IncompatibleLiteLLM(
            f"litellm {found} must not be used: {why}. "
            "Install another release: pip install 'litellm>=1.100,<1.110,!=1.107.*'"
        )
    if not TESTED_FROM <= numbers[:2] < TESTED_BELOW:
        _log.warning(
            "litellm %s is untested with litellm-tiering (known: 1.100 to 1.109): watch its first requests",
            found,
        )


def proxy_config() -> Mapping[str, Any]:
    """The proxy's config.yaml as LiteLLM read it, ``os.environ/…`` resolved; empty outside a proxy.

    ``proxy_server.proxy_config.config`` is set before callbacks are imported, and holds unknown sections.
    """
    from litellm.proxy import proxy_server  # noqa: PLC0415 - costs seconds; only a proxy needs it

    return cast("Mapping[str, Any]", getattr(proxy_server.proxy_config, "config", None) or {})


def proxy_config_path() -> str:
    """The path of the proxy's config.yaml, empty when there is none."""
    from litellm.proxy import proxy_server  # noqa: PLC0415 - see proxy_config

    return str(getattr(proxy_server, "user_config_file_path", None) or "")


def live_router() -> Any:
    """The proxy's router; read at request time, since the proxy replaces it when models change."""
    from litellm.proxy import proxy_server  # noqa: PLC0415 - see proxy_config

    return proxy_server.llm_router


def alias_target(router: Any, name: str) -> str | None:
    """The model group that an alias of the router stands for, None where the name is no alias.

    ``Router.get_model_from_alias`` is newer than the oldest release we support.
    """
    found = (getattr(router, "model_group_alias", None) or {}).get(name)
    target = found.get("model") if isinstance(found, dict) else found
    return target if isinstance(target, str) else None


def proxy_app() -> Any:
    """The proxy's FastAPI application."""
    from litellm.proxy import proxy_server  # noqa: PLC0415 - see proxy_config

    return proxy_server.app


def open_to_every_key(paths: Iterable[str]) -> None:
    """Let keys that are no administrators reach routes that judge for themselves what each may see.

    LiteLLM refuses unknown routes to such keys; its ``self_managed_routes`` are the exception it provides.
    """
    from litellm.proxy._types import LiteLLMRoutes  # noqa: PLC0415 - see proxy_config

    routes: list[str] = LiteLLMRoutes.self_managed_routes.value
    routes.extend(path for path in paths if path not in routes)


def metadata_of(data: MutableMapping[str, Any]) -> dict[str, Any]:
    """Where LiteLLM keeps its own metadata of a request: ``litellm_metadata`` where it exists.

    On messages and responses bodies ``metadata`` is the client's; ``get_or_create_metadata_bucket`` makes
    the same choice inside LiteLLM.
    """
    name = "litellm_metadata" if "litellm_metadata" in data else "metadata"
    bucket = data.get(name)
    if not isinstance(bucket, dict):
        bucket = data[name] = {}
    return bucket


async def may_use(model: str, key: Any, router: Any) -> bool:
    """Whether a key, and its team, may call a model group: LiteLLM's own check for fallback targets."""
    from litellm.proxy.auth.fallback_model_access import (  # noqa: PLC0415 - see proxy_config
        is_model_authorized_for_token,
    )

    return bool(await is_model_authorized_for_token(model=model, valid_token=key, llm_router=router))


def logged_metadata(kwargs: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """The metadata dicts of a success or failure event, wherever this API keeps them."""
    params = kwargs.get("litellm_params")
    if not isinstance(params, dict):
        return ()
    found = (params.get("litellm_metadata"), params.get("metadata"))
    return tuple(m for m in found if isinstance(m, dict))
