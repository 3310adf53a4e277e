"""Real questions with real models' recorded answers, as a proxy's provider; for quality.py and cascade.py.

The provider (`replay_provider.py`) serves what a model once answered to a question; whether that was right is
known from the recording. Needs the recordings (TIERING_DATA, or ../shared/data) and the provider
(TIERING_TOOLS, or ../shared/tools).
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from litellm_tiering.testing.processes import free_port, spawned, wait_http

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"
DATA = Path(os.environ.get("TIERING_DATA", SHARED / "data"))
TOOLS = Path(os.environ.get("TIERING_TOOLS", SHARED / "tools"))
SETS = {
    "ifeval@haiku": ("ifeval", "claude-3-haiku-20240307", "claude-3-5-sonnet-20240620"),
    "zeroeval_gsm@haiku": ("zeroeval_gsm", "claude-3-haiku-20240307", "claude-3-5-sonnet-20241022"),
    "zeroeval_gsm@gpt35": ("zeroeval_gsm", "gpt-3.5-turbo-0125", "claude-3-5-sonnet-20241022"),
    "zeroeval_mathl5@haiku": ("zeroeval_mathl5", "claude-3-haiku-20240307", "claude-3-5-sonnet-20241022"),
    "zeroeval_mathl5@gemma": ("zeroeval_mathl5", "gemma-2-2b-it", "claude-3-5-sonnet-20241022"),
}
"""By name: the recordings' file, the weak model and the strong one."""


@dataclass(frozen=True)
class Said:
    """One model's recorded answer.

    Attributes:
        text: What it said.
        right: Whether that was right, 0 to 1.
        readable: Whether a forgiving JSON reader can read it; True where no JSON was asked for.
    """

    text: str
    right: float
    readable: bool


@dataclass(frozen=True)
class Outcome:
    """One question: each model's recorded answer."""

    prompt: str
    said: Mapping[str, Said]

    @property
    def correct(self) -> dict[str, float]:
        """Whether each model was right."""
        return {model: answer.right for model, answer in self.said.items()}


def absent() -> str:
    """Why nothing can be measured here; empty where it can."""
    if (DATA / "prices.json").exists() and (TOOLS / "replay_provider.py").exists():
        return ""
    return "no recorded outcomes here: set TIERING_DATA and TIERING_TOOLS"


def read(name: str, models: tuple[str, ...], count: int | None = None) -> list[Outcome]:
    """The questions of a file that all ``models`` answered; the first ``count`` of them."""
    found = []
    with gzip.open(DATA / f"outcomes_{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            answers = {m: row["responses"].get(m) for m in models}
            if all(a is not None and a.get("text") is not None for a in answers.values()):
                said = {
                    m: Said(a["text"], float(a["correct"]), bool(a.get("json_lenient", True)))
                    for m, a in answers.items()
                }
                found.append(Outcome(row["prompt"], said))
    return found[:count]


@contextlib.contextmanager
def serve_replay(file: str) -> Iterator[str]:
    """The provider of one file's answers, for as long as the block lasts: its address."""
    port = free_port()
    command = [sys.executable, str(TOOLS / "replay_provider.py"), "--port", str(port), file]
    url = f"http://127.0.0.1:{port}"
    with spawned(
        command, env={**os.environ, "TIERING_DATA": str(DATA)}, name="the replay provider"
    ) as process:
        wait_http(f"{url}/v1/models", process, 60)
        yield url


def config_of(provider: str, groups: Mapping[str, str], tiering: Mapping, virtual: tuple[str, ...]) -> dict:
    """A proxy's configuration with these model groups, cheapest first, at their models' list prices.

    Args:
        provider: The replay provider's address.
        groups: The recorded model behind each group.
        tiering: The ``tiering:`` section.
        virtual: The names that clients ask for: aliases of the dearest group.
    """
    prices = json.loads((DATA / "prices.json").read_text())
    return {
        "model_list": [
            {
                "model_name": group,
                "litellm_params": {
                    "model": f"openai/{model}",
                    "api_base": f"{provider}/v1",
                    "api_key": "none",
                },
                "model_info": {
                    "input_cost_per_token": prices[model]["input_per_token"],
                    "output_cost_per_token": prices[model]["output_per_token"],
                },
            }
            for group, model in groups.items()
        ],
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"},
        "litellm_settings": {"callbacks": ["litellm_tiering.plugin.handler"]},
        "router_settings": {
            "model_group_alias": dict.fromkeys(virtual, list(groups)[-1]),
            "num_retries": 0,
        },
        "tiering": dict(tiering),
    }
