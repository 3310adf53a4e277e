"""Start a real LiteLLM proxy with the plugin on http://127.0.0.1:4000; see `make run`.

With a provider's key in the environment it uses that provider; without one it starts a simulated provider
on loopback, so that everything works offline.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import signal
import socket
import sys
from pathlib import Path

from litellm_tiering.testing.processes import serve_provider, spawned, wait_http

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".run"
PROVIDERS = {"OPENAI_API_KEY": "openai", "ANTHROPIC_API_KEY": "anthropic", "GEMINI_API_KEY": "gemini"}
START_DEADLINE_S = 120
AGAIN = "make run RUN_ARGS='--port 4001'"


def taken(port: int) -> bool:
    """Whether something listens there already; found out now, the proxy would say so after a minute."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def private_file(path: Path, make: str) -> str:
    """The content of a file only its owner can read, made on first use."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(make)
    return path.read_text().strip()


def main() -> int:
    parser = argparse.ArgumentParser(description="Start a LiteLLM proxy with the plugin on loopback.")
    parser.add_argument("--port", type=int, default=4000)
    parser.add_argument("--config", type=Path, help="another proxy configuration than the one chosen here")
    parser.add_argument("--simulated", action="store_true", help="the simulated provider, keys or not")
    options = parser.parse_args()

    if taken(options.port):
        print(f"port {options.port} is in use: stop what is there, or take another: {AGAIN}", file=sys.stderr)
        return 2
    STATE.mkdir(exist_ok=True)
    key = os.environ.get("LITELLM_MASTER_KEY") or private_file(
        STATE / "key", "sk-" + secrets.token_urlsafe(32)
    )
    provider = next((name for variable, name in PROVIDERS.items() if os.environ.get(variable)), None)
    if options.simulated:
        provider = None
    config = options.config or ROOT / "litellm_config" / f"{provider or 'simulated'}.yaml"
    environment = {
        **os.environ,
        "LITELLM_MASTER_KEY": key,
        "TIERING_STORE": os.environ.get("TIERING_STORE", f"sqlite:///{STATE / 'tiering.db'}"),
        # The prices that came with the package: starting must not depend on a download.
        "LITELLM_LOCAL_MODEL_COST_MAP": os.environ.get("LITELLM_LOCAL_MODEL_COST_MAP", "True"),
    }
    with contextlib.ExitStack() as stack:
        if provider is None and options.config is None:
            simulated = stack.enter_context(serve_provider(latency_ms=None))
            environment["SIMULATED_OPENAI_BASE"] = f"{simulated.base_url}/v1"
            environment["SIMULATED_ANTHROPIC_BASE"] = simulated.base_url
        return serve(config, options.port, key, environment, provider or "simulated")


def serve(config: Path, port: int, key: str, environment: dict[str, str], provider: str) -> int:
    command = [sys.executable, "-c", "from litellm import run_server; run_server()"]
    command += ["--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    print(f"starting a LiteLLM proxy on the {provider} provider …", flush=True)
    with spawned(command, env=environment, cwd=STATE, name="the LiteLLM proxy") as proxy:
        wait_http(f"http://127.0.0.1:{port}/health/liveliness", proxy, START_DEADLINE_S)
        print(welcome(port, key), flush=True)
        signal.signal(signal.SIGTERM, lambda *_: proxy.popen.terminate())
        with contextlib.suppress(KeyboardInterrupt):
            return proxy.popen.wait()
    return 0


def welcome(port: int, key: str) -> str:
    return f"""
proxy      http://127.0.0.1:{port}
dashboard  http://127.0.0.1:{port}/tiering
key        {key}

Try it:

curl -i http://127.0.0.1:{port}/v1/chat/completions \\
  -H "Authorization: Bearer {key}" -H "Content-Type: application/json" \\
  -d '{{"model": "auto", "messages": [{{"role": "user", "content": "What is the capital of France?"}}]}}'

Stop it with Ctrl-C."""


if __name__ == "__main__":
    sys.exit(main())
