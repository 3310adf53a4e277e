"""The verdicts that a configuration's gates give recorded answers: those that ``gate`` prints.

As in :mod:`~litellm_tiering.evals.scoring`, whoever judges is handed in.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from litellm_tiering.evals.outcomes import gate_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_tiering.evals.outcomes import Outcome


class JudgingLines(Protocol):
    """What ``litellm_tiering.cli.gate.Judge`` does.

    Attributes:
        by: The gate that rejected the latest answer; empty when it was accepted.
    """

    by: str

    async def judge(self, line: Mapping[str, Any]) -> Mapping[str, Any]:
        """``{id, accept, p_bad, reasons}`` of ``{id, messages, answer, …}``; ValueError where it has none."""
        ...


class Unjudged(ValueError):
    """An answer cannot be judged, and why; it never repeats the answer."""


class Judged(NamedTuple):
    """What the gates make of one answer.

    Attributes:
        accept: Whether it would be served.
        p_bad: How likely it is bad, 0 to 1.
        by: The gate that rejected it; empty when it was accepted.
    """

    accept: bool
    p_bad: float
    by: str


async def judged(gates: JudgingLines, outcome: Outcome, model: str) -> Judged:
    """What ``gates`` make of the answer of ``model``.

    Raises:
        Unjudged: its text was not kept, or the gates give no number.
        KeyError: the model has no answer in this outcome.
    """
    line = gate_line(outcome, model)
    if line is None:
        raise Unjudged("has an answer without its text")
    try:
        found = await gates.judge(line)
    except ValueError as error:
        raise Unjudged(str(error)) from None
    p_bad = float(found["p_bad"])
    if not math.isfinite(p_bad):
        raise Unjudged("makes the gates give a `p_bad` that is not a number")
    return Judged(bool(found["accept"]), p_bad, gates.by)
