"""The rows that a router is trained on: read once, as a stream, and kept in temporary files, not in memory.

What is kept of a row are its numbers, its hashed words and how good each model's answer was: no text. A
million rows take about a gigabyte of the temporary directory, and some 200 MB of memory for what tells one
from another.

Needs numpy (extra ``train``).
"""

from __future__ import annotations

import hashlib
import tempfile
from array import array
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from litellm_tiering.classifiers.learned_features import (
    NAMES,
    buckets_of,
    clipped,
    groups_of,
    numbers_of,
    system_buckets,
    tokens_of,
)
from litellm_tiering.core.features import Surface
from litellm_tiering.evals.outcomes import body_of
from litellm_tiering.intake import read_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from litellm_tiering.core.features import PromptText, RequestFeatures
    from litellm_tiering.evals.outcomes import Outcome

    Floats = NDArray["np.float64"]
    Ints = NDArray["np.int64"]

BUCKETS = 2048
"""Into how many buckets words are hashed."""

MAX_MODELS = 16
"""Of how many models, besides those of the tiers, the qualities are kept."""

MAX_GROUPS = 64
"""How many use cases, tags and rules get a weight of their own: the most frequent ones."""

LEAST_IN_GROUP = 10
"""In how many rows a use case, a tag or a rule must occur to get one."""

_MOST_NAMES = 10_000


class Column:
    """Numbers of one type, as many for each row as it has: written to a temporary file, then mapped from it.

    Args:
        kind: The type of the numbers, as :mod:`array` calls it.
    """

    __slots__ = ("_ends", "_file", "_kind", "_map")

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._file = tempfile.TemporaryFile(prefix="tiering-train-")  # noqa: SIM115 - lives as long as this does
        self._ends = array("q", [0])
        self._map: Any = None

    def append(self, values: Iterable[float]) -> None:
        """Add a row's numbers."""
        row = array(self._kind, values)
        self._file.write(row.tobytes())
        self._ends.append(self._ends[-1] + len(row))

    def close(self) -> None:
        """No more rows come: what was written can be read."""
        self._file.flush()
        if self._ends[-1]:
            self._map = np.memmap(self._file, dtype=np.dtype(self._kind), mode="r")
        else:
            self._map = np.zeros(0, np.dtype(self._kind))
        self._file.close()  # what is mapped stays

    def __del__(self) -> None:
        self._file.close()

    @property
    def ends(self) -> Ints:
        """Where each row's numbers end, 0 in front."""
        return np.frombuffer(self._ends, np.int64)

    @property
    def flat(self) -> NDArray[Any]:
        """All rows' numbers, one after the other."""
        return self._map  # type: ignore[no-any-return]  # a memmap is an array


class Words:
    """Hashed words of every row, with how often each occurs."""

    __slots__ = ("_hits", "_times")

    def __init__(self) -> None:
        self._hits, self._times = Column("H"), Column("f")

    def append(self, hits: Counter[int]) -> None:
        """Add a row."""
        self._hits.append(hits)
        self._times.append(map(float, hits.values()))

    def close(self) -> None:
        """No more rows come."""
        self._hits.close()
        self._times.close()

    def of(self, rows: Ints) -> tuple[Ints, Ints, Floats]:
        """The words of some rows: which of the rows, which bucket, and ``1 + log`` of how often."""
        ends = self._hits.ends
        sizes = ends[rows + 1] - ends[rows]
        which = np.repeat(np.arange(len(rows)), sizes)
        at = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes) + ends[rows][which]
        times = 1.0 + np.log(self._times.flat[at].astype(float))
        return which, self._hits.flat[at].astype(np.int64), times


class Rows:
    """Training rows, without their text.

    Attributes:
        models: The models whose qualities are kept: those of the tiers, cheapest first, then others.
        count: How many rows there are.
        question: Words of the questions.
        system: Words of the system prompts.
        repeated: How many lines repeated a question that was there before, and were left out.
        contradicting: How many of those had other qualities than the first.
        languages: How many rows there are in each language.
    """

    def __init__(
        self,
        models: Sequence[str],
        rules: Callable[[RequestFeatures, PromptText], Iterable[str]] | None = None,
    ) -> None:
        self.models = list(models)
        self.count = self.repeated = self.contradicting = 0
        self.question, self.system = Words(), Words()
        self.languages: Counter[str] = Counter()
        self._tiers = len(self.models)
        self._rules = rules
        self._numbers, self._groups, self._costs = Column("f"), Column("i"), Column("f")
        self._quality = Column("f")
        self._kin = array("Q")
        self._seen: dict[int, int] = {}
        self._names: dict[str, int] = {}
        self._strata: dict[str, int] = {}
        self._stratum = array("i")
        self._baseline = array("d")

    def add(self, outcome: Outcome, baseline: float = float("nan"), kin: str = "") -> None:
        """Add one outcome, unless its question was there before.

        Args:
            outcome: The outcome.
            baseline: What the router that runs now scores it; NaN where there is none to compare with.
            kin: Names those that belong together, such as one conversation's: they stay in one fold.
        """
        features, prompt = read_request(body_of(outcome), Surface.CHAT)
        text = clipped(prompt.question)
        tokens = tokens_of(text)
        digest = _digest(outcome, prompt)
        quality = self._qualities(outcome)
        first = self._seen.setdefault(digest, hash(quality[: self._tiers]))
        if len(self._seen) == self.count:
            self.repeated += 1
            self.contradicting += first != hash(quality[: self._tiers])
            return
        self.count += 1
        self._kin.append(_eight_bytes(kin) if kin else digest)
        self._quality.append(quality)
        self._costs.append(_costs(outcome, self.models[: self._tiers]))
        self._numbers.append(numbers_of(features, text, tokens))
        self.question.append(buckets_of(tokens, BUCKETS - 1))
        self.system.append(system_buckets(prompt.system, BUCKETS - 1) if prompt.system else Counter())
        self._groups.append(self._group_ids(features, prompt))
        self._stratum.append(self._strata.setdefault(outcome.group, len(self._strata) % _MOST_NAMES))
        self._baseline.append(baseline)
        self.languages[features.language or "unknown"] += 1

    def _qualities(self, outcome: Outcome) -> tuple[float, ...]:
        """How good each known model's answer was; NaN where it has none."""
        if len(self.models) < self._tiers + MAX_MODELS:
            known = set(self.models)
            self.models += [m for m in outcome.answers if m not in known][
                : self._tiers + MAX_MODELS - len(self.models)
            ]
        nothing = float("nan")
        found = [outcome.answers[m].quality if m in outcome.answers else nothing for m in self.models]
        return tuple(found + [nothing] * (self._tiers + MAX_MODELS - len(found)))

    def _group_ids(self, features: RequestFeatures, prompt: PromptText) -> list[int]:
        names = groups_of(features)
        if self._rules is not None:
            names += [f"rule:{name}" for name in self._rules(features, prompt)]
        known = self._names
        return [
            known.setdefault(name, len(known)) for name in names if name in known or len(known) < _MOST_NAMES
        ]

    def close(self) -> None:
        """No more rows come."""
        for column in (
            self._numbers,
            self._groups,
            self._costs,
            self._quality,
            self.question,
            self.system,
        ):
            column.close()
        self._seen.clear()

    @property
    def tiers(self) -> int:
        """How many tiers the ladder has: so many columns of the qualities are its models'."""
        return self._tiers

    @property
    def numbers(self) -> NDArray[Any]:
        """The numbers of every row."""
        return self._numbers.flat.reshape(-1, len(NAMES))

    @property
    def quality(self) -> NDArray[Any]:
        """How good the answers were: a row for each question, a column for each model, NaN for none."""
        return self._quality.flat.reshape(-1, self._tiers + MAX_MODELS)

    @property
    def costs(self) -> NDArray[Any]:
        """What the tiers' answers cost, in US dollars; NaN where that is not known."""
        return self._costs.flat.reshape(-1, self._tiers)

    @property
    def baseline(self) -> Floats:
        """What another router scores each row."""
        return np.frombuffer(self._baseline, float)

    @property
    def strata(self) -> dict[str, Ints]:
        """The rows of each group that the file names."""
        which = np.frombuffer(self._stratum, np.int32)
        return {name: np.nonzero(which == i)[0] for name, i in self._strata.items()}

    def folds(self, count: int) -> Ints:
        """Which fold each row is in: by a digest, so that the same rows fall the same way in any order."""
        _, place = np.unique(np.frombuffer(self._kin, np.uint64), return_inverse=True)
        return np.asarray(place, np.int64) % count

    def groups(self) -> tuple[list[str], Callable[[Ints], Iterator[tuple[int, int]]]]:
        """The names that get a weight of their own, and a function from rows to pairs of row and name."""
        counts = np.bincount(self._groups.flat, minlength=len(self._names))
        names = sorted(self._names, key=lambda n: (-counts[self._names[n]], n))
        kept = [n for n in names if counts[self._names[n]] >= LEAST_IN_GROUP][:MAX_GROUPS]
        place = {self._names[n]: i for i, n in enumerate(kept)}
        ends, flat = self._groups.ends, self._groups.flat

        def pairs(rows: Ints) -> Iterator[tuple[int, int]]:
            for i, row in enumerate(rows.tolist()):
                for id_ in flat[ends[row] : ends[row + 1]].tolist():
                    if id_ in place:
                        yield i, place[id_]

        return kept, pairs


def _digest(outcome: Outcome, prompt: PromptText) -> int:
    """Eight bytes that tell a question from others, white space and case aside."""
    text = (
        outcome.prompt
        if outcome.messages is None
        else f"{prompt.system}\0{len(outcome.messages)}\0{outcome.prompt}"
    )
    return _eight_bytes(" ".join(text.lower().split()))


def _eight_bytes(text: str) -> int:
    plain = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(plain, digest_size=8).digest(), "little")


def _costs(outcome: Outcome, models: Sequence[str]) -> list[float]:
    nothing = float("nan")
    costs = (outcome.answers[m].cost_usd for m in models)
    return [nothing if c is None else c for c in costs]
