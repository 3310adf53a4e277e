"""From the ``cascade:`` section to the gates that are asked."""

from __future__ import annotations

import logging
import math
import re
from typing import TYPE_CHECKING

from litellm_tiering.config import schema_gates as section
from litellm_tiering.gates.callback import CallbackGate, load_target
from litellm_tiering.gates.confidence import ConfidenceGate
from litellm_tiering.gates.language import LanguageGate
from litellm_tiering.gates.logprob import LogprobGate
from litellm_tiering.gates.panel import AllOf, AnyOf, Panel, Weighted
from litellm_tiering.gates.refusal import RefusalGate
from litellm_tiering.gates.repetition import RepetitionGate
from litellm_tiering.gates.schema import JsonSchemaGate
from litellm_tiering.gates.shape import FinishedGate, MaxLengthGate, MinLengthGate, NotEmptyGate
from litellm_tiering.gates.target import mark_of, safe_word
from litellm_tiering.gates.unbalanced import UnbalancedGate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from litellm_tiering.config.words import Loc
    from litellm_tiering.core.gate import Gate

    OnFault = Callable[[str, BaseException], None]

DEFAULT_GATES: tuple[section.AnyGate, ...] = (
    section.NotEmptyGate(kind="not_empty"),
    section.FinishedGate(kind="finished"),
    section.RefusalGate(kind="refusal"),
    section.JsonSchemaGate(kind="json_schema"),
)
"""What checks an answer where ``gates`` is left out."""

_log = logging.getLogger("litellm_tiering")

_PLAIN: Mapping[str, Callable[..., Gate]] = {
    "not_empty": NotEmptyGate,
    "finished": FinishedGate,
    "refusal": RefusalGate,
    "repetition": RepetitionGate,
    "unbalanced": UnbalancedGate,
    "language": LanguageGate,
}
"""The gates that there is nothing to say of but their names."""

_ON_PREFIXES: Mapping[str, bool] = {
    "not_empty": NotEmptyGate.judges_prefix,
    "min_length": MinLengthGate.judges_prefix,
    "max_length": MaxLengthGate.judges_prefix,
    "finished": FinishedGate.judges_prefix,
    "refusal": RefusalGate.judges_prefix,
    "repetition": RepetitionGate.judges_prefix,
    "unbalanced": UnbalancedGate.judges_prefix,
    "language": LanguageGate.judges_prefix,
    "json_schema": JsonSchemaGate.judges_prefix,
    "confidence": ConfidenceGate.judges_prefix,
    "logprob": LogprobGate.judges_prefix,
}
"""Which gates judge the beginning of an answer, where that follows from the kind."""


class FaultLog:
    """Tells the log of each gate's first fault of each kind, never by a message that may hold an answer."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()

    def __call__(self, where: str, error: BaseException) -> None:
        """Note that ``where`` failed with ``error``."""
        kind = type(error).__name__
        if (where, kind) not in self._told:
            self._told.add((where, kind))
            _log.error("fault in %s: %s; told once, it counts as configured", where, kind)


def build_panel(gates: Sequence[section.AnyGate] | None, on_fault: OnFault) -> Panel:
    """The panel of the gates listed; the default ones where that is None.

    Args:
        gates: What ``cascade.gates`` lists.
        on_fault: Told where a gate failed, and with what.

    Raises:
        ValueError, NotImplementedError: the section was never judged.
    """
    return Panel([build_gate(g) for g in (DEFAULT_GATES if gates is None else gates)], on_fault=on_fault)


def build_gate(one: section.AnyGate) -> Gate:
    """One gate, with all that it combines.

    Raises:
        ValueError, NotImplementedError: the section was never judged.
    """
    plain = _PLAIN.get(one.kind)
    if plain is not None:
        return plain(name=name_of(one))
    return _combinator(one) or _with_settings(one)


def _combinator(one: section.AnyGate) -> Gate | None:
    name = name_of(one)
    if isinstance(one, section.AllGate):
        return AllOf([build_gate(g) for g in one.gates], name=name)
    if isinstance(one, section.AnyOfGate):
        return AnyOf([build_gate(g) for g in one.gates], name=name)
    if isinstance(one, section.WeightedGate):
        votes = tuple((v.weight, build_gate(v.gate)) for v in one.gates)
        return Weighted(votes, threshold=one.threshold, name=name)
    return None


def _with_settings(one: section.AnyGate) -> Gate:
    name = name_of(one)
    if isinstance(one, section.MinLengthGate):
        return MinLengthGate(chars=one.chars, name=name)
    if isinstance(one, section.MaxLengthGate):
        return MaxLengthGate(chars=one.chars, name=name)
    if isinstance(one, section.JsonSchemaGate):
        return JsonSchemaGate(mode=one.mode, name=name)
    if isinstance(one, section.ConfidenceGate):
        return ConfidenceGate(path=one.path, min=one.min, name=name)
    if isinstance(one, section.LogprobGate):
        return LogprobGate(
            min_mean=-math.inf if one.min_mean is None else one.min_mean,
            min_token=one.min_token,
            max_perplexity=one.max_perplexity,
            name=name,
        )
    if isinstance(one, section.CallbackGate):
        target = load_target(one.target)
        # What `@gate` calls it goes before the function's own name.
        name = one.name or mark_of(target).name or name
        return CallbackGate(target, name=name, timeout_ms=one.timeout_ms, on_error=one.on_error)
    raise NotImplementedError(f"gate kind {one.kind!r}")


def name_of(one: section.AnyGate) -> str:
    """What a gate is called; a callback is by its function's name, as far as the target tells it."""
    if one.name or not isinstance(one, section.CallbackGate):
        return one.name or one.kind
    return safe_word(re.split(r"[.:]", one.target)[-1])


def inside(one: section.AnyGate) -> Iterator[tuple[Loc, section.AnyGate]]:
    """The gates that ``one`` combines, each with its place below it; none for a gate of its own."""
    if isinstance(one, (section.AllGate, section.AnyOfGate)):
        for i, gate in enumerate(one.gates):
            yield ("gates", i), gate
    elif isinstance(one, section.WeightedGate):
        for i, vote in enumerate(one.gates):
            yield ("gates", i, "gate"), vote.gate


def every_gate(gates: Sequence[section.AnyGate], loc: Loc = ()) -> Iterator[tuple[Loc, section.AnyGate]]:
    """All gates listed and all that they combine, each with its place: ``loc`` is the list's."""
    stack = [((*loc, i), gate) for i, gate in reversed(list(enumerate(gates)))]
    while stack:
        place, gate = stack.pop()
        yield place, gate
        stack += reversed([((*place, *below), inner) for below, inner in inside(gate)])


def judges_prefix(one: section.AnyGate) -> bool:
    """Whether a gate can judge the beginning of an answer; a callback is imported to see what it says.

    Raises:
        ValueError: a callback's function cannot be loaded.
    """
    if isinstance(one, section.CallbackGate):
        return mark_of(load_target(one.target)).prefix
    if isinstance(one, section.AllGate):
        return any(map(judges_prefix, one.gates))
    if isinstance(one, (section.AnyOfGate, section.WeightedGate)):
        return all(judges_prefix(gate) for _, gate in inside(one))
    return _ON_PREFIXES.get(one.kind, True)  # what is not built is refused by name


def wants_logprobs(gates: Sequence[section.AnyGate] | None) -> bool:
    """Whether some gate looks at log-probabilities, so that they should be asked for."""
    return any(isinstance(gate, section.LogprobGate) for _, gate in every_gate(gates or ()))
