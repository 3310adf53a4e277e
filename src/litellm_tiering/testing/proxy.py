"""A real LiteLLM proxy as a process of its own, with the plugin, for tests, benchmarks and `make run`."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import yaml

from litellm_tiering.testing.processes import free_port, spawned, wait_http

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from litellm_tiering.testing.processes import Process

START_WITHIN_S = 120.0
_CLIENT_S = 60.0

PRICES = {"small": (2e-7, 1.2e-6), "medium": (2e-6, 1.2e-5), "large": (5e-6, 3e-5)}
"""Dollars per prompt and completion token of the simulated models."""


@dataclass(frozen=True)
class Proxy:
    """A running proxy.

    Attributes:
        base_url: Without a path; OpenAI's client wants ``openai_url``.
        key: Its master key.
        process: The process, whose log a test may read.
        client: Speaks to it with the master key.
    """

    base_url: str
    key: str
    process: Process
    client: httpx.Client

    @property
    def openai_url(self) -> str:
        """The base URL for OpenAI's clients."""
        return f"{self.base_url}/v1"

    def status(self) -> dict[str, Any]:
        """What ``GET /tiering/status`` says."""
        answer = self.client.get("/tiering/status")
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


def config_for(provider_url: str, tiering: Mapping[str, Any] | None, **sections: Any) -> dict[str, Any]:  # noqa: ANN401 - YAML
    """A proxy's configuration with groups small, medium and large on the simulated provider.

    ``medium`` is an Anthropic deployment, the others OpenAI ones. ``tiering`` None leaves the plugin out.
    """
    ways = {
        "small": {"model": "openai/sim-small", "api_base": f"{provider_url}/v1"},
        "medium": {"model": "anthropic/sim-medium", "api_base": provider_url},
        "large": {"model": "openai/sim-large", "api_base": f"{provider_url}/v1"},
    }
    config: dict[str, Any] = {
        "model_list": [
            {
                "model_name": name,
                "litellm_params": {**params, "api_key": "none"},
                "model_info": {
                    "input_cost_per_token": PRICES[name][0],
                    "output_cost_per_token": PRICES[name][1],
                },
            }
            for name, params in ways.items()
        ],
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
        "router_settings": {"model_group_alias": {"auto": "large"}, "num_retries": 0},
        "litellm_settings": {},
    }
    if tiering is not None:
        config["litellm_settings"] = {"callbacks": ["litellm_tiering.plugin.handler"]}
        config["tiering"] = {"tiers": TIERS, **tiering}
    for name, section in sections.items():
        config[name] = section if isinstance(section, list) else {**config.get(name, {}), **section}
    return config


TIERS = [
    {"name": "simple", "model": "small"},
    {"name": "moderate", "model": "medium"},
    {"name": "complex", "model": "large"},
]


@contextlib.contextmanager
def serve_proxy(
    config: Mapping[str, Any],
    *,
    files: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
    workers: int = 1,
    deadline_s: float = START_WITHIN_S,
) -> Iterator[Proxy]:
    """A LiteLLM proxy on 127.0.0.1 and a free port, for as long as the block lasts.

    Args:
        config: The content of its config.yaml.
        files: More files to lay beside it, such as a ``custom_auth`` module, by name.
        env: Added to this process's environment.
        workers: How many processes serve it.
        deadline_s: How long it may take to start, in seconds.

    Raises:
        NotReady: it did not start; the message ends with what it wrote.
    """
    key = f"sk-{secrets.token_urlsafe(32)}"
    with tempfile.TemporaryDirectory(prefix="litellm-tiering-") as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(yaml.safe_dump(dict(config), sort_keys=False), encoding="utf-8")
        for name, text in (files or {}).items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        port = free_port()
        command = [sys.executable, "-c", "from litellm import run_server; run_server()"]
        command += ["--config", str(path), "--host", "127.0.0.1", "--port", str(port)]
        command += ["--num_workers", str(workers)] if workers > 1 else []
        source = Path(__file__).resolve().parents[2]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, [str(source), os.environ.get("PYTHONPATH", "")])),
            "LITELLM_MASTER_KEY": key,
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # the price map of the package: no download at start
            **(env or {}),
        }
        base_url = f"http://127.0.0.1:{port}"
        with spawned(command, env=environment, cwd=Path(folder), name="the LiteLLM proxy") as process:
            wait_http(f"{base_url}/health/liveliness", process, deadline_s)
            headers = {"authorization": f"Bearer {key}"}
            with httpx.Client(
                base_url=base_url, headers=headers, trust_env=False, timeout=_CLIENT_S
            ) as client:
                yield Proxy(base_url, key, process, client)
