"""The classifier of a model that was trained on the owner's outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.core.classification import Opinion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm_tiering.classifiers.learned_model import RouterModel
    from litellm_tiering.classifiers.rules import RulesClassifier
    from litellm_tiering.core.classification import Subject
    from litellm_tiering.core.ladder import Ladder

ABSTAIN_BELOW = 0.6
"""The confidence below which the next classifier is asked, where the configuration does not say."""


class LearnedClassifier:
    """Scores a request by how much better a stronger tier's answer is expected to be.

    The score is the expected gain of one step up the ladder, in the unit of the training data's qualities: 0
    where the stronger model is not expected to do better. The confidence says how like the training data the
    request is; about one in a hundred of that data itself comes below 0.6. An opinion that is not sure keeps
    its score, for those who put requests in order.

    Args:
        model: The trained model.
        ladder: The ladder; where the model was trained for one of another size, its thresholds are spread.
        thresholds: One for each tier but the cheapest, rising; the model's own when None.
        abstain_below: With less confidence than this it leaves the decision to the next.
        rules: The owner's rules, where the model learned what their matching tells.

    Raises:
        ValueError: the number of thresholds does not fit the ladder.
    """

    kind = "learned"

    __slots__ = ("_names", "_rules", "abstain_below", "model", "thresholds")

    def __init__(
        self,
        model: RouterModel,
        ladder: Ladder,
        thresholds: Sequence[float] | None = None,
        *,
        abstain_below: float = ABSTAIN_BELOW,
        rules: RulesClassifier | None = None,
    ) -> None:
        self.model = model
        self.thresholds = model.thresholds_for(len(ladder)) if thresholds is None else tuple(thresholds)
        if len(self.thresholds) != ladder.top:
            raise ValueError(f"{len(ladder)} tiers need {ladder.top} thresholds, not {len(self.thresholds)}")
        self.abstain_below = abstain_below
        self._rules = rules if model.wants_rules else None
        steps = model.steps
        named = [t.name for t in ladder.tiers[1:]] if steps == ladder.top else range(1, steps + 1)
        self._names = tuple(f"gain:{name}" for name in named)

    def classify(self, subject: Subject) -> Opinion | None:
        """The score of ``subject``; None where there is no text to go by."""
        features = subject.features
        if not features.question_words and not subject.prompt.question:
            return None
        rules = () if self._rules is None else matched_in(self._rules, subject)
        found = self.model.predict(features, subject.prompt, rules)
        score = found.score
        if features.smalltalk:
            # Whatever came before: a greeting or thanks gains nothing, and was hardly ever trained on.
            score = min(score, self.model.quantiles[0])
        signals = dict(zip(self._names, found.gains, strict=True))
        return Opinion(self.kind, score=score, confidence=round(found.confidence, 4), signals=signals)


def matched_in(rules: RulesClassifier, subject: Subject) -> tuple[str, ...]:
    """The names of the rules that bound a request, without choosing its tier."""
    opinion = rules.classify(subject)
    if opinion is None:
        return ()
    return tuple(dict.fromkeys(name for _, name in filter(None, (opinion.floor, opinion.cap))))
