"""Which lines go to a provider's batch API, and into which batch: classified here, by the proxy's own engine.

A provider's batch names one model for all of its lines, and the proxy forwards its file as it is. So the tier
of each line has to be known beforehand, and what the provider calls that tier's model.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from litellm_tiering.batch.asks import dumps
from litellm_tiering.batch.journal import Part
from litellm_tiering.batch.pace import HALTED, Stopped
from litellm_tiering.config.assemble import engine_of
from litellm_tiering.core.features import Caller, Surface
from litellm_tiering.intake import read_request
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.plan import Inquiry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from litellm_tiering.batch.asks import Ask
    from litellm_tiering.batch.journal import Journal
    from litellm_tiering.config.build import Settings
    from litellm_tiering.core.catalog import TierFacts

BATCHING = frozenset({"openai", "azure"})
"""The providers, as LiteLLM calls them, that take OpenAI's batches as they are."""

SURFACES: Mapping[str, Surface] = {
    "/v1/chat/completions": Surface.CHAT,
    "/v1/completions": Surface.COMPLETION,
    "/v1/responses": Surface.RESPONSES,
}
"""What a batch may ask for and a classifier can read."""

MAX_PART_LINES = 50_000
MAX_PART_BYTES = 90_000_000
"""OpenAI takes 50,000 lines and 200 MB, Azure 100 MB."""

_OPENAI_NAME = re.compile(r"(?:gpt-|chatgpt-|o\d)[^/]*")
_AT_ONCE = 100
_ENV = "os.environ/"


class Place(NamedTuple):
    """Where a line goes."""

    model: str
    tier: str
    upstream: str
    path: str


class Sorter:
    """Finds the place of each line under one configuration, budgets left out.

    Args:
        settings: The proxy's.
        facts: What its tiers cost and can do.
        homes: What the provider calls the model of each group that has a batch API.
    """

    def __init__(self, settings: Settings, facts: tuple[TierFacts, ...], homes: Mapping[str, str]) -> None:
        self._settings = settings
        self._facts = facts
        self._homes = homes
        self._engine = engine_of(settings, MemoryLedger(), ())

    async def place(self, ask: Ask) -> Place | None:
        """Where a line goes; None for a call of its own, which the proxy routes."""
        surface = SURFACES.get(ask.path)
        group = None if surface is None else await self._group(ask, surface)
        if group is None or group not in self._homes:
            return None
        ladder = self._settings.ladder
        rank = ladder.rank_of_model(group)
        tier = "" if rank is None else ladder[rank].name
        return Place(group, tier, self._homes[group], ask.path)

    async def _group(self, ask: Ask, surface: Surface) -> str | None:
        """The model group that answers, as far as it can be told here."""
        settings = self._settings
        route = None if settings.mode == "off" else settings.route_for(ask.model)
        if route is None or not route.classify:
            return ask.model
        if not (settings.mode == "enforce" and route.enforce):
            # It goes where its alias points, which is the proxy's to say.
            return None
        features, prompt = read_request(ask.body, surface)
        ladder = settings.ladder
        plan = await self._engine.explain(Inquiry(features, prompt, Caller(), route, ladder.top, self._facts))
        if plan.decision.refusal is not None or plan.classification.fault:
            return None
        return ladder[plan.decision.rank].model

    async def plan(self, asks: Iterable[Ask], journal: Journal, halted: asyncio.Event) -> None:
        """Put lines into parts, in the journal; those that are calls of their own are left out.

        Raises:
            Stopped: the run was halted meanwhile.
        """
        number = max((p.part for p in journal.parts()), default=0)
        filling: dict[Place, tuple[list[int], int]] = {}
        for i, ask in enumerate(asks):
            if i % _AT_ONCE == 0:
                # Nothing here waits for anything, and a signal has to be heard.
                await asyncio.sleep(0)
                if halted.is_set():
                    raise Stopped(HALTED)
            place = await self.place(ask)
            if place is None:
                continue
            lines, size = filling.setdefault(place, ([], 0))
            added = len(part_line(ask, place.upstream))
            if lines and (len(lines) >= MAX_PART_LINES or size + added > MAX_PART_BYTES):
                number += 1
                journal.plan(Part(number, *place), lines)
                lines, size = [], 0
            lines.append(ask.number)
            filling[place] = (lines, size + added)
        for place, (lines, _) in filling.items():
            number += 1
            journal.plan(Part(number, *place), lines)


def part_line(ask: Ask, upstream: str) -> bytes:
    """The line of a batch's file."""
    body = {**ask.body, "model": upstream}
    line = {"custom_id": f"line-{ask.number}", "method": "POST", "url": ask.path, "body": body}
    return dumps(line) + b"\n"


def homes_in(proxy: Mapping[str, Any], env: Mapping[str, str]) -> dict[str, str]:
    """What the provider calls the model of each group that has a batch API.

    LiteLLM sends a group's files to the first of its deployments; a group whose deployments differ in
    provider or model is left out, for its answers would depend on that.
    """
    listed = proxy.get("model_list")
    groups: dict[str, set[_Home | None]] = {}
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, Mapping) and isinstance(name := entry.get("model_name"), str):
            params = entry.get("litellm_params")
            groups.setdefault(name, set()).add(_home(params if isinstance(params, Mapping) else {}, env))
    return {
        name: home.model
        for name, homes in groups.items()
        if len(homes) == 1 and (home := next(iter(homes))) is not None
    }


class _Home(NamedTuple):
    provider: str
    model: str


def _home(params: Mapping[str, Any], env: Mapping[str, str]) -> _Home | None:
    """A deployment's provider, and what that calls its model, where it takes batches."""
    model = params.get("model")
    if isinstance(model, str) and model.startswith(_ENV):
        model = env.get(model.removeprefix(_ENV))
    if not isinstance(model, str) or "*" in model:
        return None
    head, slash, rest = model.partition("/")
    named = params.get("custom_llm_provider")
    if slash and head in BATCHING and named in {None, head}:
        return _Home(head, rest)
    if named in BATCHING:
        return _Home(str(named), model)
    if named is None and _OPENAI_NAME.fullmatch(model):
        return _Home("openai", model)
    return None
