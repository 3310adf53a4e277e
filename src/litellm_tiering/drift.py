"""What this worker sees of each route, held against what the router was trained and tuned on.

Each worker watches its own requests: with several, each sees a fair sample, and says so for itself. Nothing
is kept but counts, in memory; after a restart it takes a few hundred requests to know again.
"""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from litellm_tiering.core.decision import Reason, Stage
from litellm_tiering.core.drift import Rate, Scores, Watched
from litellm_tiering.events import Event, Kind, tidy

if TYPE_CHECKING:
    from collections.abc import Callable

    from litellm_tiering.core.classification import Classification
    from litellm_tiering.core.decision import Decision
    from litellm_tiering.ports import Clock

UNLIKE_BELOW = 0.6
"""With less confidence than this a request is unlike the training data; of that, one in a hundred is."""

UNLIKE_RATE = 0.01

ROUTES_MAX = 256
"""How many routes are watched; the first to come go first."""

TOLD_EVERY_S = 3600
"""Of one figure that drifts all workers together tell at most this often, in seconds."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What live traffic is held against.

    Attributes:
        by: The kind of the classifier that was trained; empty for none.
        scores: The scores that it gave its training data.
        rows: On how many rows that rests.
        escalates: The share of requests that tuning expects to ask more than one tier; None where it was
            never said.
    """

    by: str = ""
    scores: Scores | None = None
    rows: int = 0
    escalates: float | None = None

    @property
    def any(self) -> bool:
        """Whether there is anything to hold traffic against."""
        return self.scores is not None or self.escalates is not None


ESCALATES_ROWS = 1_000
"""On how many questions a share that tuning wrote down is taken to rest."""

_WHAT = {"scores": "scores drift", "unlike": "unlike the training data", "escalated": "escalations drift"}


class Drift:
    """Watches the routes of one process.

    Args:
        expected: What to hold them against.
        clock: The time.
        tell: Told of what began to drift, or no longer does: the event, the claim by which one worker of
            all tells of it, and for how many seconds that holds.
    """

    def __init__(
        self, expected: Expected, clock: Clock, tell: Callable[[Event, str, int], None] | None = None
    ) -> None:
        self.expected = expected
        self.tell = tell
        self._clock = clock
        self._routes: OrderedDict[str, dict[str, Watched]] = OrderedDict()

    def classified(self, route: str, said: Classification) -> None:
        """Count what the trained classifier made of one request, whether it was sure or not."""
        scores = self.expected.scores
        if scores is None:
            return
        for opinion in said.opinions:
            score = opinion.score
            if opinion.by != self.expected.by or score is None or score != score:  # noqa: PLR0124 - NaN
                continue
            watched = self._of(route)
            self._count(route, "scores", watched, scores.bin_of(score))
            self._count(route, "unlike", watched, int(opinion.confidence < UNLIKE_BELOW))

    def judged(self, route: str, decision: Decision, *, escalated: bool) -> None:
        """Count one request whose answer was judged, or could not have been replaced.

        One that something else than its classifier sent where it went says nothing of the router.
        """
        if self.expected.escalates is not None and not _moved(decision):
            self._count(route, "escalated", self._of(route), int(escalated))

    def alarms(self) -> list[str]:
        """What has drifted, a sentence each, in the order in which routes were first seen."""
        return [
            f"{self._sentence(route, what, one)}, since {_shown(one.since_s)}"
            for route, watched in self._routes.items()
            for what, one in watched.items()
            if one.since_s is not None
        ]

    # ------------------------------------------------------------------ counting

    def _of(self, route: str) -> dict[str, Watched]:
        found = self._routes.get(route)
        if found is None:
            found = self._routes[route] = {}
            expected = self.expected
            if expected.scores is not None:
                found["scores"] = Watched(expected.scores)
                found["unlike"] = Watched(Rate(UNLIKE_RATE, expected.rows, only_above=True))
            if expected.escalates is not None:
                found["escalated"] = Watched(Rate(expected.escalates, ESCALATES_ROWS))
            if len(self._routes) > ROUTES_MAX:
                self._routes.popitem(last=False)
        return found

    def _count(self, route: str, what: str, watched: dict[str, Watched], bin_: int) -> None:
        now = self._clock.now()
        one = watched[what]
        if not one.add(bin_, now) or self.tell is None:
            return
        began = one.since_s is not None
        detail = self._sentence(route, what, one) if began else f"{_WHAT[what]} no longer on route {route!r}"
        claim = f"event|drift|{what}|{began}|{route}"
        self.tell(Event(Kind.DRIFT, now, detail=tidy(detail)), claim, TOLD_EVERY_S)

    def _sentence(self, route: str, what: str, one: Watched) -> str:
        head = f"{_WHAT[what]} on route {route!r}"
        found, n = one.latest, one.seen
        if found is None:  # pragma: no cover - what was never judged has no alarm
            return head
        if what == "scores":
            return (
                f"{head}: the latest {n} are not spread like the training data's (PSI {found.off:.2f}, "
                f"alarm above {found.limit:.2f})"
            )
        rate = one.counts[1] / n
        if what == "unlike":
            return f"{head}: {rate:.0%} of the latest {n} requests are; of the training data 1% was"
        return (
            f"{head}: {rate:.0%} of the latest {n} requests escalated, and "
            f"{self.expected.escalates or 0:.0%} were expected"
        )


def _moved(decision: Decision) -> bool:
    """Whether a budget, a conversation, or how others fared chose the tier, and not the classifier."""
    return any(
        s.enforced
        and (
            s.stage in (Stage.BUDGET, Stage.CONVERSATION)
            or (s.reason in (Reason.BYPASS, Reason.EXPECTED) and s.from_rank != s.to_rank)
        )
        for s in decision.steps
    )


def _shown(at_s: float | None) -> str:
    found = dt.datetime.fromtimestamp(at_s or 0.0, dt.timezone.utc)
    return f"{found:%Y-%m-%d %H:%M} UTC"
