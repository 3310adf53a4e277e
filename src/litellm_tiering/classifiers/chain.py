"""A chain of classifiers: asked in order, the first that is sure decides, and every bound counts."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING

from litellm_tiering.classifiers.heuristic import default_thresholds
from litellm_tiering.core.classification import Classification

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from litellm_tiering.core.classification import Classifier, Opinion, Subject
    from litellm_tiering.core.ladder import Ladder


class Chain:
    """Asks its classifiers in order. Those after the one that decides are not asked.

    A score becomes a rank by thresholds: the rank is how many of them the score reaches. They come from
    ``thresholds`` by the classifier's kind, else from its own attribute ``thresholds``, else
    :func:`~litellm_tiering.classifiers.heuristic.default_thresholds`. An opinion is sure when its confidence
    reaches ``abstain_below``, of that classifier or by its kind; a rank outright is always sure.

    A classifier that raises stops the chain: what then happens is the engine's to say.

    Args:
        classifiers: In the order they are asked.
        ladder: The ladder that ranks are on.
        thresholds: By kind, one for each tier but the cheapest, rising.
        abstain_below: By kind, the least confidence that decides, 0 to 1.

    Raises:
        ValueError: thresholds are out of order, or not one fewer than the tiers.
    """

    __slots__ = ("_abstain_below", "_classifiers", "_default", "_ladder", "_thresholds")

    def __init__(
        self,
        classifiers: Iterable[Classifier],
        ladder: Ladder,
        thresholds: Mapping[str, Sequence[float]] | None = None,
        abstain_below: Mapping[str, float] | None = None,
    ) -> None:
        self._classifiers = tuple(classifiers)
        self._ladder = ladder
        self._default = default_thresholds(len(ladder))
        self._thresholds = {kind: tuple(t) for kind, t in (thresholds or {}).items()}
        self._abstain_below = dict(abstain_below or {})
        own = (self._thresholds_of(c) for c in self._classifiers)
        for found in (*self._thresholds.values(), *own):
            check_thresholds(found, ladder)

    def classify(self, subject: Subject) -> Classification:
        """What the chain makes of ``subject``; a rank of None when every classifier abstained."""
        opinions: list[Opinion] = []
        rank: int | None = None
        for classifier in self._classifiers:
            opinion = classifier.classify(subject)
            if opinion is None:
                continue
            opinions.append(opinion)
            rank = self._rank(classifier, opinion)
            if rank is not None:
                break
        floors = [o.floor for o in opinions if o.floor is not None]
        caps = [o.cap for o in opinions if o.cap is not None]
        decided = opinions[-1] if rank is not None else None
        return Classification(
            rank=rank,
            by=decided.by if decided else "",
            name=decided.name if decided else "",
            score=decided.score if decided else None,
            # Of equal bounds the first one asked gives its name.
            floor=max(floors, key=lambda f: f[0], default=None),
            cap=min(caps, key=lambda c: c[0], default=None),
            opinions=tuple(opinions),
        )

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
