"""The way to an answer that is expected to cost least: one cheap model, two of them, or straight up. Pure.

Trying the cheap tier first costs ``c + (1 - p) * C``: its answer, and the next tier's wherever the gates
reject it. Going straight up costs ``C``. So a try is wasted where ``p * C < c``: where what an accepted
answer saves, as often as there is one, does not pay for asking. Only ways are compared on which no answer is
served that the fixed rules would have sent to a stronger tier; see :func:`choose`.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from litellm_tiering.core.adaptive import Z
from litellm_tiering.units import usd

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from litellm_tiering.core.classification import Classification

LEAST_SEEN = 20
"""How many answers of a kind must have been judged before anything is expected of the next."""

UNMOVED = 50
"""How many of the latest answers must have been compared, and none of them served otherwise for it, before
the second model is left out."""

DECAY = 0.98
"""What each answer counts for beside the next later one: a window of 100 weighs as much as 43 of today's, and
after 29 answers of another quality those outweigh the old ones."""

PRIOR = 10.0
"""How many answers the figure of the whole kind counts for beside those of like scores."""

BANDS = 10
"""How many bands of the score are told apart, from 0 to 1."""

NO_BAND = "-"
"""The band of requests that nobody scored."""

AGAINST = frozenset({"differs", "no_answer"})
"""What a second answer is called that speaks against the first."""

COMPARED = AGAINST | {"agrees", "incomparable"}
"""What it is called where it came and was looked at."""


class Way(str, enum.Enum):
    """How an answer is come by."""

    CHEAP = "cheap"
    PAIR = "pair"
    STRONG = "strong"


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of some answers, of which later ones count for more.

    Attributes:
        hits: The weight of those of which it was so.
        weight: The weight of all.
        count: How many there are.
        ever: Of how many it was so.
    """

    hits: float = 0.0
    weight: float = 0.0
    count: int = 0
    ever: int = 0

    @classmethod
    def of(cls, window: str) -> Seen:
        """A window's, newest last: ``1`` where it was so, else ``0``."""
        hits = weight = 0.0
        for one in window:
            hits = hits * DECAY + (one == "1")
            weight = weight * DECAY + 1.0
        return cls(hits, weight, len(window), window.count("1"))

    def rate(self, prior: float = 0.5, strength: float = 2.0) -> float:
        """How often it is so: the mean of a Beta distribution, before anything is seen ``prior``.

        Without arguments that is Laplace's rule of succession, from a flat prior.
        """
        return (self.hits + prior * strength) / (self.weight + strength)

    def doubt(self, prior: float = 0.5, strength: float = 2.0) -> float:
        """By how much that may be off: :data:`Z` standard deviations of the same distribution."""
        mean = self.rate(prior, strength)
        return Z * math.sqrt(mean * (1.0 - mean) / (self.weight + strength + 1.0))


def pooled(parts: Iterable[Seen]) -> Seen:
    """What was seen of all of them together."""
    hits = weight = 0.0
    count = ever = 0
    for part in parts:
        hits, weight = hits + part.hits, weight + part.weight
        count, ever = count + part.count, ever + part.ever
    return Seen(hits, weight, count, ever)


def pass_probability(own: Seen, kind: Seen) -> tuple[float, float]:
    """How likely the gates accept an answer, and how likely that may be at best.

    From *rejections* seen of answers to requests of like scores, and of their whole kind, whose rate is the
    prior of the former: a Beta distribution worth :data:`PRIOR` answers.
    """
    prior = kind.rate()
    mean = 1.0 - own.rate(prior, PRIOR)
    return mean, min(1.0, mean + own.doubt(prior, PRIOR))


def band_of(said: Classification) -> str:
    """The band of a request's score, ``0`` to ``9``; :data:`NO_BAND` without one.

    A trained classifier's score is the gain that the next tier's answer is expected to bring, so the bands
    are bands of that. What a gain means for the gates is learned and not assumed: they do not see all that is
    bad.
    """
    score = said.score
    if score is None or math.isnan(score):
        return NO_BAND
    return str(min(BANDS - 1, int(min(1.0, max(0.0, score)) * BANDS)))


def bands() -> Iterator[str]:
    """Every band there is."""
    yield NO_BAND
    yield from map(str, range(BANDS))


@dataclass(frozen=True, slots=True)
class Effort:
    """What asking for one answer is expected to take: nano-dollars, and seconds."""

    cost: float
    seconds: float = 0.0

    def beside(self, other: Effort) -> Effort:
        """This and another at the same time: both are paid for, and the slower is waited for."""
        return Effort(self.cost + other.cost, max(self.seconds, other.seconds))

    def worth(self, per_second: float) -> float:
        """The money, a second counted at ``per_second`` nano-dollars."""
        return self.cost + self.seconds * per_second


@dataclass(frozen=True, slots=True)
class Second:
    """A second answer that is compared with the first.

    Attributes:
        effort: What it takes.
        changes: Of the latest answers that the other gates had let pass: which it sent to the next tier.
    """

    effort: Effort
    changes: Seen

    @property
    def idle(self) -> bool:
        """Whether its word has changed nothing in a long time: not one answer of those remembered."""
        return self.changes.count >= UNMOVED and self.changes.ever == 0


@dataclass(frozen=True, slots=True)
class Choice:
    """A way, and what it was chosen by.

    Attributes:
        way: The way.
        rank: The tier that it begins at.
        passes: How likely the gates but the comparing one accept the cheap tier's answer.
        cheap: What the cheap tier with its gates is expected to cost, in nano-dollars, time included.
        strong: What going straight to the next tier is expected to cost.
        pair: What two models at the cheap tier are expected to cost; None where no second one is set up.
        plain: The way of the fixed rules.
        probe: Whether the plain way is taken although another is expected to be cheaper.
    """

    way: Way
    rank: int
    passes: float
    cheap: float
    strong: float
    pair: float | None = None
    plain: Way = Way.CHEAP
    probe: bool = False

    @property
    def changes(self) -> bool:
        """Whether it is another way than that of the fixed rules."""
        return self.way is not self.plain

    @property
    def skips_second(self) -> bool:
        """Whether the second model is not to be asked."""
        return self.plain is Way.PAIR and self.way is Way.CHEAP

    @property
    def detail(self) -> str:
        """The choice as a step says it, money in dollars: ``strong:p=0.04:cheap=2.1e-05:strong=2e-05``."""
        parts = [self.way.value, *(["probe"] if self.probe else []), f"p={self.passes:.2f}"]
        parts.append(f"cheap={_dollars(self.cheap)}")
        if self.pair is not None:
            parts.append(f"pair={_dollars(self.pair)}")
        parts.append(f"strong={_dollars(self.strong)}")
        return ":".join(parts)


def _dollars(nano: float) -> str:
    return f"{usd(round(nano)):.3g}"


@dataclass(frozen=True, slots=True)
class Prospect:
    """What a request may expect.

    Attributes:
        rank: The tier where it belongs, by all that was decided.
        above: The tier that it would climb to.
        passes: How likely the gates but the comparing one accept the lower one's answer.
        hopes: How likely that may be at best.
        cheap: What an answer of the lower one takes.
        strong: What one of the higher takes.
        second: The second answer; None where the fixed rules ask for none.
        per_second: What a second of waiting counts for, in nano-dollars.
    """

    rank: int
    above: int
    passes: float
    hopes: float
    cheap: Effort
    strong: Effort
    second: Second | None = None
    per_second: float = 0.0

    @property
    def up(self) -> float:
        """What going straight to the next tier is expected to cost."""
        return self.strong.worth(self.per_second)

    def alone(self, passes: float) -> float:
        """What the lower tier with its gates costs where they accept that share of its answers."""
        return self.cheap.worth(self.per_second) + (1.0 - passes) * self.up

    def paired(self, effort: Effort, passes: float, changes: float) -> float:
        """What two models there cost.

        Args:
            effort: What the second one's answer takes.
            passes: Which share of the first one's answers the other gates accept.
            changes: Which share of those is rejected for the second's.
        """
        both = self.cheap.beside(effort).worth(self.per_second)
        return both + (1.0 - passes * (1.0 - changes)) * self.up


def choose(given: Prospect, *, probe: bool = False) -> Choice:
    """The way that is expected to cost least, of those that serve no worse answer than the fixed rules' way.

    Those are: the fixed rules' own; straight to the tier that a rejected answer would be sent to, never to
    one below what the classifiers and their thresholds ask for; and without the second model only where its
    word has changed nothing that was served (:attr:`Second.idle`), however much that would save elsewhere.
    What follows after the next tier is the same on every way, and is left out.

    A request goes straight up only where a try would cost more even if its like passed as often as may be:
    by trying more is learned, and by going up next to nothing, so doubt speaks for trying.

    Args:
        given: What the request may expect.
        probe: Whether to go the fixed rules' way in any case, to see whether things have changed.
    """
    second = given.second
    cheap, pair = given.alone(given.passes), None
    plain, way, at_best = Way.CHEAP, Way.CHEAP, given.alone(given.hopes)
    if second is not None:
        seldom = max(0.0, second.changes.rate() - second.changes.doubt())
        plain, pair = Way.PAIR, given.paired(second.effort, given.passes, second.changes.rate())
        if not second.idle:
            way, at_best = Way.PAIR, given.paired(second.effort, given.hopes, seldom)
    if given.up < at_best:
        way = Way.STRONG
    probe = probe and way is not plain
    if probe:
        way = plain
    rank = given.above if way is Way.STRONG else given.rank
    return Choice(way, rank, given.passes, cheap, given.up, pair, plain, probe)
