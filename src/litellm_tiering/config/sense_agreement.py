"""Whether an ``agreement`` gate can do its work: whom it asks, at which tiers, and how many must agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.config.build_gates import every_gate
from litellm_tiering.config.schema_gates import AgreementGate, CascadeSection
from litellm_tiering.config.words import Finding, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_tiering.config.sense import View
    from litellm_tiering.config.words import Loc

GATES: Loc = ("tiering", "cascade", "gates")


def placed(cascade: CascadeSection | bool | None) -> list[tuple[Loc, AgreementGate]]:
    """Every agreement gate of a section, each with its place."""
    if not isinstance(cascade, CascadeSection):
        return []
    every = every_gate(cascade.gates or (), GATES)
    return [(loc, gate) for loc, gate in every if isinstance(gate, AgreementGate)]


def tiers_of(gate: AgreementGate, names: tuple[str, ...]) -> tuple[str, ...]:
    """The tiers at which a gate has requests asked twice."""
    if gate.at is None:
        return names[:1]
    return gate.at if isinstance(gate.at, tuple) else (gate.at,)


def judge_agreement(view: View) -> Iterator[Finding]:
    """The agreement gates of the section: one at most, and a sensible one."""
    found = placed(view.section.cascade)
    for loc, gate in found:
        yield from _judge_peers(view, loc, gate)
        yield from _judge_tiers(view, loc, gate)
    for loc, _ in found[1:]:
        yield Finding(
            loc, "is a second `agreement` gate: a request is asked twice, not thrice", "keep one of them."
        )


def _judge_peers(view: View, loc: Loc, gate: AgreementGate) -> Iterator[Finding]:
    if gate.with_ is None and gate.samples is None:
        if view.whole((*loc, "with")) and view.whole((*loc, "samples")):
            yield Finding(
                loc,
                "does not say whom to ask",
                "write `with: GROUP` for a second model, or `samples: 3` for more answers of the tier's own.",
            )
        return
    if gate.with_ is not None and gate.samples is not None:
        yield Finding((*loc, "samples"), "stands beside `with`", "keep one of the two.")
    if gate.with_ is not None and not view.proxy.has(gate.with_):
        names = view.proxy.names()
        yield Finding(
            (*loc, "with"),
            f"the proxy has no model group {view.words.show(gate.with_)}",
            suggestion(gate.with_, names) if names else "add it to `model_list`.",
        )
    if gate.serve == "with" and gate.with_ is None:
        yield Finding((*loc, "serve"), "is `with`, but there is no second model", "write `serve: tier`.")
    answers = 2 if gate.with_ is not None else gate.samples or 2
    if gate.quorum is not None and gate.quorum > answers:
        yield Finding(
            (*loc, "quorum"),
            f"{gate.quorum} is more than the {answers} answers there are",
            f"write {answers} at most.",
        )


def _judge_tiers(view: View, loc: Loc, gate: AgreementGate) -> Iterator[Finding]:
    names = view.names
    if not names:
        return
    place = (*loc, "at")
    if gate.at == ():
        yield Finding(place, "is empty: nobody would be asked twice", "name a tier, or leave it out.")
    models = {tier.name: tier.model for tier in view.section.tiers}
    for name in tiers_of(gate, names):
        yield from view.unknown_tier(place, name)
        if name == names[-1]:
            yield Finding(
                place,
                f"{view.words.show(name)} is the dearest tier: there is none to escalate to",
                "name a cheaper one.",
            )
        if gate.with_ is not None and models.get(name) == gate.with_:
            yield Finding(
                (*loc, "with"),
                f"{view.words.show(gate.with_)} is the model of tier {view.words.show(name)} itself",
                "name another group, or write `samples: 3` to ask this one more than once.",
            )
