"""When a segment is bypassed, when it is trusted again, and what an operator should be told.

A *segment* is one kind of request at one tier of a route. Its window holds its latest judged answers,
newest last: ``1`` rejected, ``0`` accepted.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, deque
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WINDOW = 100
"""How many judged answers a segment's window holds."""

ENTER_MIN = 20
LEAVE_MIN = 10
"""How many answers it takes to judge a segment: fewer to leave, for a bypassed one sees only probes."""

LEAVE_OVER = 30
"""How many of the latest probes say whether a segment has recovered. Over the whole window it takes 50 more
probes to be believed after a long bad time, over these 25; and one that still fails 60 % of the time is
trusted by mistake once in some 10,000 probes either way."""

Z = 1.28
"""One-sided 90 %: the true rate is on the other side of the bound one time in ten."""

TOO_LOW_RATE, TOO_LOW_MIN = 0.10, 50
TOO_FEW_RATE, TOO_FEW_MIN = 0.005, 500
ONE_TIER_SHARE, ONE_TIER_MIN = 0.99, 200
"""Where alarms begin, and how many answers or decisions they need."""

ROUTES_MAX = 256
RECENT = 1_000
"""How many routes are counted, the first to come going first, and how many words are kept of each."""

_LONGEST_NAME = 64
_SAFE = " :@+,=()[]#/"


def wilson(hits: int, n: int, z: float = Z) -> tuple[float, float]:
    """The lower and the upper bound of a rate of which ``hits`` of ``n`` were seen; (0, 1) of nothing.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the
    American Statistical Association 22 (1927), pages 209-212.
    """
    if n == 0:
        return 0.0, 1.0
    rate, square = hits / n, z * z / n
    middle = rate + square / 2
    spread = z * math.sqrt(rate * (1 - rate) / n + square / (4 * n))
    # At the ends the formula gives exactly 0 and 1; rounding does not.
    low = (middle - spread) / (1 + square) if hits else 0.0
    high = (middle + spread) / (1 + square) if hits < n else 1.0
    return low, high


def enters(window: str, above: float) -> bool:
    """Whether a segment's requests should start one tier higher: it surely escalates more than ``above``.

    Never with ``above`` at 1: no rate is higher.
    """
    return len(window) >= ENTER_MIN and wilson(window.count("1"), len(window))[0] > above


def leaves(window: str, above: float) -> bool:
    """Whether a bypassed segment, judged by its latest probes, surely escalates less than ``above`` again.

    Never what :func:`enters` too: it would be bypassed again at once. Never with ``above`` at 0: no rate is
    lower.
    """
    latest = window[-LEAVE_OVER:]
    if len(latest) < LEAVE_MIN or enters(window, above):
        return False
    return wilson(latest.count("1"), len(latest))[1] < above


def segment_key(route: str, tier: str, kind: str) -> str:
    """What the store calls a segment: three names, in printable ASCII, at most some 2,300 characters.

    Args:
        route: The route's name.
        tier: The name of the tier that would be asked first.
        kind: The name of the rule that placed the request, or its task type.
    """
    return "|".join(_escaped(name) for name in (route, tier, kind))


def is_segment(key: str) -> bool:
    """Whether a key is a segment's; what is kept of a part of one has a fourth name."""
    return key.count("|") < _NAMES


_NAMES = 3


def segment_name(key: str) -> str:
    """A segment's key as an operator reads it: ``auto / simple / code``."""
    name = " / ".join(unquote(part, errors="replace") for part in key.split("|"))
    return name if name.isprintable() else key


def _escaped(name: str) -> str:
    if len(name) > _LONGEST_NAME:
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
        name = f"{name[: _LONGEST_NAME - 17]}~{digest[:16]}"
    return quote(name, safe=_SAFE, errors="surrogatepass")


# --- alarms ------------------------------------------------------------------------------------------------

_MEND = "start such requests at a stronger tier, or look at what the gates reject"


def segment_alarm(key: str, window: str, *, bypassed: bool) -> str | None:
    """What to say of a segment that escalates too often, or so often that it is bypassed."""
    name, n, hits = segment_name(key), len(window), window.count("1")
    if bypassed:
        # Its window is emptied when it is bypassed: without this the worst segments would be silent.
        probes = f" ({hits} of {n} probes escalated since)" if n else ""
        return f"threshold too low: segment {name} is bypassed, so much of it escalated{probes}; {_MEND}"
    if n < TOO_LOW_MIN or hits <= TOO_LOW_RATE * n:
        return None
    return f"threshold too low: segment {name} escalates {_percent(hits, n)} of its last {n} answers; {_MEND}"


def quiet_alarm(route: str, rejected: int, judged: int) -> str | None:
    """What to say of a route where almost nothing escalates."""
    if judged < TOO_FEW_MIN or rejected >= TOO_FEW_RATE * judged:
        return None
    return (
        f"router too greedy or gates asleep: route {route} escalated {_percent(rejected, judged)} of its "
        f"last {judged} judged answers; look whether more of it can start at a cheaper tier, and whether its "
        f"gates reject a bad answer"
    )


def one_tier_alarm(route: str, tiers: Mapping[str, int]) -> str | None:
    """What to say of a route that classifies and yet sends almost everything to one tier.

    Args:
        route: The route's name.
        tiers: How many of its decisions fell to each tier, those that a budget moved left out.
    """
    n = sum(tiers.values())
    if n < ONE_TIER_MIN:
        return None
    tier = max(tiers, key=lambda name: tiers[name])
    if tiers[tier] < ONE_TIER_SHARE * n:
        return None
    return (
        f"one tier takes all: route {route} sent {_percent(tiers[tier], n)} of its last {n} classified "
        f"requests to tier {tier}; look at the classifiers' thresholds, and at rules that match too much"
    )


def _percent(part: int, n: int) -> str:
    return f"{100 * part / n:.3g} %"


class Tally:
    """How often each word was said of a route among the latest ones."""

    def __init__(self) -> None:
        self._routes: dict[str, tuple[deque[str], Counter[str]]] = {}

    def add(self, route: str, word: str) -> None:
        """Count a word; past :data:`RECENT` words of this route its oldest no longer counts."""
        if route not in self._routes:
            if len(self._routes) >= ROUTES_MAX:
                del self._routes[next(iter(self._routes))]
            self._routes[route] = (deque(), Counter())
        latest, counts = self._routes[route]
        latest.append(word)
        counts[word] += 1
        if len(latest) > RECENT:
            gone = latest.popleft()
            counts[gone] -= 1
            if not counts[gone]:
                del counts[gone]

    def __iter__(self) -> Iterator[tuple[str, Counter[str]]]:
        """Each route with its counts."""
        for route, (_, counts) in self._routes.items():
            yield route, counts
