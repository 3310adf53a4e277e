"""Honest scores for questions that a learned classifier was trained on: what it learns of the others.

On the rows that it was trained on, a model ranks better than on any others, and thresholds chosen by those
scores promise too much. So it is trained again without each fifth of them, and every question is scored by
the training that has not seen it; the scores are calibrated as those of the model itself are (cross-fitting).

Needs numpy (extra ``train``).
"""

from __future__ import annotations

import datetime as dt
from array import array
from typing import TYPE_CHECKING, Any

import numpy as np

from litellm_tiering.classifiers.learned import matched_in
from litellm_tiering.classifiers.learned_model import TILT, RouterModel
from litellm_tiering.config.build_chain import rules_in
from litellm_tiering.core.classification import Subject
from litellm_tiering.core.features import Caller
from litellm_tiering.evals.train_cv import held_out
from litellm_tiering.evals.train_router import calibration
from litellm_tiering.evals.train_rows import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt

    from litellm_tiering.config.build import Settings
    from litellm_tiering.core.features import PromptText, RequestFeatures
    from litellm_tiering.evals.outcomes import Outcome

    Floats = npt.NDArray[np.float64]

_ANY_TIME = dt.datetime(2000, 1, 1, tzinfo=dt.timezone.utc)  # recorded questions have no hour


class Relearning:
    """Collects the questions of a training again, and scores them.

    Args:
        model: The model that was trained on them.
        settings: The configuration that has it.
    """

    def __init__(self, model: RouterModel, settings: Settings) -> None:
        self._model = model
        self._models: Sequence[str] = tuple(model.header["models"])
        self._rows = Rows(self._models, _matching(settings))
        self._ladder = len(settings.ladder)
        self._first: dict[str, int] = {}
        self._places: Any = array("q")

    def add(self, outcome: Outcome) -> None:
        """Add one question.

        Raises:
            ValueError: it lacks an answer of a model that was trained on.
        """
        for model in self._models:
            if model not in outcome.answers:
                raise ValueError(f"there is no usable answer of {model}, which the classifier was trained on")
        text = repr(outcome.prompt if outcome.messages is None else outcome.messages)
        before = self._rows.count
        self._rows.add(outcome)
        # A question that was there before is not added; one that differs by white space alone is not found.
        place = (
            self._first.setdefault(text, before) if self._rows.count > before else self._first.get(text, -1)
        )
        self._places.append(place)

    def scores(self, told: Callable[[str], None] | None = None) -> Floats:
        """The score of every question added, in their order; not a number where there is none."""
        rows = self._rows
        rows.close()
        raw = held_out(rows, told=told)
        steps = rows.tiers - 1
        gains = np.diff(rows.quality[:, : rows.tiers].astype(float), axis=1)
        found = np.zeros(rows.count + 1)
        for k in range(steps):
            xs, ys = np.array(calibration(raw[:, k], gains[:, k])).T
            found[:-1] += (np.interp(raw[:, k], xs, ys) + TILT * (raw[:, k] - xs[0])) / steps
        found[-1] = np.nan  # where a place is -1
        return np.asarray(found[np.asarray(self._places)])

    def thresholds(self) -> tuple[float, ...]:
        """The model's own thresholds, for the configuration's ladder."""
        return self._model.thresholds_for(self._ladder)


def _matching(settings: Settings) -> Callable[[RequestFeatures, PromptText], Iterable[str]] | None:
    """A function from a request to the names of the rules that bound it; None without rules."""
    rules = rules_in(settings.config.classifiers or (), settings.ladder)
    if rules is None:
        return None

    def matching(features: RequestFeatures, prompt: PromptText) -> Iterable[str]:
        return matched_in(rules, Subject(features, Caller(), prompt, _ANY_TIME))

    return matching
