"""A packaged configuration as it is, on simulated providers: one server for each provider that it names.

What is changed of a pack, and nothing else: where its deployments live; the provider of those whose own wire
format nobody simulates here (Bedrock's Claude is asked as Anthropic's; Azure, Gemini, OpenRouter and Ollama
as OpenAI's, at the price and with the abilities of the model that was written); timeouts, to seconds; and for
teams, who is asking.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
import yaml
from houses import CUSTOM_AUTH, KEYS, House, apart_from, eventually

from litellm_tiering.testing.processes import free_port
from litellm_tiering.testing.provider.app import create_app
from litellm_tiering.testing.proxy import serve_proxy

PACKS = Path(__file__).resolve().parent.parent.parent / "litellm_config"
TIMEOUT_S = 3
HUNG_S = 20
_ENV = re.compile(r"os\.environ/(\w+)")
_OWN_WIRE = ("openai", "anthropic", "hosted_vllm")
_OF_THE_PROVIDER = ("aws_region_name", "aws_access_key_id", "aws_secret_access_key")

TEAM_KEYS = {
    "sk-any": {"models": ["auto"], "team_id": "sales"},
    "sk-eu": {"models": ["small-eu", "medium-eu", "large-eu"], "team_id": "legal"},
    "sk-one": {"models": ["medium-eu"], "team_id": "finance"},
    "sk-premium": {"models": ["auto"], "team_id": "gold", "team_metadata": {"plan": "premium"}},
    "sk-clinic": {"models": ["auto"], "team_id": "clinical", "team_metadata": {"use_case": "medical"}},
    "sk-secret": {"models": ["auto"], "team_id": "hr", "team_metadata": {"data_class": "confidential"}},
}


@dataclass(frozen=True)
class Fault:
    """How a deployment fails: with a status and a message, or (status 0) by saying nothing."""

    status: int
    message: str = "Something went wrong."
    code: str | None = None


BROKEN = Fault(500, "The server had an error while processing your request.")
BUSY = Fault(429, "Rate limit reached for requests.", "rate_limit_exceeded")
HUNG = Fault(0)
TOO_LONG = {
    "openai": Fault(400, "This model's maximum context length is 128000 tokens.", "context_length_exceeded"),
    "anthropic": Fault(400, "prompt is too long: 210000 tokens > 200000 maximum"),
}
UNWANTED = {
    "openai": Fault(400, "Your request was rejected by our safety system.", "content_policy_violation"),
    "anthropic": Fault(400, "Output blocked by content filtering policy"),
}


@dataclass
class Server:
    """One provider: its deployments stand under ``/NUMBER``, and each can be made to fail.

    Attributes:
        faults: What each deployment fails with.
        calls: The deployment and the body of every call, oldest first; shared with the other providers.
    """

    port: int
    faults: dict[int, Fault]
    calls: list[tuple[int, dict]]
    inner: object = field(default_factory=create_app)
    running: uvicorn.Server | None = None
    thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        config = uvicorn.Config(
            self._answer,
            host="127.0.0.1",
            port=self.port,
            log_level="error",
            lifespan="off",
            interface="asgi3",
            ws="none",
            timeout_graceful_shutdown=1,
        )
        self.running = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.running.run)
        self.thread.start()
        ends = time.monotonic() + 20
        while not self.running.started:
            assert self.thread.is_alive(), "a simulated provider did not start"
            assert time.monotonic() < ends, "a simulated provider did not start in time"
            time.sleep(0.01)

    def stop(self) -> None:
        self.running.should_exit = True
        self.thread.join(20)

    async def _answer(self, scope, receive, send) -> None:
        number, _, rest = scope["path"].lstrip("/").partition("/")
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.calls.append((int(number), json.loads(body)))
        fault = self.faults.get(int(number))
        if fault is None:
            path = f"/{rest}"
            waiting = [{"type": "http.request", "body": body, "more_body": False}]

            async def again():
                return waiting.pop() if waiting else await receive()

            await self.inner({**scope, "path": path, "raw_path": path.encode(), "root_path": ""}, again, send)
        elif fault.status == 0:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(receive(), HUNG_S)  # until the client leaves
        else:
            kind = "server_error" if fault.status >= 500 else "invalid_request_error"
            error = {"type": kind, "message": fault.message, "code": fault.code, "param": None}
            said = json.dumps({"type": "error", "error": error}).encode()
            headers = [(b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": fault.status, "headers": headers})
            await send({"type": "http.response.body", "body": said})


@dataclass
class Pack:
    """A running proxy on a packaged configuration.

    Attributes:
        written: The configuration as it is packaged; a deployment's number is its place in its model_list.
        house: What the proxy is asked with.
        calls: Every call that reached a provider, and the body it came with.
    """

    name: str
    written: dict
    house: House
    faults: dict[int, Fault]
    calls: list[tuple[int, dict]]
    servers: dict[str, Server]
    aside_until: dict[str, float] = field(default_factory=dict)

    def group_of(self, number: int) -> str:
        return self.written["model_list"][number]["model_name"]

    @property
    def groups(self) -> list[str]:
        """The ladder's groups, cheapest first."""
        return [tier["model"] for tier in self.written["tiering"]["tiers"]]

    @property
    def balanced(self) -> bool:
        """Whether the deployments of a tier are equals, of which either may be asked first."""
        return "routing_strategy" in self.written["router_settings"]

    def numbers(self, group: str) -> list[int]:
        """The deployments of a group, in the order in which they are to be asked."""
        listed = self.written["model_list"]
        return [n for n, d in enumerate(listed) if d["model_name"] == group]

    def wire(self, number: int) -> str:
        """How a deployment's provider words its errors."""
        model = self.written["model_list"][number]["litellm_params"]["model"]
        return "anthropic" if model.startswith(("anthropic/", "bedrock/")) else "openai"

    def asked(self) -> list[int]:
        return [number for number, _ in self.calls]

    @contextlib.contextmanager
    def failing(self, number: int, fault: Fault) -> Iterator[None]:
        self.calls.clear()
        self.faults[number] = fault
        try:
            yield
        finally:
            del self.faults[number]
            self._set_aside(number)

    @contextlib.contextmanager
    def gone(self, number: int) -> Iterator[None]:
        """The provider of a deployment does not even take connections."""
        server = self.servers[place_of(self.written["model_list"][number])]
        self.calls.clear()
        server.stop()
        try:
            yield
        finally:
            server.start()
            self._set_aside(number)

    def _set_aside(self, number: int) -> None:
        cooldown_s = self.written["router_settings"]["cooldown_time"]
        self.aside_until[self.group_of(number)] = time.monotonic() + cooldown_s

    def nobody_aside(self, group: str) -> None:
        """Wait until LiteLLM asks every deployment of a group again: its cooldowns run on its own clock."""
        ends = self.aside_until.get(group, 0.0)
        wait_s = max(0.0, ends - time.monotonic()) + 1
        eventually(lambda: time.monotonic() > ends, "the cooldown's end", within_s=wait_s)


def place_of(deployment: dict) -> str:
    """What tells the providers of a pack from each other: an address of one's own, or the provider's name."""
    params = deployment["litellm_params"]
    return params.get("api_base") or params["model"].partition("/")[0]


def on_simulated_providers(written: dict, servers: dict[str, Server]) -> dict:
    """The configuration with every deployment at its provider's server; see above for what else changes."""
    config = copy.deepcopy(written)
    for number, deployment in enumerate(config["model_list"]):
        params = deployment["litellm_params"]
        provider, _, model = params["model"].partition("/")
        url = f"{servers[place_of(deployment)].url}/{number}"
        wire = "anthropic" if provider in ("anthropic", "bedrock") else "openai"
        if provider not in _OWN_WIRE:
            known = params["model"] if provider == "gemini" else model
            deployment.setdefault("model_info", {}).setdefault("base_model", known)
            params["model"] = f"{wire}/{model.rpartition('/')[2]}"
        for name in _OF_THE_PROVIDER:
            params.pop(name, None)
        params |= {"api_key": "none", "api_base": url if wire == "anthropic" else f"{url}/v1"}
    config["router_settings"] |= {"timeout": TIMEOUT_S, "stream_timeout": TIMEOUT_S}
    return config


@contextlib.contextmanager
def serve_pack(name: str) -> Iterator[Pack]:
    """A proxy on the pack of this name, for as long as the block lasts."""
    text = (PACKS / f"{name}.yaml").read_text(encoding="utf-8")
    written = yaml.safe_load(text)
    faults: dict[int, Fault] = {}
    calls: list[tuple[int, dict]] = []
    places = {place_of(d) for d in written["model_list"]}
    servers = {place: Server(free_port(), faults, calls) for place in sorted(places)}
    config = on_simulated_providers(written, servers)
    if name == "enterprise":
        settings = config["general_settings"]
        settings |= {"custom_auth": "custom_keys.auth", "custom_auth_run_common_checks": True}
    env = dict.fromkeys(_ENV.findall(text), "none") | {"TIERING_STORE": "sqlite:///tiering.db"}
    del env["LITELLM_MASTER_KEY"]
    files = {"custom_keys.py": CUSTOM_AUTH.replace(repr(KEYS), repr(TEAM_KEYS))}
    with contextlib.ExitStack() as stack:
        for server in servers.values():
            server.start()
            stack.callback(server.stop)
        proxy = stack.enter_context(serve_proxy(config, files=files, env=env))
        house = stack.enter_context(contextlib.closing(House(proxy, None, Path(), apart_from(proxy))))
        yield Pack(name, written, house, faults, calls, servers)
