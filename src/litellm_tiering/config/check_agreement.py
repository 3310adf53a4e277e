"""What is risky about an ``agreement`` gate: a second model that is too dear, or too much like the first."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from litellm_tiering.config.schema_gates import CascadeSection
from litellm_tiering.config.sense_agreement import placed, tiers_of
from litellm_tiering.config.words import Words
from litellm_tiering.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from litellm_tiering.config.proxy import ProxyView
    from litellm_tiering.config.schema import TieringSection
    from litellm_tiering.config.schema_gates import AgreementGate

    Prices = Callable[[str], "tuple[float, float] | None"]

DEAR_SHARE = 0.1
"""A second answer that costs more than this share of the next tier's eats what the first one saves."""

_FAMILIES = (
    *("claude", "gemini", "gemma", "llama", "mistral", "mixtral", "ministral", "codestral", "qwen"),
    *("deepseek", "command", "nova", "titan", "phi", "grok", "kimi", "glm", "yi", "jamba", "granite", "gpt"),
)
_RELATED = {"mixtral": "mistral", "ministral": "mistral", "codestral": "mistral"}
_O_SERIES = re.compile(r"\bo[1-9](?:-|\b)")


def family(model: str) -> str:
    """The family of a provider's model, by its name; empty where the name tells nothing."""
    name = model.lower().rpartition("/")[2]
    found = next((f for f in _FAMILIES if f in name), "")
    if not found and _O_SERIES.search(name):
        found = "gpt"
    return _RELATED.get(found, found)


def agreement_risks(section: TieringSection, proxy: ProxyView, prices: Prices | None) -> Iterator[Problem]:
    """Everything risky about the section's agreement gate."""
    cascade = section.cascade
    names = tuple(tier.name for tier in section.tiers)
    for loc, gate in placed(cascade):
        path = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in loc).lstrip(".")
        yield from _likeness(path, gate, section, proxy, names)
        if prices is not None:
            yield from _dearness(path, gate, section, prices, names)
        if isinstance(cascade, CascadeSection) and cascade.stream == "off":
            yield Problem(
                f"{path}.kind",
                "does not check streams under `stream: off`: they are not asked twice",
                "write `stream: buffer` if they must be, which holds every stream back to its end.",
            )


def _models(section: TieringSection) -> dict[str, str]:
    return {tier.name: tier.model for tier in section.tiers}


def _likeness(
    path: str, gate: AgreementGate, section: TieringSection, proxy: ProxyView, names: tuple[str, ...]
) -> Iterator[Problem]:
    if gate.with_ is None:
        return
    words = Words()
    theirs = {family(m) for m in proxy.upstreams(gate.with_)} - {""}
    for name in tiers_of(gate, names):
        own = _models(section).get(name, "")
        shared = theirs & {family(m) for m in proxy.upstreams(own)}
        if shared:
            yield Problem(
                f"{path}.with",
                f"{words.show(gate.with_)} and tier {words.show(name)} are of one family ({min(shared)}): "
                "such models make the same mistakes, and agree on them",
                "take a second model of another family.",
            )


def _dearness(
    path: str, gate: AgreementGate, section: TieringSection, prices: Prices, names: tuple[str, ...]
) -> Iterator[Problem]:
    words, models = Words(), _models(section)
    for name in tiers_of(gate, names):
        if name not in names[:-1]:
            continue
        above = names[names.index(name) + 1]
        second, next_up = prices(gate.with_ or models[name]), prices(models[above])
        own = prices(models[name])
        times = (gate.samples or 2) - 1
        if second is None:
            yield Problem(
                f"{path}.with",
                f"no price is known for {words.show(gate.with_ or models[name])}: it is counted at the "
                "dearest tier's",
                "set `input_cost_per_token` and `output_cost_per_token` in its `model_info`.",
            )
            continue
        if next_up is not None and sum(next_up) > 0 and times * sum(second) > DEAR_SHARE * sum(next_up):
            share = times * sum(second) / sum(next_up)
            yield Problem(
                f"{path}.{'with' if gate.with_ else 'samples'}",
                f"asking twice costs {share:.0%} of what tier {words.show(above)} costs, for every request",
                "take a cheaper second model (at most a tenth), or do without the gate.",
            )
        if own is not None and gate.with_ and "serve" not in gate.model_fields_set and sum(second) > sum(own):
            yield Problem(
                f"{path}.serve",
                f"{words.show(gate.with_)} is the dearer of the two, and so perhaps the better, and "
                f"the answer of tier {words.show(name)} is served",
                "write `serve: with` if it is the better one, else `serve: tier`.",
            )
