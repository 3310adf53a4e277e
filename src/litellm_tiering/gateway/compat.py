"""Every assumption about LiteLLM's inside, each with why; and which releases may be used.

A release outside the tested range gives one warning; a release known to be bad refuses to load.
"""

from __future__ import annotations

import asyncio
import logging
import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, cast

from litellm_tiering.errors import IncompatibleLiteLLM

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Mapping, MutableMapping

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


CALL_STATE = frozenset(
    {
        "model",
        "litellm_call_id",  # one call's name in the logs
        "litellm_logging_obj",  # one call's log
        "deployment",  # where the first call went
        "shared_session",  # put in by the proxy's own routing
        "_litellm_client_requested_model",  # for the proxy's streaming, no argument of a call
        "_litellm_strip_stream_usage",  # as above
    }
)
"""What the proxy and a finished call leave in a request, and a further call must not inherit."""

_ROUTER_METADATA = frozenset(
    {
        *("model_group", "model_group_alias", "model_group_size", "original_model_group", "model_info"),
        *("deployment", "deployment_model_name", "api_base", "caching_groups", "llm_api_timing_windows"),
        *("attempted_fallbacks", "attempted_retries", "max_retries", "previous_models", "fallback_errors"),
        "_litellm_router_usage_counted_tokens",
    }
)
"""What the router writes into a call's metadata on its way."""


def callers_metadata(metadata: Any) -> dict[str, Any]:
    """A copy of a request's metadata for one more call of it: the caller's identity, no state of a call.

    The budget reservation is the first call's: whoever sees it settles it, and the other is not counted.
    """
    from litellm.litellm_core_utils.internal_call_metadata import (  # noqa: PLC0415 - see proxy_config
        BUDGET_RESERVATION_METADATA_KEYS,
        sanitize_user_api_key_auth,
    )

    if not isinstance(metadata, dict):
        return {}
    dropped = _ROUTER_METADATA | BUDGET_RESERVATION_METADATA_KEYS
    copied = {k: v for k, v in metadata.items() if k not in dropped}
    if "user_api_key_auth" in copied:
        copied["user_api_key_auth"] = sanitize_user_api_key_auth(copied["user_api_key_auth"])
    return copied


def takes(router: Any, group: str, parameter: str) -> bool:
    """Whether every deployment of a model group takes a parameter of chat completions."""
    import litellm  # noqa: PLC0415 - see proxy_config

    found = router.get_model_list(model_name=group) or ()
    for deployment in found:
        params = deployment.get("litellm_params") or {}
        try:
            known = litellm.get_supported_openai_params(
                model=str(params.get("model") or ""), custom_llm_provider=params.get("custom_llm_provider")
            )
        except Exception:  # noqa: BLE001 - a provider LiteLLM cannot name takes nothing for granted
            return False
        if parameter not in (known or ()):
            return False
    return bool(found)


def keep_alive(seconds: float) -> None:
    """Have LiteLLM send pings on streams that are silent; what the owner has set stands.

    A stream that is held back for its gates would otherwise look dead to what stands in between.
    """
    import litellm  # noqa: PLC0415 - see proxy_config

    for name in ("sse_keepalive_ping_interval_seconds", "anthropic_sse_ping_interval_seconds"):
        if hasattr(litellm, name) and getattr(litellm, name) is None:
            setattr(litellm, name, seconds)


async def may_use(model: str, key: Any, router: Any) -> bool:
    """Whether a key, and its team, may call a model group: LiteLLM's own check for fallback targets."""
    from litellm.proxy.auth.fallback_model_access import (  # noqa: PLC0415 - see proxy_config
        is_model_authorized_for_token,
    )

    return bool(await is_model_authorized_for_token(model=model, valid_token=key, llm_router=router))


def guardrails(data: dict[str, Any]) -> list[tuple[Any, Any]]:
    """Whom to ask about an answer that is served in place of another: the proxy's guardrails, in order.

    LiteLLM's ``post_call_success_hook`` asks all guardrails before any other callback, so they have seen the
    first attempt's answer only. Beside those that LiteLLM asks through another stands the guardrail itself.
    Those in a policy's pipeline are not among them.
    """
    import litellm  # noqa: PLC0415 - see proxy_config
    from litellm.integrations.custom_guardrail import CustomGuardrail  # noqa: PLC0415 - as above
    from litellm.proxy.utils import unified_guardrail  # noqa: PLC0415 - as above
    from litellm.types.guardrails import GuardrailEventHooks  # noqa: PLC0415 - as above

    found: list[tuple[Any, Any]] = []
    for callback in litellm.callbacks:
        if not isinstance(callback, CustomGuardrail):
            continue
        if callback.should_run_guardrail(data, GuardrailEventHooks.post_call):
            native = getattr(callback, "use_native_lifecycle_hooks", False)
            unified = "apply_guardrail" in vars(type(callback)) and not native
            found.append((unified_guardrail, callback) if unified else (callback, None))
    return found


def logged_metadata(kwargs: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """The metadata dicts of a success or failure event, wherever this API keeps them."""
    params = kwargs.get("litellm_params")
    if not isinstance(params, dict):
        return ()
    found = (params.get("litellm_metadata"), params.get("metadata"))
    return tuple(m for m in found if isinstance(m, dict))


def metadata_to_log(kwargs: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """The dicts from which LiteLLM's integrations take a call's metadata: its parameters' and the payload's.

    Of the two names among the parameters one may be the client's own, which is sent upstream: where there is
    LiteLLM's, that is left alone.
    """
    params = kwargs.get("litellm_params")
    params = params if isinstance(params, dict) else {}
    ours = params.get("litellm_metadata") or params.get("metadata")
    payload = kwargs.get("standard_logging_object")
    logged = payload.get("metadata") if isinstance(payload, dict) else None
    return tuple(m for m in (ours, logged) if isinstance(m, dict))


async def alert(message: str, level: str, kind: str, budget: Mapping[str, Any] | None) -> None:
    """Hand a message to the proxy's own alerting; nothing where ``general_settings.alerting`` sets up none.

    ``proxy_server.proxy_logging_obj`` is the proxy's ``ProxyLogging``: its ``alerting`` names the channels.
    Of these ``alerting_handler`` serves Slack, Teams and Sentry, as it does for LiteLLM's own alerts, and
    ``slack_alerting_instance.send_webhook_alert`` serves ``webhook``.

    Args:
        message: What to say.
        level: ``Low``, ``Medium`` or ``High``.
        kind: The name of LiteLLM's ``AlertType``, which ``general_settings.alert_types`` may leave out.
        budget: The fields of LiteLLM's ``WebhookEvent``; None where it is about no budget.
    """
    from litellm.proxy import proxy_server  # noqa: PLC0415 - see proxy_config

    logging_obj = getattr(proxy_server, "proxy_logging_obj", None)
    channels = getattr(logging_obj, "alerting", None)
    if logging_obj is None or not channels:
        return
    from litellm.integrations.SlackAlerting.slack_alerting import AlertType  # noqa: PLC0415 - see proxy_config

    asked: list[Awaitable[Any]] = []
    slack: Any = getattr(logging_obj, "slack_alerting_instance", None)
    if "webhook" in channels and budget is not None and hasattr(slack, "send_webhook_alert"):
        from litellm.proxy._types import WebhookEvent  # noqa: PLC0415 - see proxy_config

        if kind in {getattr(k, "value", k) for k in getattr(slack, "alert_types", None) or ()}:
            asked.append(slack.send_webhook_alert(WebhookEvent(**budget)))
    if hasattr(logging_obj, "alerting_handler"):
        asked.append(logging_obj.alerting_handler(message=message, level=level, alert_type=AlertType[kind]))
    # One channel that fails must not keep the other from being asked.
    for error in await asyncio.gather(*asked, return_exceptions=True):
        if isinstance(error, Exception):
            raise error
