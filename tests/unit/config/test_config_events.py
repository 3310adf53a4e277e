from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_tiering.config.build import EventSettings, build
from litellm_tiering.config.check import check
from litellm_tiering.config.load import from_mapping
from litellm_tiering.config.schema_events import EVERY_KIND
from litellm_tiering.config.sense_events import _host
from litellm_tiering.errors import ConfigError
from litellm_tiering.events import Kind
from litellm_tiering.telemetry.settings import WebhookSettings

TIERS = [{"name": "simple", "model": "small"}, {"name": "complex", "model": "large"}]
SECRET = "a-secret-that-nobody-may-see"
URL = "https://hooks.example.com/T0K3N"


def loaded(events, **more):
    section = {"tiers": TIERS} if events is None else {"tiers": TIERS, "events": events}
    return from_mapping(section, **more)


def problem(events):
    with pytest.raises(ConfigError) as caught:
        loaded(events)
    (found,) = caught.value.problems
    return found


def test_without_the_section_there_is_litellms_alerting_and_no_webhook():
    assert build(loaded(None).config).events == EventSettings(None, litellm=True)


def test_a_webhook_gets_every_kind_unless_some_are_named():
    settings = build(loaded({"webhook": {"url": URL, "secret": SECRET}, "litellm": False}).config)
    assert settings.events == EventSettings(
        WebhookSettings(URL, SECRET, frozenset(k.value for k in Kind)), litellm=False
    )
    some = build(loaded({"webhook": {"url": URL, "secret": SECRET, "kinds": ["ceiling"]}}).config)
    assert some.events.webhook.kinds == {"ceiling"}


def test_the_kinds_are_those_of_events():
    assert {k.value for k in Kind} == set(EVERY_KIND)


def test_a_secret_comes_from_the_environment():
    events = {"webhook": {"url": "os.environ/HOOK", "secret": "os.environ/HOOK_SECRET"}}
    found = loaded(events, env={"HOOK": URL, "HOOK_SECRET": SECRET})
    assert (found.config.events.webhook.url, found.config.events.webhook.secret) == (URL, SECRET)


def test_a_variable_that_is_not_set_is_told_by_its_name():
    with pytest.raises(ConfigError, match="no variable 'HOOK_SECRET'"):
        loaded({"webhook": {"url": URL, "secret": "os.environ/HOOK_SECRET"}}, env={})


def test_neither_address_nor_secret_is_shown_by_what_holds_them():
    config = loaded({"webhook": {"url": URL, "secret": SECRET}}).config
    for shown in (repr(config), repr(build(config)), repr(build(config).events)):
        assert SECRET not in shown
        assert "T0K3N" not in shown


def test_the_policys_hash_says_nothing_of_them():
    plain = build(loaded(None).config).policy_hash
    assert build(loaded({"webhook": {"url": URL, "secret": SECRET}}).config).policy_hash == plain


@pytest.mark.parametrize(
    "url",
    [
        "hooks.example.com/T0K3N",
        "ftp://hooks.example.com/T0K3N",
        "file:///etc/T0K3N",
        "https:///T0K3N",
        "https://host:99999/T0K3N",
        "https://host:0/T0K3N",
        "https://host:x/T0K3N",
        "https://[::1/T0K3N",
        "https://[zz::1]/T0K3N",
        "https://host/T0K3N\nx",
        "https://host/T0K3N x",
        "https://höst/T0K3N",
        "https://-host-/T0K3N",
        "https://ho%20st/T0K3N",
    ],
)
def test_what_cannot_be_a_webhook_is_refused_without_being_repeated(url):
    found = problem({"webhook": {"url": url, "secret": SECRET}})
    assert found.path == "tiering.events.webhook.url"
    assert "T0K3N" not in str(found)


@pytest.mark.parametrize("secret", [1234567890123456, True, ["x"], {"a": "hunter2"}])
def test_a_secret_that_is_no_text_is_refused_without_being_repeated(secret):
    found = problem({"webhook": {"url": URL, "secret": secret}})
    assert found.path == "tiering.events.webhook.secret"
    assert "must be text" in found.message
    assert "1234567890123456" not in str(found)
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    ("events", "path", "says"),
    [
        ({"webhook": {}}, "webhook.url", "is missing"),
        ({"webhook": {"url": URL, "secret": ""}}, "webhook.secret", "must not be empty"),
        ({"webhook": {"url": URL, "secret": None}}, "webhook.secret", "may not be set"),
        ({"webhook": {"url": URL, "secret": SECRET, "kinds": []}}, "webhook.kinds", "is empty"),
        (
            {"webhook": {"url": URL, "secret": SECRET, "kinds": ["treshold"]}},
            "webhook.kinds[0]",
            "did you mean 'threshold'?",
        ),
        ({"webhok": {"url": URL}}, "webhok", "did you mean 'webhook'?"),
        ({"litellm": "perhaps"}, "litellm", "must be true or false"),
    ],
)
def test_mistakes_are_told_with_their_fix(events, path, says):
    found = problem(events)
    assert found.path == f"tiering.events.{path}"
    assert says in str(found)


@pytest.mark.parametrize(
    ("webhook", "path", "says"),
    [
        ({"url": URL}, "secret", "cannot tell our events"),
        ({"url": URL, "secret": "short"}, "secret", "can be guessed"),
        ({"url": "http://hooks.example.com/x", "secret": SECRET}, "url", "plain HTTP"),
    ],
)
def test_what_is_risky_is_a_warning(webhook, path, says):
    (warning,) = loaded({"webhook": webhook}).warnings
    assert warning.path == f"tiering.events.webhook.{path}"
    assert says in warning.message
    assert webhook.get("secret") is None or repr(webhook["secret"]) not in str(warning)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x", "http://[::1]:9/x", "http://localhost/x"])
def test_plain_http_on_this_machine_is_fine(url):
    assert loaded({"webhook": {"url": url, "secret": SECRET}}).warnings == ()


def test_check_says_so_with_file_and_line(tmp_path):
    path = tmp_path / "tiering.yaml"
    path.write_text(
        "tiers:\n  - {name: a, model: small}\n  - {name: b, model: large}\n"
        "events:\n  webhook:\n    url: hooks.example.com\n"
    )
    (found,) = check(path, {}).problems
    assert found.file.endswith("tiering.yaml:6")


@given(st.text(max_size=60).map(lambda t: f"https://{t}"))
def test_what_is_taken_for_an_address_the_client_can_send_to(url):
    httpx = pytest.importorskip("httpx")
    host = _host(url)
    if host is not None:
        assert httpx.Request("POST", url).url.host.rstrip(".") == host.lower().rstrip(".")
