"""Whether classifiers that are the owner's own function, or LiteLLM's scorer, make sense."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.classifiers.callback import load_target
from litellm_tiering.classifiers.litellm_score import BOUNDARIES
from litellm_tiering.config.schema_classifiers import CallbackClassifier, LitellmClassifier
from litellm_tiering.config.words import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from litellm_tiering.config.sense import View
    from litellm_tiering.config.words import Loc

_LONGEST_REASON = 300


def judge_owncode(view: View, loc: Loc, index: int) -> Iterator[Finding]:
    """The classifier at ``index``, where it is one of these."""
    listed = view.section.classifiers or ()
    one, names = listed[index], view.names or ()
    if isinstance(one, CallbackClassifier):
        yield from judge_target(view, (*loc, "target"), one.target, load_target)
        others = [c for c in listed[:index] if isinstance(c, CallbackClassifier)]
        if any((c.name or c.target) == (one.name or one.target) for c in others):
            yield Finding(
                (*loc, "name"),
                f"a second classifier {view.words.show(one.name or one.target)}",
                "keep one of them, or give each a `name`.",
            )
    elif isinstance(one, LitellmClassifier) and not one.thresholds and len(names) > len(BOUNDARIES) + 1:
        yield Finding(
            loc,
            f"LiteLLM's scorer tells {len(BOUNDARIES) + 1} tiers apart, and the ladder has {len(names)}",
            "write `thresholds`.",
        )


def judge_target(view: View, loc: Loc, target: str, load: Callable[[str], object]) -> Iterator[Finding]:
    """What is wrong with the name of a function, which ``load`` raises a ValueError for."""
    try:
        load(target)
    except ValueError as error:
        shown = view.words.show(target)
        # What came from the environment is not repeated, nor is any part of it.
        told = str(error)[:_LONGEST_REASON] if shown.strip("'\"") in target else f"{shown} names no function"
        yield Finding(
            loc,
            told,
            "write `package.module:function`; the directory the proxy is started in is on its Python path.",
        )
