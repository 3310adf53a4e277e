"""Whether there is anything that the quality debt could be measured of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.config.words import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_tiering.config.sense import View
    from litellm_tiering.config.words import Loc


def judge_debt(view: View) -> Iterator[Finding]:
    """A budget that can move requests down, where those are to be asked of the better tier as well."""
    section = view.section
    debt = section.experiment.debt
    if debt is None or not debt.share or not view.whole(("tiering", "budgets")):
        return
    loc: Loc = ("tiering", "experiment", "debt")
    if all(budget.limit_usd is None for budget in section.budgets):
        yield Finding(
            loc,
            "no budget has a limit: nothing is ever moved down, so there is nothing to ask the better tier",
            "give a budget a `limit_usd`, or leave `debt` out.",
            warning=True,
        )
