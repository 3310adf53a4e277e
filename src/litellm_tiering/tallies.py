"""Rows of the day's totals: what each attempt and each refusal adds to them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from litellm_tiering.core.decision import Reason
from litellm_tiering.ports import Tally
from litellm_tiering.units import WindowKind, window_at

if TYPE_CHECKING:
    from litellm_tiering.core.decision import Decision
    from litellm_tiering.core.record import Record

UNPLANNED = "unplanned"
"""The reason of calls to the proxy's other models."""


@dataclass(frozen=True, slots=True)
class Days:
    """The calendar of the totals: empty rows of the right day, to be filled with dataclasses.replace.

    Attributes:
        timezone: Whose days they are.
        retention_s: For how long a day is kept after its end, in seconds.
    """

    timezone: str = "UTC"
    retention_s: int = 35 * 86_400

    def of_record(self, record: Record, attempt: int | None = None) -> Tally:
        """An empty row for a request, or for one of its attempts: it counts when the request was admitted."""
        day, hour, expires_s = self._when(record.at_s)
        asked = record if attempt is None else record.attempts[attempt]
        reason = reason_of(record.decision)
        return Tally(day, hour, expires_s, record.route, asked.tier, asked.model, record.team, reason)

    def of_call(self, at_s: float, model: str, team: str) -> Tally:
        """An empty row for a call that was not planned."""
        return Tally(*self._when(at_s), "", "", model, team, UNPLANNED)

    def day(self, at_s: float) -> str:
        """The calendar day of a time, such as ``2026-11-21``."""
        return self._when(at_s)[0]

    def _when(self, at_s: float) -> tuple[str, int, int]:
        day, hour, end_s = _hour(self.timezone, int(at_s // 900))
        return day, hour, end_s + self.retention_s


@lru_cache(maxsize=64)
def _hour(timezone: str, quarter: int) -> tuple[str, int, int]:
    """The day, its hour and its end at a quarter of an hour: zones are whole quarters off UTC."""
    at_s = quarter * 900.0
    local = dt.datetime.fromtimestamp(at_s, ZoneInfo(timezone))
    return f"{local:%Y-%m-%d}", local.hour, int(window_at(WindowKind.DAY, timezone, at_s).end_s)


def reason_of(decision: Decision) -> str:
    """Why a request went where it went, in a word that no client chooses: the last step that took effect."""
    if decision.steps and decision.steps[0].reason is Reason.HOLDOUT:
        # Counted apart whatever became of them: it is the callers that are compared.
        return Reason.HOLDOUT.value
    if decision.refusal is not None:
        return f"refused:{decision.refusal.reason.value}"
    # Whose policy it was says nothing of why.
    last = next((s for s in reversed(decision.steps) if s.enforced and s.reason is not Reason.ARM), None)
    if last is None:  # pragma: no cover - a decision has at least one enforced step
        return ""
    return last.label if last.reason is Reason.RULE else last.reason.value
