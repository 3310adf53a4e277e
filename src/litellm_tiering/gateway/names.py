"""Every name of LiteLLM's that this package relies on and LiteLLM does not document, and what of it.

``python -m litellm_tiering.gateway.names`` says which of them the installed LiteLLM has no more; the same is
a test for each. Whoever uses another such name adds it here: a test compares this list with the code.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Name:
    """A name of LiteLLM's, and what is expected of it.

    Attributes:
        path: Dotted, from ``litellm`` on: a module, or something in one.
        used_in: The modules of ``gateway/`` that use it, without ``.py``.
        takes: Parameters that we pass to it by name or, of a hook, are given by name.
        holds: Attributes, fields or keys that we read of it.
        says: Words in a module's source that stand for what only its code shows: keys of dicts, attributes
            that are set on instances.
    """

    path: str
    used_in: str
    takes: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    says: tuple[str, ...] = ()


_LOGGER = "litellm.integrations.custom_logger.CustomLogger"
_SERVER = "litellm.proxy.proxy_server"
_ROUTER = "litellm.Router"
_WORKER = "litellm.litellm_core_utils.logging_worker.GLOBAL_LOGGING_WORKER"
_EVENT = ("kwargs", "response_obj", "start_time", "end_time")
_KEY = ("user_api_key_dict",)

HOOKS = (
    Name(f"{_LOGGER}.async_pre_call_hook", "hooks", (*_KEY, "cache", "data", "call_type")),
    Name(f"{_LOGGER}.async_moderation_hook", "hooks", ("data", *_KEY, "call_type")),
    Name(f"{_LOGGER}.async_post_call_success_hook", "hooks", ("data", *_KEY, "response")),
    Name(
        f"{_LOGGER}.async_post_call_response_headers_hook",
        "hooks",
        ("data", *_KEY, "response", "request_headers", "litellm_call_info"),
    ),
    Name(
        f"{_LOGGER}.async_post_call_failure_hook",
        "hooks",
        ("request_data", "original_exception", *_KEY, "traceback_str"),
    ),
    Name(f"{_LOGGER}.async_post_call_streaming_iterator_hook", "hooks", (*_KEY, "response", "request_data")),
    Name(f"{_LOGGER}.async_logging_hook", "hooks", ("kwargs", "result", "call_type")),
    Name(f"{_LOGGER}.async_log_success_event", "hooks, sdk_hub", _EVENT),
    Name(f"{_LOGGER}.async_log_failure_event", "hooks, sdk_hub", _EVENT),
)
"""The hooks: LiteLLM calls them by keyword, and never one that it does not know."""

PROXY = (
    Name(
        _SERVER,
        "compat, plugin",
        holds=("proxy_config", "user_config_file_path", "llm_router", "app", "proxy_logging_obj"),
        says=("_litellm_client_requested_model", "_litellm_strip_stream_usage"),
    ),
    Name("litellm.proxy._types.LiteLLMRoutes.self_managed_routes", "compat", holds=("value",)),
    Name("litellm.proxy._types.ProxyException", "apply", ("message", "type", "param", "code", "headers")),
    Name("litellm.proxy._types.WebhookEvent", "compat", holds=("spend", "max_budget", "event")),
    Name(
        "litellm.proxy._types.UserAPIKeyAuth",
        "extract, permissions, routes, routes_admin, routes_decisions, tracing",
        holds=(
            *("token", "api_key", "key_alias", "metadata", "models", "end_user_id", "parent_otel_span"),
            *("team_id", "team_alias", "team_metadata", "team_models", "user_id", "user_role"),
        ),
    ),
    Name("litellm.proxy.auth.user_api_key_auth.user_api_key_auth", "routes, routes_admin, routes_report"),
    Name(
        "litellm.proxy.auth.fallback_model_access.is_model_authorized_for_token",
        "compat",
        ("model", "valid_token", "llm_router"),
    ),
    Name("litellm.proxy.utils.unified_guardrail", "compat", holds=("async_post_call_success_hook",)),
    Name(
        "litellm.integrations.custom_guardrail.CustomGuardrail",
        "compat",
        holds=("should_run_guardrail", "use_native_lifecycle_hooks"),
    ),
    Name("litellm.types.guardrails.GuardrailEventHooks", "compat", holds=("post_call",)),
    Name("litellm.proxy.utils.ProxyLogging.alerting_handler", "compat", ("message", "level", "alert_type")),
    Name(
        "litellm.integrations.SlackAlerting.slack_alerting.SlackAlerting.send_webhook_alert",
        "compat",
        ("webhook_event",),
    ),
    Name(
        "litellm.integrations.SlackAlerting.slack_alerting.AlertType",
        "alerting, compat",
        holds=("budget_alerts", "db_exceptions"),
    ),
    Name("litellm.sse_keepalive_ping_interval_seconds", "compat"),
    Name("litellm.anthropic_sse_ping_interval_seconds", "compat"),
    Name("litellm.turn_off_message_logging", "taking"),
)
"""What the plugin uses of a running proxy."""

CALLS = (
    Name(f"{_ROUTER}.get_model_list", "catalog, compat", ("model_name",)),
    Name(f"{_ROUTER}.acompletion", "upstream, asides, sdk", ("model", "messages", "stream", "kwargs")),
    Name(f"{_ROUTER}.aembedding", "asides", ("model", "input", "kwargs")),
    Name(f"{_ROUTER}.atext_completion", "upstream, sdk", ("model", "prompt", "kwargs")),
    Name(f"{_ROUTER}.completion", "sdk", ("model", "messages", "kwargs")),
    Name(f"{_ROUTER}.text_completion", "sdk", ("model", "prompt", "kwargs")),
    Name(f"{_ROUTER}.discard", "sdk"),
    Name(
        "litellm.router",
        "upstream, sdk, compat",
        says=(
            *("self.aresponses", "self.responses", "self.anthropic_messages", "self.aanthropic_messages"),
            *("model_group_alias", "attempted_fallbacks", "previous_models", "disable_fallbacks"),
        ),
    ),
    Name(
        "litellm.litellm_core_utils.internal_call_metadata",
        "compat",
        holds=("BUDGET_RESERVATION_METADATA_KEYS", "sanitize_user_api_key_auth"),
    ),
    Name("litellm.get_supported_openai_params", "compat", ("model", "custom_llm_provider")),
    Name("litellm.get_model_info", "catalog, offline_groups", ("model", "custom_llm_provider")),
    Name("litellm.model_cost", "catalog, offline_groups"),
    Name("litellm.cost_margin_config", "pricing"),
    Name("litellm.suppress_debug_info", "offline"),
    Name(
        "litellm.router_strategy.complexity_router.complexity_router.ComplexityRouter",
        "scorer",
        ("model_name", "litellm_router_instance", "default_model"),
        holds=("classify",),
    ),
)
"""What is asked of a router, the proxy's or our own, and of the model map."""

EVENTS = (
    Name(
        "litellm.types.utils.StandardLoggingPayload",
        "bill",
        holds=(
            *("response_cost", "model_group", "litellm_call_id", "startTime", "cache_hit", "metadata"),
            *("request_tags", "end_user", "prompt_tokens", "completion_tokens"),
        ),
    ),
    Name(
        "litellm.types.utils.StandardLoggingMetadata",
        "extract, bill, apply",
        holds=(
            *("user_api_key_hash", "user_api_key_alias", "user_api_key_team_id", "user_api_key_team_alias"),
            *("user_api_key_user_id", "user_api_key_end_user_id", "usage_object", "spend_logs_metadata"),
        ),
    ),
    Name("litellm.callbacks", "compat, sdk_litellm"),
    Name("litellm.logging_callback_manager", "sdk_litellm", holds=("add_litellm_callback",)),
    Name("litellm.input_callback", "sdk_litellm"),
    Name("litellm.success_callback", "sdk_litellm"),
    Name("litellm.failure_callback", "sdk_litellm"),
    Name("litellm.service_callback", "sdk_litellm"),
    Name("litellm._async_input_callback", "sdk_litellm"),
    Name("litellm._async_success_callback", "sdk_litellm"),
    Name("litellm._async_failure_callback", "sdk_litellm"),
    Name(_WORKER, "sdk_litellm", holds=("start", "flush", "_bound_loop")),
    Name("litellm.in_memory_llm_clients_cache", "sdk_litellm", holds=("cache_dict",)),
)
"""What LiteLLM tells of calls, and how one is told of them."""

NAMES = (*HOOKS, *PROXY, *CALLS, *EVENTS)


def complaints(name: Name) -> Iterator[str]:
    """What the installed LiteLLM no longer has of a name, each with where it is used."""
    told = f"litellm {version('litellm')}: {name.path}"
    used = f"used in gateway/ by {name.used_in}"
    try:
        found = _resolve(name.path)
    except (ImportError, AttributeError) as error:
        yield f"{told} is gone ({error}); {used}"
        return
    if name.takes:
        parameters = inspect.signature(found).parameters
        takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        for wanted in name.takes:
            if wanted not in parameters and not (takes_any and found is not _hook(name)):
                yield f"{told} lost the parameter {wanted!r}; {used}"
    for wanted in name.holds:
        if not _holds(found, wanted):
            yield f"{told} lost {wanted!r}; {used}"
    if name.says:
        source = inspect.getsource(found)
        for wanted in name.says:
            if wanted not in source:
                yield f"{told} says nothing of {wanted!r} any more; {used}"


def _hook(name: Name) -> Any:
    """The hook itself where a name is one: what it is called with must be its own parameters."""
    return _resolve(name.path) if name in HOOKS else None


def _resolve(path: str) -> Any:
    parts = path.split(".")
    for depth in range(len(parts), 0, -1):
        module = ".".join(parts[:depth])
        try:
            found: Any = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name is None or not module.startswith(error.name):
                raise
            continue
        for part in parts[depth:]:
            found = getattr(found, part)
        return found
    raise ImportError(path)


def _holds(found: Any, name: str) -> bool:
    """Whether something has an attribute, or a field by that name."""
    classes = found.__mro__ if isinstance(found, type) else ()
    return hasattr(found, name) or any(name in vars(c).get("__annotations__", {}) for c in classes)


def main() -> int:
    """Print what is missing, if anything: 1 where something is."""
    # LiteLLM fetches its price map as it is imported, unless told to use the one it came with.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    found = [complaint for name in NAMES for complaint in complaints(name)]
    for complaint in found:
        print(complaint)  # noqa: T201 - this is a command
    if not found:
        print(f"litellm {version('litellm')}: all {len(NAMES)} names are as they were")  # noqa: T201 - as above
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
