"""Whether classifiers that ask models make sense: the model is there, cheap, and asked at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.classifiers.embedding_local import EXTRA, installed
from litellm_tiering.config.schema_classifiers import EmbeddingClassifier, LlmClassifier
from litellm_tiering.config.sense_shadow import always_decides
from litellm_tiering.config.words import Finding, suggestion
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_tiering.config.sense import View
    from litellm_tiering.config.words import Loc


def judge_asking(view: View, loc: Loc, index: int) -> Iterator[Finding]:
    """The classifier at ``index``, where it is one that asks a model."""
    listed = view.section.classifiers or ()
    one = listed[index]
    if not isinstance(one, (LlmClassifier, EmbeddingClassifier)):
        return
    if one.mode == "enforce" and always_decides(listed[:index]):
        yield Finding(
            loc,
            f"`{one.kind}` is asked only where those before it abstain, and the heuristic never does",
            "give the heuristic `abstain_below`, such as 0.6, or list it last.",
            warning=True,
        )
    if one.model is not None and not view.proxy.has(one.model):
        known = view.proxy.names()
        fix = suggestion(one.model, known) if known else "add it to `model_list`."
        yield Finding((*loc, "model"), f"the proxy has no model group {view.words.show(one.model)}", fix)
    if one.model is not None and view.proxy.guarded():
        yield Finding(
            (*loc, "model"),
            "sees texts before the proxy's guardrails do: those run once it is decided where a request goes",
            "have a model asked that may see them unmasked, or none.",
            warning=True,
        )
    if isinstance(one, LlmClassifier):
        yield from _judge_llm(view, loc, one)
    else:
        yield from _judge_embedding(view, loc, one)


def _judge_embedding(view: View, loc: Loc, one: EmbeddingClassifier) -> Iterator[Finding]:
    written = [key for key in ("examples", "path", "head") if getattr(one, key)]
    if len(written) != 1:
        said = (
            f"both `{written[0]}` and `{written[1]}` are written" if written else "there is nothing to go by"
        )
        yield Finding(loc, said, "write one of `examples`, `path` and `head`.")
    for name in one.examples or {}:
        yield from view.unknown_tier((*loc, "examples", name), name)
    if one.examples and sum(map(bool, one.examples.values())) < 2:  # noqa: PLR2004 - one tier alone is no choice
        yield Finding(
            (*loc, "examples"),
            "fewer than two tiers have examples",
            "list some of the cheapest and the dearest.",
        )
    if len(written) == 1 and written[0] != "examples":
        yield from _judge_file(view, (*loc, written[0]), one)
    if one.model is None and not installed():
        yield Finding(loc, "the local embedding model is not installed", f"{EXTRA}, or name a `model`.")


def _judge_file(view: View, loc: Loc, one: EmbeddingClassifier) -> Iterator[Finding]:
    tiers = view.section.tiers
    if len({t.name for t in tiers}) != len(tiers) or len(tiers) < 2:  # noqa: PLR2004 - told of elsewhere
        return
    from litellm_tiering.config.build_embedding import examples_of, head_of  # noqa: PLC0415 - only where it is configured: a proxy starts the sooner

    ladder = Ladder(Tier(t.name, t.model) for t in tiers)
    try:
        if one.head is not None:
            head_of(one, ladder, view.base)
        else:
            examples_of(one, ladder, view.base)
    except ConfigError as error:
        first = error.problems[0]
        yield Finding(loc, f"{first.file}: {first.message}" if first.file else first.message, first.fix)


def _judge_llm(view: View, loc: Loc, one: LlmClassifier) -> Iterator[Finding]:
    for name in one.tiers:
        yield from view.unknown_tier((*loc, "tiers", name), name)
    tiers = view.section.tiers
    dearest = tiers[-1].model if tiers else None
    if dearest is not None and dearest in {one.model, view.proxy.aliases.get(one.model)}:
        yield Finding(
            (*loc, "model"),
            "is the dearest tier's: asking it where a request belongs costs as much as sending it there",
            f"use a small model{'' if len(tiers) < 2 else f', such as {view.words.show(tiers[0].model)}'}.",  # noqa: PLR2004 - a ladder has two
            warning=True,
        )
