"""A chain of classifiers: asked in order, the first that is sure decides, and every bound counts."""

from __future__ import annotations

import inspect
import logging
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from litellm_tiering.classifiers.heuristic import default_thresholds
from litellm_tiering.core.classification import Classification, Opinion, Reached

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence

    from litellm_tiering.core.classification import Classifier, Subject
    from litellm_tiering.core.ladder import Ladder

    OnFault = Callable[[str, BaseException], None]

_log = logging.getLogger("litellm_tiering")


@dataclass(slots=True)
class _Heard:
    """What was said of one request so far."""

    subject: Subject
    opinions: list[Opinion] = field(default_factory=list)
    rank: int | None = None
    fault: str = ""
    reached: list[Reached] = field(default_factory=list)


class Chain:
    """Asks its classifiers in order. Those after the one that decides are not asked.

    A score becomes a rank by thresholds: the rank is how many of them the score reaches. They come from
    ``thresholds`` by the classifier's kind, else from its own attribute ``thresholds``, else
    :func:`~litellm_tiering.classifiers.heuristic.default_thresholds`. An opinion is sure when its confidence
    reaches ``abstain_below``, of that classifier or by its kind; a rank outright is always sure.

    A classifier that raises, or says what cannot be, abstains: its fault is told, its opinion is the signal
    ``fault``, and the next one is asked. One that asks models (its attribute ``asks``) is passed over where
    the bounds so far leave one tier only: what it says would change nothing, and costs.

    One in shadow mode that is reached is not asked here, and no other in its stead: whoever has the time asks
    it, as :class:`~litellm_tiering.core.classification.Reached` lets them.

    Args:
        classifiers: In the order they are asked.
        ladder: The ladder that ranks are on.
        thresholds: By kind, one for each tier but the cheapest, rising.
        abstain_below: By kind, the least confidence that decides, 0 to 1.
        on_fault: Told where a classifier failed, and with what; the log is when None.
        shadow: The places of those in shadow mode.

    Raises:
        ValueError: thresholds are out of order, or not one fewer than the tiers.
    """

    __slots__ = (
        "_abstain_below",
        "_classifiers",
        "_default",
        "_ladder",
        "_on_fault",
        "_shadow",
        "_thresholds",
        "asks",
    )

    def __init__(  # noqa: PLR0913 - what a chain is made of
        self,
        classifiers: Iterable[Classifier],
        ladder: Ladder,
        thresholds: Mapping[str, Sequence[float]] | None = None,
        abstain_below: Mapping[str, float] | None = None,
        on_fault: OnFault | None = None,
        *,
        shadow: Collection[int] = (),
    ) -> None:
        self._classifiers = tuple(classifiers)
        self._shadow = frozenset(shadow)
        self._ladder = ladder
        self._default = default_thresholds(len(ladder))
        self._thresholds = {kind: tuple(t) for kind, t in (thresholds or {}).items()}
        self._abstain_below = dict(abstain_below or {})
        self._on_fault = on_fault or _logged
        self.asks = any(map(_asks, self._classifiers))
        own = (self._thresholds_of(c) for c in self._classifiers)
        for found in (*self._thresholds.values(), *own):
            check_thresholds(found, ladder)

    @property
    def classifiers(self) -> tuple[Classifier, ...]:
        """Those whose word counts, in the order they are asked."""
        return tuple(c for i, c in enumerate(self._classifiers) if i not in self._shadow)

    def classify(self, subject: Subject) -> Classification | Awaitable[Classification]:
        """What the chain makes of ``subject``; a rank of None when every classifier abstained.

        An awaitable only where a classifier has to be awaited.
        """
        return self._from(0, _Heard(subject))

    def _from(self, first: int, heard: _Heard) -> Classification | Awaitable[Classification]:
        """Ask the classifiers from the one at ``first`` on."""
        for i in range(first, len(self._classifiers)):
            classifier = self._classifiers[i]
            if _asks(classifier) and self._pinned(heard.opinions):
                continue
            if i in self._shadow:
                ask = partial(self._alone, classifier, heard.subject)
                own = str(getattr(classifier, "name", ""))
                heard.reached.append(Reached(classifier.kind, own, _asks(classifier), ask))
                continue
            try:
                found = classifier.classify(heard.subject)
            except Exception as error:  # noqa: BLE001 - a classifier's fault costs its opinion, not the request
                self._failed(classifier, error, heard)
                continue
            if found is not None and not isinstance(found, Opinion):
                return self._awaited(i, found, heard)
            if self._decides(classifier, found, heard):
                break
        return _together(heard)

    async def _awaited(self, i: int, coming: object, heard: _Heard) -> Classification:
        classifier = self._classifiers[i]
        try:
            found = await coming if inspect.isawaitable(coming) else coming
        except Exception as error:  # noqa: BLE001 - as above; cancellation passes
            self._failed(classifier, error, heard)
        else:
            if self._decides(classifier, found, heard):
                return _together(heard)
        rest = self._from(i + 1, heard)
        return rest if isinstance(rest, Classification) else await rest

    async def _alone(self, classifier: Classifier, subject: Subject) -> Classification:
        """What one classifier makes of ``subject``, by itself."""
        heard = _Heard(subject)
        try:
            found: object = classifier.classify(subject)
            if inspect.isawaitable(found):
                found = await found
        except Exception as error:  # noqa: BLE001 - as above; cancellation passes
            self._failed(classifier, error, heard)
        else:
            self._decides(classifier, found, heard)
        return _together(heard)

    def _decides(self, classifier: Classifier, found: object, heard: _Heard) -> bool:
        """Note an opinion; whether it settles the rank."""
        if found is None:
            return False
        try:
            if not isinstance(found, Opinion):
                raise TypeError(f"returned {type(found).__name__}, not an Opinion")  # noqa: TRY301 - one way for all faults
            heard.rank = self._rank(classifier, found)
        except (TypeError, ValueError) as error:
            self._failed(classifier, error, heard)
            return False
        heard.opinions.append(found)
        return heard.rank is not None

    def _failed(self, classifier: Classifier, error: Exception, heard: _Heard) -> None:
        heard.fault = heard.fault or type(error).__name__
        heard.opinions.append(Opinion(classifier.kind, signals={"fault": 1.0}))
        self._on_fault(f"classifier:{classifier.kind}", error)

    def _pinned(self, opinions: Sequence[Opinion]) -> bool:
        """Whether the bounds so far leave one rank only; a floor wins over a cap."""
        if not opinions:
            return False
        floor = max((o.floor[0] for o in opinions if o.floor is not None), default=0)
        cap = min((o.cap[0] for o in opinions if o.cap is not None), default=self._ladder.top)
        return floor >= cap

    def _rank(self, classifier: Classifier, opinion: Opinion) -> int | None:
        """The rank that ``opinion`` stands for; None when it abstains or is not sure."""
        if opinion.rank is not None:
            if not 0 <= opinion.rank <= self._ladder.top:
                raise ValueError(f"the {classifier.kind} classifier named a rank that is not on the ladder")
            return opinion.rank
        score = opinion.score
        if score is None or score != score:  # noqa: PLR0124 - NaN is no score
            return None
        sure_from = self._abstain_below.get(classifier.kind, getattr(classifier, "abstain_below", 0.0))
        if opinion.confidence < sure_from:
            return None
        return bisect_right(self._thresholds_of(classifier), score)

    def _thresholds_of(self, classifier: Classifier) -> tuple[float, ...]:
        found = self._thresholds.get(classifier.kind)
        if found is None:
            found = tuple(getattr(classifier, "thresholds", ()) or self._default)
        return found


def _asks(classifier: Classifier) -> bool:
    """Whether a classifier asks models of the proxy, which costs."""
    return bool(getattr(classifier, "asks", False))


def _together(heard: _Heard) -> Classification:
    """Everybody's word as one."""
    opinions = heard.opinions
    floors = [o.floor for o in opinions if o.floor is not None]
    caps = [o.cap for o in opinions if o.cap is not None]
    decided = opinions[-1] if heard.rank is not None else None
    return Classification(
        rank=heard.rank,
        by=decided.by if decided else "",
        name=decided.name if decided else "",
        score=decided.score if decided else None,
        # Of equal bounds the first one asked gives its name.
        floor=max(floors, key=lambda f: f[0], default=None),
        cap=min(caps, key=lambda c: c[0], default=None),
        opinions=tuple(opinions),
        fault="" if decided else heard.fault,
        reached=tuple(heard.reached),
    )


def _logged(where: str, error: BaseException) -> None:
    _log.error("fault in %s: %s; the next classifier is asked", where, type(error).__name__)


def check_thresholds(thresholds: Sequence[float], ladder: Ladder) -> None:
    """Whether ``thresholds`` can turn scores into ranks.

    Raises:
        ValueError: they do not rise, or are not one fewer than the tiers.
    """
    if len(thresholds) != ladder.top:
        raise ValueError(f"{len(ladder)} tiers need {ladder.top} thresholds, not {len(thresholds)}")
    # Written so that NaN fails as well.
    if not all(low < high for low, high in pairwise(thresholds)) or any(
        t != t  # noqa: PLR0124 - NaN
        for t in thresholds
    ):
        raise ValueError("thresholds must rise from tier to tier")
