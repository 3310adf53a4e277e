"""Which requests of other kinds would be asked of two models: for agreement.py."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

from litellm_tiering.core.features import Surface
from litellm_tiering.gates.agreement_reading import forms_of
from litellm_tiering.intake import read_request
from litellm_tiering.intake.answer_form import demand_of
from replaying import DATA

if TYPE_CHECKING:
    from collections.abc import Iterator

ASKED_OF = ("routellm_gsm8k", "routellm_mmlu", "routellm_mtbench", "ifeval", "llmrouter", "routerarena")
"""Sets of other kinds, for what `on: auto` makes of their prompts."""


def rows(name: str) -> Iterator[dict]:
    with gzip.open(DATA / f"outcomes_{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def tell_asked() -> None:
    print("\nprompts of other kinds that `on: auto` would ask twice:")
    for name in ASKED_OF:
        asked: dict[str, int] = {}
        total = 0
        for row in rows(name):
            body = {"model": "pair", "messages": [{"role": "user", "content": row["prompt"]}]}
            features, prompt = read_request(body, Surface.CHAT)
            forms = forms_of("auto", features, prompt, demand_of(body))
            total += 1
            asked["+".join(forms)] = asked.get("+".join(forms), 0) + 1
        known = {k: v for k, v in asked.items() if k}
        kinds = ", ".join(f"{k} {v}" for k, v in sorted(known.items(), key=lambda kv: -kv[1])[:4])
        print(f"  {name:18} {sum(known.values()) / total:.3f} of {total}: {kinds}")
