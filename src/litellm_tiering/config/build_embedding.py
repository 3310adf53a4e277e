"""From an ``embedding`` section to the classifier: its examples or head read, its model loaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from litellm_tiering import weights
from litellm_tiering.classifiers.chain import check_thresholds
from litellm_tiering.classifiers.embedding import EmbeddingClassifier, Looks, edges
from litellm_tiering.classifiers.embedding_local import EXTRA, encoder
from litellm_tiering.classifiers.embedding_space import Examples, Head
from litellm_tiering.config.source import read
from litellm_tiering.errors import BadModel, ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litellm_tiering.classifiers.embedding_local import LocalEncoder
    from litellm_tiering.config.build_gates import OnFault
    from litellm_tiering.config.schema_classifiers import EmbeddingClassifier as Section
    from litellm_tiering.core.ladder import Ladder

LOCAL = "local"
"""What a head's file calls the local model."""

MOST_EXAMPLES = 300
_PLACE = "tiering.classifiers (embedding)"


def embedding_of(one: Section, ladder: Ladder, base: Path, on_fault: OnFault) -> EmbeddingClassifier:
    """The classifier.

    Raises:
        ConfigError: its examples or head cannot be used, or the local model is not installed.
    """
    local = None if one.model is not None else _encoder()
    thresholds = None if not one.thresholds else tuple(one.thresholds[t.name] for t in ladder.tiers[1:])
    if one.head is not None:
        looks, trained = head_of(one, ladder, base)
        thresholds = thresholds or trained
    else:
        looks = _examples(one, examples_of(one, ladder, base), local)
    return EmbeddingClassifier(
        ladder,
        looks,
        local=local,
        model=one.model or "",
        thresholds=thresholds,
        abstain_below=one.abstain_below,
        timeout_s=one.timeout_ms / 1000,
        on_fault=on_fault,
    )


def _encoder() -> LocalEncoder:
    try:
        return encoder()
    except ImportError:
        raise _wrong("the local embedding model is not installed", f"{EXTRA}, or name a `model`.") from None


def _wrong(message: str, fix: str, file: str = "") -> ConfigError:
    return ConfigError([Problem(_PLACE, message, fix, file)])


def _examples(one: Section, texts: Sequence[Sequence[str]], local: LocalEncoder | None) -> Looks:
    reader = None
    if local is not None:
        vectors = iter(local.embed([edges(text) for tier in texts for text in tier]))
        by_tier = [[next(vectors) for _ in tier] for tier in texts]
        reader = Examples(by_tier, neighbours=one.neighbours, bias=one.bias)
    return Looks(reader, texts, one.neighbours, one.bias, one.min_similarity)


def head_of(one: Section, ladder: Ladder, base: Path) -> tuple[Looks, tuple[float, ...]]:
    """How a trained head reads vectors, and the thresholds of its file.

    Raises:
        ConfigError: its file cannot be used, or does not fit the section.
    """
    path = base / Path(one.head or "").expanduser()
    made_for = one.model or LOCAL
    try:
        stored = weights.read(path, "head")
        if (theirs := stored.text("embedder")) != made_for:
            stored.refuse(f"it was trained on vectors of {theirs!r}, not {made_for!r}", "train it on these.")
        reader, thresholds = Head(stored.array("weights")), tuple(stored.array("thresholds"))
        if not one.thresholds:
            check_thresholds(thresholds, ladder)
    except BadModel as error:
        raise _wrong(error.message, error.fix, error.file) from None
    except ValueError as error:
        fix = "write `thresholds`, one for each tier but the cheapest, or train it for this ladder."
        raise _wrong(f"does not fit the ladder: {error}", fix, str(path)) from None
    return Looks(reader), thresholds


def examples_of(one: Section, ladder: Ladder, base: Path) -> list[list[str]]:
    """The examples of each tier, cheapest first, from the section or its file.

    Raises:
        ConfigError: they cannot be used.
    """
    file = ""
    listed: Mapping[str, object] = one.examples or {}
    if one.path is not None:
        path = base / Path(one.path).expanduser()
        data, file = read(path).data, str(path)
        if not isinstance(data, dict):
            raise _wrong("the file of examples is no mapping", "write a list of prompts for each tier.", file)
        listed = data
    unknown = [str(name)[:64] for name in listed if ladder.find(str(name)) is None]
    if unknown:
        raise _wrong(
            f"no tier is called {unknown[0]!r}", f"use {', '.join(t.name for t in ladder.tiers)}.", file
        )
    found = [_texts(listed.get(tier.name), file) for tier in ladder.tiers]
    if sum(map(bool, found)) < 2:  # noqa: PLR2004 - one tier alone is no choice
        raise _wrong(
            "fewer than two tiers have examples", "list some for the cheapest and the dearest.", file
        )
    if sum(map(len, found)) > MOST_EXAMPLES:
        raise _wrong(
            f"there are more than {MOST_EXAMPLES} examples", "keep the most typical, or train a head.", file
        )
    return found


def _texts(listed: object, file: str) -> list[str]:
    if listed is None:
        return []
    texts = list(listed) if isinstance(listed, (list, tuple)) else [None]
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise _wrong("a tier's examples are no list of prompts", "write one prompt on each line.", file)
    return [str(text) for text in texts]
