"""From the section on the quality debt to what the gateway asks twice by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.core.budget import Critical
from litellm_tiering.debt import DebtSettings
from litellm_tiering.units import nano_usd

if TYPE_CHECKING:
    from litellm_tiering.config.schema import TieringSection


def debt_of(config: TieringSection) -> DebtSettings | None:
    """How much is asked of the better tier as well; None where nothing is.

    Who is never captured is never asked twice either: whoever keeps a team's text out of files hardly wants
    it sent once more.
    """
    section = config.experiment.debt
    if section is None or not section.share:
        return None
    never = tuple(
        Critical(one.teams, one.key_aliases, one.tags) for one in (section.never, config.capture.never)
    )
    return DebtSettings(section.share, nano_usd(section.limit_usd), section.window, config.timezone, never)
