"""Figures, logs and traces of a real proxy with two workers, and what each says of an escalated request."""

from __future__ import annotations

import json
import re

import pytest
from houses import CASCADE, CASCADE_ROUTER, eventually

from litellm_tiering.testing.proxy import config_for, serve_proxy

prometheus_client = pytest.importorskip("prometheus_client", reason="prometheus-client is not installed")

LOGGER = """
import json, os
from litellm.integrations.custom_logger import CustomLogger

class Logger(CustomLogger):
    async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
        payload = kwargs["standard_logging_object"]
        params = kwargs["litellm_params"]
        seen = {"payload": payload["metadata"].get("spend_logs_metadata"),
                "params": (params.get("metadata") or {}).get("spend_logs_metadata"),
                "group": payload.get("model_group"), "call_type": kwargs.get("call_type")}
        with open(os.environ["LOGGED"], "a") as file:
            file.write(json.dumps(seen) + "\\n")

logger = Logger()
"""
WORDS = "zanzibarian-umbrellas"
"""Words of a prompt, which nothing may repeat."""


@pytest.fixture(scope="module")
def measured(provider, tmp_path_factory):
    folder = tmp_path_factory.mktemp("measured")
    logged = folder / "logged.jsonl"
    logged.write_text("")
    callbacks = ["litellm_tiering.plugin.handler", "prometheus", "recording.logger"]
    budgets = [{"scope": "global", "limit_usd": 1000}]
    tiering = {**CASCADE, "budgets": budgets, "store": {"url": f"sqlite:///{folder / 'tiering.db'}"}}
    config = config_for(
        provider.base_url, tiering, litellm_settings={"callbacks": callbacks}, **CASCADE_ROUTER
    )
    # LiteLLM's own choice is one folder for the whole machine, which another user may have made.
    shared = folder / "shared"
    shared.mkdir()
    env = {"LOGGED": str(logged), "PROMETHEUS_MULTIPROC_DIR": str(shared)}
    with serve_proxy(config, files={"recording.py": LOGGER}, env=env, workers=2) as proxy:
        yield proxy, logged


def page(proxy) -> str:
    return proxy.client.get("/metrics/").text


def total(text: str, name: str, **labels: str) -> float:
    """The sum of a figure over all series with these labels."""
    found = 0.0
    for line in text.splitlines():
        match = re.fullmatch(rf"{name}(?:\{{(.*)\}})? (\S+)", line)
        if match and all(f'{k}="{v}"' in (match[1] or "") for k, v in labels.items()):
            found += float(match[2])
    return found


def say(proxy, text, path="/v1/chat/completions", **more):
    body = {"model": "auto", "messages": [{"role": "user", "content": text}], "max_tokens": 50, **more}
    answer = proxy.client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer


def logs(logged):
    return [json.loads(line) for line in logged.read_text().splitlines()]


def test_figures_and_logs_tell_of_an_escalated_request(measured):
    proxy, logged = measured
    ask_for = "[[fault:refuse@sim-small]] What is the capital of France?"
    before = page(proxy)
    answers = [say(proxy, f"{ask_for} {WORDS}") for _ in range(6)]
    first = answers[0]
    assert first.headers["x-tiering-attempts"] == "small:refusal,medium:ok"
    eventually(lambda: len(logs(logged)) >= 12, "all calls logged")

    def more(name, **labels):
        return total(page(proxy), f"litellm_tiering_{name}", **labels) - total(
            before, f"litellm_tiering_{name}", **labels
        )

    eventually(lambda: more("attempts_total") == 12, "all attempts counted")
    assert more("requests_total", route="auto", tier="simple", model="small") == 6
    assert more("attempts_total", tier="simple", model="small", verdict="refusal") == 6
    assert more("attempts_total", tier="moderate", model="medium", verdict="ok") == 6
    assert more("escalations_total", from_tier="simple", to_tier="moderate", gate="refusal") == 6
    assert more("decision_seconds_count") == 6
    assert more("gate_seconds_count", gate="refusal") == 12
    assert more("attempt_seconds_count") == 12
    paid = sum(float(a.headers["x-tiering-cost-usd"]) for a in answers)
    assert more("spend_usd_total") == pytest.approx(paid, abs=1e-8)
    assert more("baseline_usd_total", route="auto") > 0
    assert WORDS not in page(proxy)

    id_ = first.headers["x-tiering-decision"]
    told = [line for line in logs(logged) if line["payload"]["tiering_decision"] == id_]
    assert {line["group"]: line["payload"]["tiering_attempt"] for line in told} == {"small": 1, "medium": 2}
    for line in told:
        assert line["payload"] == line["params"]
        assert line["payload"]["tiering_model"] == line["group"]
        assert line["payload"]["tiering_baseline_usd"] > 0
    assert WORDS not in json.dumps([line["payload"] for line in logs(logged)])


def test_what_a_client_or_its_key_logs_stays_and_it_cannot_speak_for_us(measured):
    proxy, logged = measured
    own = {"spend_logs_metadata": {"project": "blue", "tiering_decision": "mine", "tiering_x": "y"}}
    say(proxy, "hello", metadata=own)
    eventually(
        lambda: any((line["payload"] or {}).get("project") == "blue" for line in logs(logged)), "it is logged"
    )
    (line,) = [x["payload"] for x in logs(logged) if (x["payload"] or {}).get("project") == "blue"]
    assert re.fullmatch(r"[0-9a-f]{16}", line["tiering_decision"])
    assert "tiering_x" not in line


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/responses"])
def test_other_apis_are_logged_too_and_send_nothing_of_it_upstream(measured, provider, path):
    proxy, logged = measured
    more = {"input": "hello there"} if path.endswith("responses") else {}
    logged.write_text("")
    answer = say(proxy, "hello there", path, **more)
    eventually(lambda: logs(logged), "it is logged")
    assert logs(logged)[-1]["payload"]["tiering_decision"] == answer.headers["x-tiering-decision"]
    assert "tiering_" not in json.dumps(provider.calls()[-1], default=str)


def test_every_figure_is_there_once_there_is_something_to_tell(measured):
    proxy, _ = measured
    say(proxy, "[[fault:refuse@sim-small]] What is the capital of France?")
    names = (
        "requests attempts escalations decision_seconds gate_seconds spend_usd baseline_usd classifier_usd "
        "budget_ratio store_errors store_up"
    )

    def missing():
        text = page(proxy)
        return [n for n in names.split() if f"# TYPE litellm_tiering_{n}" not in text]

    # Budgets are looked at in the background.
    eventually(lambda: missing() == [], "every figure", within_s=60)
