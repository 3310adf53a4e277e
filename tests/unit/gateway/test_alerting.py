from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from types import SimpleNamespace

import litellm.proxy
import pytest
from litellm.caching.caching import DualCache
from litellm.integrations.SlackAlerting.slack_alerting import AlertType, SlackAlerting
from litellm.proxy._types import WebhookEvent
from litellm.proxy.utils import ProxyLogging

from litellm_tiering.events import Event, Kind
from litellm_tiering.gateway.alerting import LiteLLMSink, budget_of, message_of

NOON = 1_795_000_000.0
CROSSED = Event(
    Kind.THRESHOLD,
    NOON,
    scope="team",
    id="blue",
    window="day:2026-11-21@UTC",
    threshold=0.8,
    ratio=0.81,
    limit_usd=10.0,
    spent_usd=8.1,
    reserved_usd=0.0,
)


@pytest.fixture
def server(monkeypatch):
    """Stands in for the proxy's module, whose import takes long; a real one is in the proxy tests."""
    module = SimpleNamespace()
    monkeypatch.setitem(sys.modules, "litellm.proxy.proxy_server", module)
    monkeypatch.setattr(litellm.proxy, "proxy_server", module, raising=False)
    return module


@pytest.fixture
async def proxy(monkeypatch, server):
    """LiteLLM's own alerting as a proxy sets it up for these channels; nothing is sent."""
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "http://127.0.0.1:1/slack")
    monkeypatch.setenv("WEBHOOK_URL", "http://127.0.0.1:1/webhook")
    made = []

    def make(channels, **values):
        one = ProxyLogging(user_api_key_cache=DualCache())
        server.proxy_logging_obj = one
        if channels is not None:
            one.update_values(alerting=channels, **values)
        one.posted = []

        async def post(url, headers, data):
            one.posted.append((url, json.loads(data)))
            return SimpleNamespace(status_code=200, text="")

        monkeypatch.setattr(one.slack_alerting_instance.async_http_handler, "post", post)
        made.append(one)
        return one

    yield make
    for one in made:
        # LiteLLM 1.100 keeps no hold of it.
        task = getattr(one.slack_alerting_instance, "_periodic_flush_task", None)
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def test_slack_is_told_as_of_litellms_own_budget_alerts(proxy):
    one = proxy(["slack"])
    await LiteLLMSink().deliver(CROSSED)
    (waiting,) = one.slack_alerting_instance.log_queue
    assert waiting["url"] == "http://127.0.0.1:1/slack"
    assert waiting["alert_type"] == "budget_alerts"
    text = waiting["payload"]["text"]
    assert "A threshold of a budget was crossed: event=threshold scope=team:blue ratio=0.81" in text
    assert "Level: `Medium`" in text
    assert one.posted == []


async def test_litellms_webhook_gets_the_event_that_it_would_send_itself(proxy):
    one = proxy(["webhook"])
    await LiteLLMSink().deliver(CROSSED)
    ((url, body),) = one.posted
    assert url == "http://127.0.0.1:1/webhook"
    assert (body["event"], body["event_group"], body["team_id"]) == ("threshold_crossed", "team", "blue")
    assert (body["spend"], body["max_budget"]) == (8.1, 10.0)


async def test_without_alerting_nothing_is_done(proxy, server):
    one = proxy(None)
    await LiteLLMSink().deliver(CROSSED)
    assert (one.slack_alerting_instance.log_queue, one.posted) == ([], [])
    server.proxy_logging_obj = None
    await LiteLLMSink().deliver(CROSSED)
    server.proxy_logging_obj = SimpleNamespace(alerting=["slack", "webhook"])
    await LiteLLMSink().deliver(CROSSED)
    del server.proxy_logging_obj
    await LiteLLMSink().deliver(CROSSED)
    await LiteLLMSink().close()


async def test_kinds_of_alert_that_the_owner_left_out_are_not_sent(proxy):
    one = proxy(["slack", "webhook"], alert_types=["db_exceptions"])
    await LiteLLMSink().deliver(CROSSED)
    assert (one.slack_alerting_instance.log_queue, one.posted) == ([], [])
    await LiteLLMSink().deliver(Event(Kind.STORE_DOWN, NOON, detail="gone"))
    (waiting,) = one.slack_alerting_instance.log_queue
    assert waiting["alert_type"] == "db_exceptions"
    assert "Level: `High`" in waiting["payload"]["text"]
    assert one.posted == []


async def test_one_channel_that_fails_keeps_no_other_from_being_asked(proxy, monkeypatch):
    one = proxy(["webhook", "slack"])
    monkeypatch.delenv("WEBHOOK_URL")
    with pytest.raises(Exception, match="Missing webhook_url"):
        await LiteLLMSink().deliver(CROSSED)
    assert len(one.slack_alerting_instance.log_queue) == 1


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("scope", ["global", "team", "key", "user", "end_user", "tag", "route"])
def test_every_event_has_words_and_every_budgets_event_litellms_form(kind, scope):
    event = Event(kind, NOON, scope=scope, id="x", limit_usd=1.0, spent_usd=0.5)
    assert f"event={kind.value}" in message_of(event)
    fields = budget_of(event)
    money = kind in {Kind.THRESHOLD, Kind.CEILING, Kind.FORECAST}
    assert (fields is not None) == money
    if fields is not None:
        assert WebhookEvent(**fields).spend == 0.5


def test_the_names_in_litellm_are_there():
    assert {"budget_alerts", "db_exceptions"} <= set(AlertType.__members__)
    assert hasattr(SlackAlerting, "send_webhook_alert")
    assert hasattr(ProxyLogging, "alerting_handler")
