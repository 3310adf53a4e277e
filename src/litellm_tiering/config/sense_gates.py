"""Whether the cascade makes sense: gates that can do their work, each with a name of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.config.build_gates import every_gate, inside, judges_prefix, name_of, silent
from litellm_tiering.config.schema_gates import (
    MAX_DEPTH,
    MAX_GATES,
    AllGate,
    AnyOfGate,
    CallbackGate,
    CascadeSection,
    LogprobGate,
    MaxLengthGate,
    MinLengthGate,
    WeightedGate,
)
from litellm_tiering.config.sense_owncode import judge_target
from litellm_tiering.config.sense_shadow import judge_silent_gates
from litellm_tiering.config.words import Finding
from litellm_tiering.gates.callback import load_target

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from litellm_tiering.config.schema_gates import AnyGate
    from litellm_tiering.config.sense import View
    from litellm_tiering.config.words import Loc

    Placed = Sequence[tuple[Loc, AnyGate]]

ROOT: Loc = ("tiering", "cascade")
GATES: Loc = (*ROOT, "gates")


TAKEN = "ok"
"""What ``x-tiering-attempts`` says of an answer that every gate accepted."""


def judge_cascade(view: View) -> Iterator[Finding]:
    """The section by itself, and each of its gates."""
    cascade = view.section.cascade
    if not isinstance(cascade, CascadeSection):
        return
    if cascade.max_escalations == 0:
        yield Finding(
            (*ROOT, "max_escalations"),
            "is 0: answers are checked, and a bad one is served all the same",
            "write 1 or more, or `cascade: false` to check nothing.",
            warning=True,
        )
    yield from _judge_strategy(cascade)
    if cascade.gates is None:
        return
    if not cascade.gates and view.whole(GATES):
        yield Finding(
            GATES,
            "is empty: nothing would ever be escalated",
            "write `cascade: false`, or leave `gates` out for the default ones.",
        )
    yield from _judge_size(cascade.gates)
    yield from judge_silent_gates(view, cascade.gates)
    yield from _judge_list(view, [((*GATES, i), gate) for i, gate in enumerate(cascade.gates)], every=True)
    for loc, gate in every_gate(cascade.gates, GATES):
        yield from _judge_gate(view, loc, gate)
    if not _callbacks(cascade):
        yield from _judge_stream(view, cascade)


def _judge_strategy(cascade: CascadeSection) -> Iterator[Finding]:
    """Keys that say nothing under the strategy that is written."""
    idle = {
        "expected": (("bypass_above", "what is expected decides where a segment starts, and not a rate"),),
        "rules": (("latency_usd_per_s", "the fixed rules weigh neither money nor time"),),
    }
    for key, why in idle[cascade.strategy]:
        if key in cascade.model_fields_set and getattr(cascade, key) != _default(key):
            other = "rules" if cascade.strategy == "expected" else "expected"
            yield Finding(
                (*ROOT, key),
                f"has no effect under `strategy: {cascade.strategy}`: {why}",
                f"remove it, or write `strategy: {other}`.",
                warning=True,
            )
    if cascade.strategy == "expected" and cascade.max_escalations == 0:
        yield Finding(
            (*ROOT, "strategy"),
            "is `expected`, but no answer is ever escalated: there is nothing to weigh",
            "write `max_escalations: 1` or more, or `strategy: rules`.",
            warning=True,
        )


def _default(key: str) -> object:
    return CascadeSection.model_fields[key].default


def _judge_size(gates: Sequence[AnyGate]) -> Iterator[Finding]:
    count = 0
    for loc, _ in every_gate(gates, GATES):
        count += 1
        # The list and each combinator's own make a gate one deeper, by a number in its place each.
        if sum(isinstance(part, int) for part in loc) == MAX_DEPTH + 1:
            yield Finding(
                loc, f"is nested too deeply: gates are combined at most {MAX_DEPTH} deep", "move it up."
            )
    if count > MAX_GATES:
        yield Finding(GATES, f"holds {count} gates in all", f"list at most {MAX_GATES}.")


def _judge_list(view: View, placed: Placed, *, every: bool) -> Iterator[Finding]:
    """The gates of one list: those that all have to accept, if ``every``."""
    seen: set[str] = set()
    for loc, gate in placed:
        name = name_of(gate)
        if name in seen:
            yield Finding(
                (*loc, "name"),
                f"a gate of this list is called {view.words.show(name)} already",
                "give this one a `name` of its own, or remove it.",
            )
        seen.add(name)
    if every:
        yield from _judge_lengths(placed)


def _judge_lengths(placed: Placed) -> Iterator[Finding]:
    """Bounds on the length that no answer can keep."""
    placed = [(loc, gate) for loc, gate in placed if not silent(gate)]
    most = min((g.chars for _, g in placed if isinstance(g, MaxLengthGate)), default=None)
    for loc, gate in placed:
        if isinstance(gate, MinLengthGate) and most is not None and gate.chars > most:
            yield Finding(
                (*loc, "chars"),
                f"{gate.chars} is above the {most} of `max_length` beside it: no answer would be accepted",
                "swap them, or remove one.",
            )


def _judge_gate(view: View, loc: Loc, gate: AnyGate) -> Iterator[Finding]:
    """One gate, wherever it stands."""
    if gate.name == TAKEN:
        yield Finding(
            (*loc, "name"),
            f"{TAKEN!r} is what `x-tiering-attempts` says of an answer that was accepted",
            "give it another name.",
        )
    if isinstance(gate, LogprobGate) and gate.min_mean is gate.min_token is gate.max_perplexity is None:
        yield Finding(
            loc, "has no bound", "set `min_mean`, `min_token` or `max_perplexity`, or remove the gate."
        )
    combines = list(inside(gate))
    if isinstance(gate, (AllGate, AnyOfGate, WeightedGate)):
        if not combines and view.whole((*loc, "gates")):
            yield Finding((*loc, "gates"), "is empty", "list one gate or more.")
        placed = [((*loc, *below), inner) for below, inner in combines]
        yield from _judge_list(view, placed, every=isinstance(gate, AllGate))


def _judge_stream(view: View, cascade: CascadeSection) -> Iterator[Finding]:
    """A stream whose beginning is asked to be judged, by gates that only judge whole answers."""
    if cascade.stream != "prefix" or "stream" not in cascade.model_fields_set or not cascade.gates:
        return
    counting = [gate for gate in cascade.gates if not silent(gate)]
    if view.whole(GATES) and counting and not any(map(judges_prefix, counting)):
        yield Finding(
            (*ROOT, "stream"),
            "is `prefix`, but none of the gates can judge the beginning of an answer",
            "write `stream: buffer` to hold streams back until they are judged, or `stream: off`.",
        )


def judge_targets(view: View) -> Iterator[Finding]:
    """Functions of the owner's that can be called. It imports them, so only a sound section comes here."""
    cascade = view.section.cascade
    if not isinstance(cascade, CascadeSection):
        return
    placed = _callbacks(cascade)
    missing = [
        f for loc, gate in placed for f in judge_target(view, (*loc, "target"), gate.target, load_target)
    ]
    yield from missing
    if placed and not missing:
        yield from _judge_stream(view, cascade)


def _callbacks(cascade: CascadeSection) -> list[tuple[Loc, CallbackGate]]:
    every = every_gate(cascade.gates or (), GATES)
    return [(loc, gate) for loc, gate in every if isinstance(gate, CallbackGate)]
