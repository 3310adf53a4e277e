"""Whether an answer keeps to what was demanded: one check for each kind of demand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.gates.constraints import check_counts, check_forms, check_words
from litellm_tiering.gates.constraints.kinds import COUNTED, Demands, Finding, Kind, Want
from litellm_tiering.gates.constraints.measure import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from litellm_tiering.gates.constraints.kinds import Outcome

    Check = Callable[[Want, Answer], Outcome | None]

CHECKS: Mapping[Kind, Check] = {**check_counts.CHECKS, **check_words.CHECKS, **check_forms.CHECKS}
"""What checks each kind of demand."""


def _may_mend(want: Want, answer: Answer) -> bool:
    """Whether what was not looked at, or is still to come, may keep what is broken so far."""
    return answer.partial or (answer.cut and want.kind in COUNTED and want.kind is not Kind.WORDS)


def check(demands: Demands, answer: str, *, partial: bool = False) -> tuple[Finding, ...]:
    """What came of checking ``answer`` by each of ``demands``; what cannot be told is left out.

    Args:
        demands: What :func:`read_demands` made of the prompt.
        answer: The answer's text.
        partial: Whether it is only a beginning: then only what no ending can mend is found broken.

    Example:
        >>> from litellm_tiering.gates.constraints import read_demands
        >>> demands = read_demands("Answer in one word.")
        >>> [finding.name for finding in check(demands, "It is Paris, of course.") if finding.broken]
        ['max_words']
    """
    if not demands or not answer.strip():
        return ()
    measured = Answer(answer, partial=partial)
    found = []
    for want in demands.wants:
        outcome = CHECKS[want.kind](want, measured)
        if outcome is None or (outcome.p_bad and not outcome.final and _may_mend(want, measured)):
            continue
        p_bad = round(outcome.p_bad * want.sure, 3)
        found.append(Finding(want.kind, outcome.name, p_bad, outcome.final))
    return tuple(found)
