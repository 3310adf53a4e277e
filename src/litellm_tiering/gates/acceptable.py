"""Whether an answer is good enough, by what answers like it turned out to be: a small trained model.

The built-in model was trained on public outcomes of five kinds (see ``data/README.md``) and knows nothing of
your traffic: it ranks answers, its probabilities are rough. Train one on your own outcomes with
``litellm-tiering train --gate``.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from litellm_tiering.core.gate import Verdict
from litellm_tiering.gates.acceptable_features import measured
from litellm_tiering.gates.acceptable_model import Model, load

if TYPE_CHECKING:
    from litellm_tiering.core.gate import Exchange

BUILT_IN = Path(__file__).with_name("data") / "acceptable.json"
"""The model that is used where no other is named."""


class AcceptableGate:
    """Rejects an answer that is probably bad: ``P(good) < min``.

    Abstains on an answer without text, such as one that only calls tools: there is nothing to measure. It
    judges whole answers only.

    Args:
        path: The model's file, as ``train --gate`` writes it; the built-in model when None.
        min: The least probability of being good that is accepted, 0 to 1.
        name: What it is called.

    Raises:
        BadModel: the file cannot be used.
    """

    judges_prefix = False

    def __init__(self, *, path: Path | str | None = None, min: float = 0.5, name: str = "acceptable") -> None:  # noqa: A002 - the key's name in the configuration
        self.name = name
        self.min = min
        self._model = built_in() if path is None else load(path)

    def judge(self, exchange: Exchange) -> Verdict:
        """Rejects with ``unlikely``."""
        p_bad = self.p_bad(exchange)
        if p_bad is None:
            return Verdict.abstain("no_text")
        if 1.0 - p_bad < self.min:
            return Verdict.reject("unlikely", p_bad=p_bad)
        return Verdict.accept(p_bad=p_bad)

    def p_bad(self, exchange: Exchange) -> float | None:
        """How likely the answer is bad, 0 to 1; None where it has no text."""
        if not exchange.answer.strip():
            return None
        return self._model.p_bad(measured(exchange), exchange.prompt.question, exchange.answer)


@lru_cache(maxsize=1)
def built_in() -> Model:
    """The built-in model, read once."""
    return load(BUILT_IN)
