"""``train --gate``: an acceptability gate trained on recorded answers, judged on those it was not trained on.

The answers are parted into folds, all answers to one question in the same. What is said of the gate, its
curve from score to probability among it, comes from folds that the parts judged had not seen; the file then
holds a model of all rows. Needs numpy.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from litellm_tiering.evals import train_gate_fit as fit
from litellm_tiering.evals.metrics import auroc
from litellm_tiering.evals.provenance import digest_of
from litellm_tiering.evals.train_gate_report import Report
from litellm_tiering.evals.train_gate_rows import SLOTS, Row, Rows, read_rows
from litellm_tiering.gates.acceptable_features import NAMES, VERSION
from litellm_tiering.gates.acceptable_model import CLIP, KIND
from litellm_tiering.weights import write

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from litellm_tiering.evals.metrics import Floats

FOLDS = 5
FEW = 200
"""With fewer rows than this there is a warning."""

LEAST = 30
"""With fewer rows, or fewer than a sixth of them of either kind, nothing is trained."""

LEAST_OF_A_KIND = 5
OTHERS_WEIGHT = 0.5
_CURVE = (50, 100, 200, 500, 1_000, 2_000, 5_000)
_DOUBTS = 400
_LENGTH = NAMES.index("a_chars")
_LEVELS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(slots=True)
class Parts:
    """A fitted model before its curve: what :meth:`score` adds up."""

    mean: Floats
    scale: Floats
    linear: Floats
    trees: fit.Trees
    words: list[Floats]

    def score(self, table: Table) -> Floats:
        """The score of each row."""
        z = np.clip((table.x - self.mean) / self.scale, -CLIP, CLIP)
        total = z @ self.linear + fit.ask_trees(self.trees, table.x)
        for part, weights in zip(table.words, self.words, strict=True):
            total = total + part.times(weights)
        return np.asarray(total)


class Table:
    """Rows as arrays."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.x = np.array([row.values for row in rows], dtype=float).reshape(len(rows), len(NAMES))
        self.bad = np.array([row.bad for row in rows], dtype=float)
        self.model = np.array([row.model for row in rows], dtype=int)
        self.question = np.array([row.together for row in rows], dtype=np.uint64)
        self.words = [
            fit.Words([row.prompt_slots for row in rows], SLOTS),
            fit.Words([row.answer_slots for row in rows], SLOTS),
        ]

    def part(self, chosen: Floats) -> Table:
        """Some of the rows."""
        return Table([row for row, wanted in zip(self.rows, chosen, strict=True) if wanted])


def run(options: argparse.Namespace, progress: Callable[[int], None] = lambda _: None) -> Report:
    """Train a gate as the command line asks, and write its file.

    Args:
        options: The command line's.
        progress: Told how many lines were read, now and then.

    Raises:
        OutcomeError: the outcomes cannot be trained on.
        BadModel: the file cannot be written.
    """
    seed = getattr(options, "seed", None) or 0
    fold_by = getattr(options, "fold_by", None) or ""
    rows = read_rows(
        options.outcomes, options.weak, options.strong, seed=seed, fold_by=fold_by, progress=progress
    )
    return train(
        rows,
        options.out,
        source={"file": Path(options.outcomes).name, "sha256": digest_of(options.outcomes)},
        force=bool(getattr(options, "force", False)),
        curve=not getattr(options, "no_curve", False),
        seed=seed,
    )


def train(  # noqa: PLR0913 - all by name but the first two
    rows: Rows,
    out: str,
    *,
    source: Mapping[str, Any] | None = None,
    force: bool = False,
    curve: bool = True,
    seed: int = 0,
) -> Report:
    """Fit, judge on held-out folds, and write the model unless it is no better than the answer's length.

    Args:
        rows: What to train on.
        out: The file to write.
        source: What the file says that it was trained on.
        force: Whether to write it all the same.
        curve: Whether to find the learning curve too.
        seed: Of the folds and of what is drawn.

    Raises:
        BadModel: the file cannot be written.
    """
    own, others = Table(rows.own), Table(rows.others)
    folds = folds_of(own.question, seed)
    held_out = cross_score(own, others, folds, seed)
    report = _judge(own, held_out, seed)
    report.others = len(others.rows)
    report.notes = remarks(rows)
    report.curve = learning_curve(own, folds, seed) if curve else []
    slope, offset = fit.fit_curve(held_out, own.bad)
    p_bad = fit.logistic(slope * held_out + offset)
    report.levels, report.calibration = _levels(p_bad, own.bad), _calibration(p_bad, own.bad)
    enough = len(own.rows) >= LEAST and min(own.bad.sum(), (1 - own.bad).sum()) >= LEAST_OF_A_KIND
    if not enough:
        report.notes.append(
            f"fewer than {LEAST} answers, or than {LEAST_OF_A_KIND} good or bad ones: too few to train on"
        )
    better = enough and slope > 0 and report.gain[0] > 0
    if not better:
        report.notes.append(
            "on answers that it was not trained on it is no better than the answer's length"
            + ("" if force else "; nothing was written (--force writes it all the same)")
        )
    if better or force:
        parts = fit_parts(own, others, seed)
        known = {"model": rows.models[0], "rows": report.rows, **(source or {})}
        save(out, parts, slope, offset, _figures(report), sources=[known])
        report.written = True
    return report


def _figures(report: Report) -> dict[str, Any]:
    """What the model's file says of its training."""
    found = asdict(report)
    return {key: found[key] for key in ("rows", "bad", "others", "auroc", "interval", "length", "gain")}


def folds_of(question: NDArray[np.uint64], seed: int, count: int = FOLDS) -> Floats:
    """The fold of each row: by lot, but the same for all rows of one question."""
    known = np.unique(question)
    lots = np.random.default_rng(seed).permutation(len(known)) % count
    return np.asarray(lots[np.searchsorted(known, question)])


def fit_parts(own: Table, others: Table, seed: int = 0) -> Parts:
    """All parts, fitted to the rows; other models' count half, each from its own share of bad answers."""
    use = others if len(others.rows) else None
    x = own.x if use is None else np.r_[own.x, others.x]
    bad = own.bad if use is None else np.r_[own.bad, others.bad]
    weight = (
        np.ones(len(own.rows))
        if use is None
        else np.r_[np.ones(len(own.rows)), np.full(len(others.rows), OTHERS_WEIGHT)]
    )
    offset = _offsets(own) if use is None else np.r_[_offsets(own), _offsets(others)]
    mean, scale = own.x.mean(0), own.x.std(0)
    scale[scale < 1e-6] = 1.0  # noqa: PLR2004 - a feature that never changes
    mean, scale = (np.float32(part).astype(float) for part in (mean, scale))
    z = np.clip((x - mean) / scale, -CLIP, CLIP)
    linear = fit.fit_linear(np.c_[z, np.ones(len(z))], bad, offset, weight)[:-1]
    trees = fit.grow(x, bad, offset, weight, seed=seed)
    words = fit.fit_words(own.words, own.bad - own.bad.mean(), np.ones(len(own.rows)))
    return Parts(mean, scale, linear, trees, words)


def _offsets(table: Table) -> Floats:
    """For each row the log-odds of a bad answer of its model."""
    found = np.zeros(len(table.rows))
    for model in np.unique(table.model):
        chosen = table.model == model
        found[chosen] = fit.log_odds(float(table.bad[chosen].mean()))
    return found


def cross_score(own: Table, others: Table, folds: Floats, seed: int = 0) -> Floats:
    """The score of each row by parts fitted without any row of its fold, other models' answers included."""
    fold_by_question = dict(zip(own.question.tolist(), folds.tolist(), strict=True))
    theirs = np.array([fold_by_question.get(q, -1) for q in others.question.tolist()], dtype=int)
    found = np.zeros(len(own.rows))
    for fold in np.unique(folds):
        inside = folds == fold
        parts = fit_parts(own.part(~inside), others.part(theirs != fold), seed)
        found[inside] = parts.score(own.part(inside))
    return found


def learning_curve(own: Table, folds: Floats, seed: int = 0) -> list[tuple[int, float]]:
    """The AUROC on held-out rows by how many rows are trained on, without other models' answers."""
    nobody = Table([])
    lots = np.random.default_rng(seed + 1).permutation(len(own.rows))
    found = []
    for size in (s for s in _CURVE if s <= 0.75 * len(own.rows)):
        score = np.full(len(own.rows), np.nan)
        for fold in np.unique(folds):
            inside = folds == fold
            chosen = np.zeros(len(own.rows), dtype=bool)
            chosen[[i for i in lots if not inside[i]][:size]] = True
            if own.bad[chosen].min() < own.bad[chosen].max():
                score[inside] = fit_parts(own.part(chosen), nobody, seed).score(own.part(inside))
        if np.isfinite(score).all():
            found.append((size, float(auroc(score, own.bad > 0))))
    return found


def _judge(own: Table, score: Floats, seed: int) -> Report:
    """How well the score ranks, beside the answer's length, with paired bootstrap intervals."""
    bad = own.bad > 0
    length = own.x[:, _LENGTH]
    sign = 1.0 if auroc(length, bad) >= 0.5 else -1.0  # noqa: PLR2004 - chance
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(_DOUBTS):
        i = rng.integers(0, len(bad), len(bad))
        if bad[i].any() and not bad[i].all():
            drawn.append((auroc(score[i], bad[i]), auroc(sign * length[i], bad[i])))
    pairs = np.array(drawn)
    low, high = np.percentile(pairs[:, 0], (2.5, 97.5))
    least, most = np.percentile(pairs[:, 0] - pairs[:, 1], (2.5, 97.5))
    mine, theirs = float(auroc(score, bad)), float(auroc(sign * length, bad))
    return Report(
        rows=len(bad),
        bad=float(bad.mean()),
        others=0,
        auroc=mine,
        interval=(float(low), float(high)),
        length=theirs,
        gain=(mine - theirs, float(least), float(most)),
    )


def _levels(p_bad: Floats, bad: Floats) -> list[dict[str, float]]:
    found = []
    for least in _LEVELS:
        up = 1 - p_bad < least
        found.append(
            {
                "min": least,
                "escalated": float(up.mean()),
                "bad_caught": float(up[bad > 0].mean()),
                "good_escalated": float(up[bad == 0].mean()),
                "quality_served": float(1 - bad[~up].mean()) if not up.all() else 1.0,
            }
        )
    return found


def _calibration(p_bad: Floats, bad: Floats) -> list[tuple[float, float]]:
    parts = np.array_split(np.argsort(p_bad, kind="stable"), min(10, len(bad)))
    return [(float(p_bad[part].mean()), float(bad[part].mean())) for part in parts]


def remarks(rows: Rows) -> list[str]:
    """What a person should know of the rows."""
    found = rows.report.remarks()
    if rows.textless:
        found.append(f"{rows.textless:,} answers have no text and were left out")
    if rows.repeated:
        found.append(f"{rows.repeated:,} answers were given before, word for word, and count once")
    if rows.contradictory:
        found.append(
            f"{rows.contradictory:,} answers are called good in one line and bad in another: left out"
        )
    if rows.seen > len(rows.own) + rows.contradictory:
        found.append(f"{len(rows.own):,} of {rows.seen:,} answers were drawn by lot")
    if len(rows.own) < FEW:
        found.append(f"{len(rows.own)} answers are few: with {FEW} or more the figures mean something")
    return found


def save(  # noqa: PLR0913 - what a model's file says
    out: str, parts: Parts, slope: float, offset: float, figures: dict[str, Any], *, sources: Sequence[Any]
) -> None:
    """Write a model's file.

    Raises:
        BadModel: it cannot be written.
    """
    header = {
        "features": VERSION,
        "names": list(NAMES),
        "slope": slope,
        "offset": offset,
        "sources": list(sources),
        "figures": figures,
    }
    arrays: dict[str, Sequence[float]] = {
        "mean": parts.mean.tolist(),
        "scale": parts.scale.tolist(),
        "linear": parts.linear.tolist(),
        "tree_feature": parts.trees.feature,
        "tree_value": parts.trees.value,
        "tree_left": parts.trees.left,
        "tree_root": parts.trees.root,
        "prompt_words": parts.words[0].tolist(),
        "answer_words": parts.words[1].tolist(),
    }
    write(out, KIND, header, arrays)
