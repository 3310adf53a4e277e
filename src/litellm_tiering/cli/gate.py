"""``gate``: what the gates make of many answers, each beside what was asked.

An answer is judged whole, as in the cascade: the first gate that rejects it decides. A gate that fails counts
as the configuration says, and is told of.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from litellm_tiering.cli.answers import demand_in, panel_of, said_in, told
from litellm_tiering.cli.common import Exit, add_common, note
from litellm_tiering.cli.doubts import Doubts
from litellm_tiering.cli.inputs import BadLine, id_of, messages_of, numbered, parse_object
from litellm_tiering.cli.options import add_input
from litellm_tiering.cli.progress import EVERY, lines_in, progress
from litellm_tiering.cli.settings import optional, settings_of
from litellm_tiering.core.features import Surface
from litellm_tiering.core.gate import Exchange
from litellm_tiering.intake import read_request

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from litellm_tiering.config.build import Settings


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "gate",
        help="whether each of many answers would be served",
        description="Reads JSON lines {id, prompt or messages, answer, finish_reason?, logprobs?, schema?, "
        "tools?, tool_calls?} and prints {id, accept, p_bad, reasons} lines in the same order; p_bad is "
        "below 0.5 for what is accepted, and ranks answers by the acceptability gate: the configuration's, "
        "or the built-in one where there is none. Exits with 1 when lines could not be judged, or a gate "
        "failed. Without a configuration: the gates not_empty, finished, refusal and json_schema.",
    )
    add_input(parser)
    add_common(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Judge every line; those that cannot be are told of on standard error and counted.

    Raises:
        UsageError: the file cannot be read, or the configuration turns the cascade off.
        ConfigError: the configuration is wrong.
    """
    judge = Judge(settings_of(optional(options.config)))
    return asyncio.run(_run(judge, options.input))


async def _run(judge: Judge, name: str) -> Exit:
    # Nothing else is to run on this loop meanwhile, so reading and printing may block it.
    verdicts: Counter[str] = Counter()
    seen = bad = 0
    with progress("judging", lines_in(name), beside_output=True) as bar:
        for number, raw in numbered(name):
            seen += 1
            try:
                found = await judge.judge(parse_object(raw))
            except BadLine as error:
                bad += 1
                note(f"line {number} {error}")
            else:
                print(json.dumps(found, allow_nan=False))
                verdicts[judge.by] += 1
            for fault in judge.faults():
                note(f"line {number} makes {fault}")
            if seen % EVERY == 0:
                bar.at(number)
    note(_summary(verdicts))
    if bad:
        note(f"{bad} of {seen} lines could not be judged")
    return Exit.FINDINGS if bad or judge.failed else Exit.DONE


def _summary(verdicts: Mapping[str, int]) -> str:
    """How many answers were accepted, and by which gates the others were rejected."""
    total, accepted = sum(verdicts.values()), verdicts.get("", 0)
    rejected = ", ".join(f"{by} {n}" for by, n in Counter(verdicts).most_common() if by)
    told = f"{total - accepted} rejected" + (f" ({rejected})" if rejected else "")
    return f"{total} answer{'' if total == 1 else 's'}: {accepted} accepted, {told}"


class Judge:
    """Judges answers by the gates of one configuration.

    Attributes:
        by: The gate that rejected the latest answer; empty when it was accepted.
        failed: Whether any gate has failed.

    Raises:
        UsageError: the configuration turns the cascade off.
    """

    def __init__(self, settings: Settings) -> None:
        self._faults: list[str] = []
        self._gates = panel_of(settings, self._note)
        self._doubts = Doubts(settings, self._gates)
        self._model = settings.virtual_model
        self.by = ""
        self.failed = False

    async def judge(self, line: Mapping[str, Any]) -> dict[str, Any]:
        """``{id, accept, p_bad, reasons}`` of one line.

        Raises:
            BadLine: it has no id, no prompt or no answer, or a part of them cannot be one.
        """
        id_ = id_of(line)
        body = {**line, "messages": messages_of(line), "model": self._model}
        said, demand = said_in(line), demand_in(line)
        features, prompt = read_request(body, Surface.CHAT)
        exchange = Exchange(said, features, prompt, demand)
        found = await self._gates.judge(exchange)
        self.by = found.by
        return {"id": id_, **told(found, self._doubts.p_bad(found, exchange))}

    def faults(self) -> list[str]:
        """The faults of gates since the last time this was asked."""
        found, self._faults = self._faults, []
        return found

    def _note(self, where: str, error: BaseException) -> None:
        self.failed = True
        self._faults.append(f"gate {where.removeprefix('gate:')} fail ({type(error).__name__})")
