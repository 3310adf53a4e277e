"""Whether an experiment makes sense: arms that can be told apart, shares that fit, and sound policies."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from litellm_tiering.config.arms import ARMS, KEYS, placed, policies
from litellm_tiering.config.sense import twice
from litellm_tiering.config.words import Finding, path
from litellm_tiering.core.experiment import BASE, Arm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from litellm_tiering.config.schema_experiment import ArmSection
    from litellm_tiering.config.sense import View
    from litellm_tiering.config.words import Loc

    Judge = Callable[[View], Iterator[Finding]]

MOST_ARMS = 4
"""How many policies are compared at most: each more takes callers, and certainty, from all."""

_WHOLE = Arm(BASE, 1.0).parts


def judge_experiment(view: View) -> Iterator[Finding]:
    """The arms beside one another; the policy of each is judged by :func:`judge_arms`."""
    arms = view.section.experiment.arms
    if not arms:
        return
    if len(arms) > MOST_ARMS:
        yield Finding(
            ARMS, f"lists {len(arms)} arms: at most {MOST_ARMS} are compared", "leave some for later."
        )
    yield from twice((((*ARMS, i, "name"), a.name) for i, a in enumerate(arms)), "an arm", view.words)
    for i, arm in enumerate(arms):
        if arm.name == BASE:
            yield Finding(
                (*ARMS, i, "name"),
                f"{BASE!r} is what the policy of all other callers is called",
                "give it another name.",
            )
    shares = sum(Arm(a.name, a.share).parts for a in arms)
    if shares > _WHOLE:
        yield Finding(
            ARMS,
            f"the shares sum up to {shares / _WHOLE:g}, and there are no more callers than 1",
            "lower some.",
        )
    elif len(arms) == 1 and shares == _WHOLE and view.whole(ARMS):
        yield Finding(
            (*ARMS, 0, "share"),
            "is all callers: there is nobody to compare with",
            "lower it; the rest follow the policy as it is.",
        )
    yield from _nothing_to_learn(view, arms)


def _nothing_to_learn(view: View, arms: Sequence[ArmSection]) -> Iterator[Finding]:
    section = view.section
    same = all(getattr(arm, key) is None for arm in arms for key in KEYS)
    if same and view.whole(ARMS):
        yield Finding(
            ARMS,
            "all arms follow the same policy: none says anything of its own",
            f"give one of them {', '.join(f'`{key}`' for key in KEYS[:-1])} or `{KEYS[-1]}`.",
            warning=True,
        )
    if section.mode != "enforce":
        yield Finding(
            ARMS,
            f"nobody is in an arm under `mode: {section.mode}`: nothing takes effect",
            "write `mode: enforce`, or leave the arms out for now.",
            warning=True,
        )
    if not section.store.decisions:
        yield Finding(
            ARMS,
            "cannot be compared: `store.decisions` is 0, and the report is made of kept decisions",
            "keep enough for as long as the experiment runs.",
            warning=True,
        )


def judge_arms(view: View, judges: Sequence[Judge], known: Iterable[Finding]) -> Iterator[Finding]:
    """What judges say of each arm's policy, beyond what is ``known`` of the policy for all.

    Each finding stands where the arm writes what it is about, else at the arm.
    """
    told = {(f.loc, f.message) for f in known}
    for index, (arm, config) in enumerate(policies(view.section)):
        own = view._replace(section=config, whole=_whole(view, arm, index))
        for found in (f for judge in judges for f in judge(own)):
            loc = placed(arm, index, found.loc)
            if loc is not None:
                yield replace(found, loc=loc)
            elif (found.loc, found.message) not in told:
                said = f"with this arm, {path(found.loc)} {found.message}"
                yield replace(found, loc=(*ARMS, index), message=said)


def _whole(view: View, arm: ArmSection, index: int) -> Callable[[Loc], bool]:
    def whole(loc: Loc) -> bool:
        own = placed(arm, index, loc)
        return view.whole(loc if own is None else own)

    return whole
