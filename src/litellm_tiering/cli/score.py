"""``score``: how strong a model each of many prompts needs, from what the prompt alone tells.

Scores are those of one classifier, higher for requests that need a stronger model: of the first listed that
gives scores, a trained one before all others. Some tiers do not follow from its score: a rule named them or
bounded them, it was not sure and another classifier decided, or all abstained. So that one order comes out
all the same, its score is then squeezed into the range that stands for the tier,
``low + (high - low) * share``: above the scores of lower tiers, below those of higher ones, and in its own
order within the tier. Where it has none, the heuristic's score is the share. A prompt without text scores as
the easiest.

The tier is what the classifiers and the rules say. What a model can do, budgets and permissions move requests
too; ``explain`` tells of those.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from litellm_tiering.classifiers.heuristic import HeuristicClassifier
from litellm_tiering.cli.common import Exit, add_common, note
from litellm_tiering.cli.inputs import BadLine, id_of, messages_of, numbered, parse_object
from litellm_tiering.cli.options import add_input
from litellm_tiering.cli.progress import EVERY, lines_in, progress
from litellm_tiering.cli.scales import scale_of
from litellm_tiering.cli.settings import optional, settings_of
from litellm_tiering.config.assemble import engine_of
from litellm_tiering.core.catalog import Price, TierFacts
from litellm_tiering.core.classification import Subject
from litellm_tiering.core.features import Caller, Surface
from litellm_tiering.core.policy import Route
from litellm_tiering.intake import read_request
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.plan import Inquiry

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from litellm_tiering.config.build import Settings
    from litellm_tiering.core.features import PromptText, RequestFeatures

_NOBODY = Caller()
_ANY_TIME = dt.datetime(2000, 1, 1, tzinfo=dt.timezone.utc)  # the heuristic does not look at the clock


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "score",
        help="a score and a tier for each of many prompts",
        description="Reads JSON lines {id, prompt} or {id, messages} and prints {id, score, tier} lines in "
        "the same order; the higher the score, the stronger the model that is needed. Exits with 1 when "
        "lines could not be scored. Without a configuration: the ladder simple, moderate, complex, and the "
        "heuristic.",
    )
    add_input(parser)
    add_common(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Score every line; those that cannot be are told of on standard error and counted.

    Raises:
        UsageError: the file cannot be read.
        ConfigError: the configuration is wrong.
    """
    settings = settings_of(optional(options.config))
    if settings.chain.asks:
        note("classifiers that ask a model are not asked here, as that costs: they abstain")
    scorer = Scorer(settings)
    return asyncio.run(_run(scorer, options.input))


async def _run(scorer: Scorer, name: str) -> Exit:
    # Nothing else runs on this loop, so reading and printing may block it.
    seen = bad = 0
    with progress("scoring", lines_in(name), beside_output=True) as bar:
        for number, raw in numbered(name):
            seen += 1
            try:
                found = await scorer.score(parse_object(raw))
            except BadLine as error:
                bad += 1
                note(f"line {number} {error}")
            else:
                print(json.dumps(found))
            if seen % EVERY == 0:
                bar.at(number)
    if bad:
        note(f"{bad} of {seen} lines could not be scored")
    return Exit.FINDINGS if bad else Exit.DONE


class Scorer:
    """Scores requests under one configuration, budgets left out.

    Attributes:
        edges: Where the scores of each tier begin, and where those of the dearest end.
    """

    def __init__(self, settings: Settings) -> None:
        ladder = settings.ladder
        self._ladder = ladder
        # What a prompt needs does not depend on whether this proxy acts on it.
        self._engine = engine_of(replace(settings, mode="enforce"), MemoryLedger(), ())
        self._model = settings.virtual_model
        route = settings.route_for(self._model) or Route("score", ("*",), default_rank=len(ladder) // 2)
        self._route = replace(route, classify=True, enforce=True)
        self._facts = (TierFacts(Price(known=False)),) * len(ladder)
        self._scale = scale_of(settings)
        self._heuristic = HeuristicClassifier(ladder)
        self.edges = self._scale.edges

    async def score(self, line: Mapping[str, Any]) -> dict[str, Any]:
        """``{id, score, tier}`` of one line.

        Raises:
            BadLine: it has no id or no prompt, or the classifiers fail on it.
        """
        id_ = id_of(line)
        features, prompt = read_request(
            {**line, "messages": messages_of(line), "model": self._model}, Surface.CHAT
        )
        inquiry = Inquiry(features, prompt, _NOBODY, self._route, self._ladder.top, self._facts)
        plan = await self._engine.explain(inquiry)
        said, rank = plan.classification, plan.decision.rank
        if said.fault:
            raise BadLine(f"makes the classifiers fail ({said.fault})")
        score = said.score
        if score is None or rank != said.rank or said.by != self._scale.kind:
            share = self._scale.share(said.opinions)
            score = self._squeezed(self._plain(features, prompt) if share is None else share, rank)
        return {"id": id_, "score": score, "tier": self._ladder[rank].name}

    def _plain(self, features: RequestFeatures, prompt: PromptText) -> float:
        """The heuristic's score, 0 to 1, whatever the configuration makes of it."""
        opinion = self._heuristic.classify(Subject(features, _NOBODY, prompt, _ANY_TIME))
        return 0.0 if opinion is None or opinion.score is None else opinion.score

    def _squeezed(self, share: float, rank: int) -> float:
        low, high = self.edges[rank], self.edges[rank + 1]
        return min(low + (high - low) * share, math.nextafter(high, low))
