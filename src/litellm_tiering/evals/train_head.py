"""``train --embedding``: a head that tells the gain of a stronger model from a question's vector.

One ridge regression of the gain (the dearest tier's quality minus the cheapest's) on the vector, its strength
chosen by leave-one-out error, is weighed against the logarithm of the question's words, of which something is
believed before any row is seen. All of it is linear, so that what is written is one weight for each number.
Needs numpy, and the local model or vectors of one of the proxy's.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from litellm_tiering.classifiers.embedding import edges
from litellm_tiering.classifiers.embedding_local import EXTRA, encoder
from litellm_tiering.classifiers.embedding_space import log_words
from litellm_tiering.core.features import Surface
from litellm_tiering.errors import TieringError
from litellm_tiering.evals.metrics import Pair, Ranking, interval, resamples
from litellm_tiering.evals.outcomes import OutcomeReport, body_of, read_outcomes
from litellm_tiering.intake import read_request
from litellm_tiering.weights import write

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from litellm_tiering.evals.metrics import Floats

    Ints = NDArray[np.integer]
    Encode = Callable[[Sequence[str]], Sequence[Sequence[float]]]

KIND = "head"
"""What :mod:`litellm_tiering.weights` calls it."""

LOCAL = "local"
STRENGTHS = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
"""How strongly the weights are held down: the choices."""

WORDS_FIRST = 0.08
"""The correlation of words with the gain that is believed in before any row is seen."""

VECTOR_FIRST, HALF_BELIEVED = 0.05, 500.0
"""The same for the regression once there are many rows, and of how many rows it is believed half of that."""

PRIOR_ROWS = 400.0
"""How many rows these beliefs count for."""

FOLDS = 5
LEAST = 30
MOST_ROWS = 200_000
"""So many rows are kept: the vectors of more would not fit into memory."""

BOOTSTRAPS = 300
_BATCH = 64
_TINY = 1e-9


class CannotTrain(TieringError):
    """The outcomes, or what is installed, do not do for training a head."""


@dataclass(frozen=True, slots=True)
class HeadReport:
    """What training came to.

    Attributes:
        rows: How many questions were learned from.
        apgr: The APGR of the head on questions held out, 0.5 for chance, and its 95 % interval.
        words: The APGR of the number of words.
        gain: By how much the head is above that, on the same samples, and the interval of it.
        written: Whether the file was written.
        note: What a person should know.
    """

    rows: int
    apgr: tuple[float, float, float]
    words: float
    gain: tuple[float, float, float]
    written: bool = False
    note: str = ""


@dataclass(slots=True)
class Table:
    """Questions as arrays: their vectors, log words, the qualities of the two models, and a digest each."""

    vectors: Floats
    words: Floats
    weak: Floats
    strong: Floats
    digests: Floats

    def __len__(self) -> int:
        return len(self.words)


def run(options: argparse.Namespace, progress: Callable[[int], None] | None = None) -> HeadReport:
    """Train a head as the command line asks, and write its file.

    Args:
        options: The command line's.
        progress: Told how many questions have a vector, now and then.

    Raises:
        CannotTrain: the local model is not installed, or there is too little to learn from.
        OutcomeError: the outcomes cannot be read.
        BadModel: the file cannot be written.
    """
    try:
        encode = encoder().embed
    except ImportError:
        raise CannotTrain(f"the local embedding model is not installed: {EXTRA}") from None
    table = read(options.outcomes, options.weak, options.strong, encode, progress)
    source = f"{options.outcomes}: {options.weak} and {options.strong}"
    return train(table, options.out, source, force=bool(getattr(options, "force", False)))


def read(
    name: str, weak: str, strong: str, encode: Encode, told: Callable[[int], None] | None = None
) -> Table:
    """The questions of an outcome file, each once, with their vectors.

    Raises:
        OutcomeError: the file cannot be read.
        CannotTrain: too few questions have both models' answers.
    """
    seen: set[int] = set()
    texts: list[str] = []
    digests: list[int] = []
    words: list[float] = []
    qualities: list[tuple[float, float]] = []
    vectors: list[Floats] = []

    def embedded() -> None:
        if texts:
            vectors.append(np.asarray(encode(texts), np.float32))
            texts.clear()
        if told is not None:
            told(len(words))

    for outcome in read_outcomes(name, [weak, strong], report=OutcomeReport()):
        features, prompt = read_request(body_of(outcome), Surface.CHAT)
        plain = " ".join(prompt.question.lower().split()).encode("utf-8", "surrogatepass")
        digest = int.from_bytes(hashlib.blake2b(plain, digest_size=6).digest(), "big")
        if digest in seen or len(words) >= MOST_ROWS:
            continue
        seen.add(digest)
        digests.append(digest)
        texts.append(edges(prompt.question))
        words.append(log_words(features.question_words))
        qualities.append((outcome.answers[weak].quality, outcome.answers[strong].quality))
        if len(texts) >= _BATCH:
            embedded()
    embedded()
    if len(words) < LEAST:
        raise CannotTrain(f"{len(words)} questions have answers of both models: at least {LEAST} are needed")
    quality = np.array(qualities, float)
    order = np.array(digests, float)
    return Table(np.concatenate(vectors), np.array(words), quality[:, 0], quality[:, 1], order)


def train(table: Table, out: str, source: str, *, force: bool = False) -> HeadReport:
    """Judge a head on held-out questions, and write one of all of them unless words alone are as good.

    Raises:
        CannotTrain: both models are equally good at every question.
        BadModel: the file cannot be written.
    """
    pair = Pair(table.weak, table.strong)
    if abs(float((table.strong - table.weak).mean())) < _TINY:
        raise CannotTrain("both models are equally good on the whole: there is no gain to learn")
    held = held_out(table)
    mine, plain = Ranking(held), Ranking(table.words)
    drawn = list(resamples(len(pair), BOOTSTRAPS))
    mine_of = [mine.figures(pair, w)["APGR"] for w in drawn]
    above = [a - plain.figures(pair, w)["APGR"] for a, w in zip(mine_of, drawn, strict=True)]
    apgr, words = mine.figures(pair)["APGR"], plain.figures(pair)["APGR"]
    better = apgr > words
    note = "" if better else "on questions that it was not trained on it is no better than counting words"
    if not better and not force:
        note += "; nothing was written (--force writes it all the same)"
    report = HeadReport(
        len(table), (apgr, *interval(mine_of)), words, (apgr - words, *interval(above)), better or force, note
    )
    if report.written:
        figures = {"rows": len(table), "apgr": report.apgr, "words": words}
        header = {"embedder": LOCAL, "sources": [source], "figures": figures}
        write(out, KIND, header, {"weights": fit(table).tolist(), "thresholds": [float(np.median(held))]})
    return report


def held_out(table: Table) -> Floats:
    """The gain of each question as a head of the other folds has it."""
    order = np.argsort(table.digests, kind="stable")
    fold = np.empty(len(table), int)
    fold[order] = np.arange(len(table)) % FOLDS
    found = np.zeros(len(table))
    gain = table.strong - table.weak
    for k in range(FOLDS):
        rest, test = np.nonzero(fold != k)[0], np.nonzero(fold == k)[0]
        weights = fit(table, rest)
        # A fold's own mean is missing from the others': left in, it would put good folds last.
        found[test] = columns(table, test) @ weights - gain[rest].mean()
    return found


def columns(table: Table, which: Ints | slice = slice(None)) -> Floats:
    """What a head's weights are for: the vector, of length one, the log words, and 1."""
    vectors = table.vectors[which].astype(float)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.maximum(norms, _TINY)
    return np.column_stack([unit, table.words[which], np.ones(len(unit))])


def fit(table: Table, which: Ints | slice = slice(None)) -> Floats:
    """The weights of a head of some of the questions."""
    matrix = columns(table, which)[:, :-1]
    gain = (table.strong - table.weak)[which]
    middle, spread = float(gain.mean()), float(gain.std())
    center = matrix.mean(0)
    deviations = matrix - center
    if spread < _TINY:
        return np.append(np.zeros(matrix.shape[1]), middle)
    target = (gain - middle) / spread
    weights, left_out = _ridge(deviations[:, :-1], target)
    parts = np.column_stack([deviations[:, -1], left_out])
    lengths = np.maximum(parts.std(0), _TINY)
    mix = _mixed(parts / lengths, target) / lengths * spread
    found = np.append(mix[1] * weights, mix[0])
    return np.append(found, middle - float(center @ found))


def _ridge(matrix: Floats, target: Floats) -> tuple[Floats, Floats]:
    """The ridge regression of the least leave-one-out error, and its leave-one-out predictions."""
    # One decomposition serves every strength; leave-one-out in closed form: Allen 1974.
    u, s, vt = np.linalg.svd(matrix * np.sqrt(matrix.shape[1]), full_matrices=False)
    pull = u.T @ target
    best, least = None, np.inf
    for strength in STRENGTHS:
        shrunk = s**2 / (s**2 + strength)
        leverage = (u**2) @ shrunk
        errors = (target - u @ (shrunk * pull)) / np.maximum(1 - leverage, _TINY)
        if (square := float((errors**2).mean())) < least:
            weights = vt.T @ (s / (s**2 + strength) * pull) * np.sqrt(matrix.shape[1])
            best, least = (weights, target - errors), square
    if best is None:
        raise CannotTrain("the vectors are not finite numbers")
    return best


def _mixed(parts: Floats, target: Floats) -> Floats:
    """How much words and regression count: not negative, the prior counting as PRIOR_ROWS rows."""
    gram = parts.T @ parts + PRIOR_ROWS * np.eye(2)
    believed = VECTOR_FIRST * len(target) / (len(target) + HALF_BELIEVED)
    pull = parts.T @ target + PRIOR_ROWS * np.array([WORDS_FIRST, believed])
    both = np.linalg.solve(gram, pull)
    if (both >= 0).all():
        return both
    alone = np.maximum(pull / np.diag(gram), 0.0)
    return np.where(both < 0, 0.0, alone)


def tell(report: HeadReport, out: str) -> str:
    """The report for people."""
    apgr, gain = report.apgr, report.gain
    by = f"{gain[0]:+.3f} ({gain[1]:+.3f} to {gain[2]:+.3f})"
    lines = [
        f"{report.rows:,} questions; on those held out: APGR {apgr[0]:.3f} ({apgr[1]:.3f} to {apgr[2]:.3f})",
        f"counting words: {report.words:.3f}, from which the head differs by {by}",
    ]
    lines += [report.note] if report.note else []
    lines += [f"written: {out}"] if report.written else []
    return "\n".join(lines)
