"""From the ``cascade:`` section to the gates that are asked."""

from __future__ import annotations

import logging
import math
import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litellm_tiering.config import schema_gates as section
from litellm_tiering.core.agreement import Agreement
from litellm_tiering.errors import BadModel, ConfigError, Problem
from litellm_tiering.gates.panel import AllOf, AnyOf, Panel, Shadows, Weighted
from litellm_tiering.gates.target import load_target, mark_of, safe_word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from litellm_tiering.config.words import Loc
    from litellm_tiering.core.gate import Gate
    from litellm_tiering.core.ladder import Ladder

    OnFault = Callable[[str, BaseException], None]

DEFAULT_GATES: tuple[section.AnyGate, ...] = (
    section.NotEmptyGate.model_construct(kind="not_empty"),
    section.FinishedGate.model_construct(kind="finished"),
    section.RefusalGate.model_construct(kind="refusal"),
    section.JsonSchemaGate.model_construct(kind="json_schema"),
)
"""What checks an answer where ``gates`` is left out."""

_log = logging.getLogger("litellm_tiering")

_WHERE: Mapping[str, str] = {
    "not_empty": "shape:NotEmptyGate",
    "min_length": "shape:MinLengthGate",
    "max_length": "shape:MaxLengthGate",
    "finished": "shape:FinishedGate",
    "refusal": "refusal:RefusalGate",
    "repetition": "repetition:RepetitionGate",
    "unbalanced": "unbalanced:UnbalancedGate",
    "language": "language:LanguageGate",
    "json_schema": "schema:JsonSchemaGate",
    "confidence": "confidence:ConfidenceGate",
    "logprob": "logprob:LogprobGate",
    "constraints": "constraints:ConstraintsGate",
    "arithmetic": "arithmetic:ArithmeticGate",
    "acceptable": "acceptable:AcceptableGate",
    "agreement": "agreement:AgreementGate",
    "callback": "callback:CallbackGate",
}
"""Where the gate of each kind lives: a proxy imports those that it has, and starts the sooner."""

_PLAIN = frozenset(
    {
        *("not_empty", "finished", "refusal", "repetition", "unbalanced", "language"),
        *("constraints", "arithmetic"),
    }
)
"""The gates that there is nothing to say of but their names."""


def _class_of(kind: str) -> Any:  # noqa: ANN401 - classes with nothing in common but being gates
    module, _, name = _WHERE[kind].partition(":")
    return getattr(import_module(f"litellm_tiering.gates.{module}"), name)


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


def build_panel(
    gates: Sequence[section.AnyGate] | None, on_fault: OnFault, base: Path | None = None
) -> Panel:
    """The panel of the gates listed; the default ones where that is None.

    Args:
        gates: What ``cascade.gates`` lists.
        on_fault: Told where a gate failed, and with what.
        base: The directory that relative paths are meant from; the working one when None.

    Raises:
        ConfigError: a gate's file cannot be used.
        ValueError, NotImplementedError: the section was never judged.
    """
    listed = [(i, g) for i, g in enumerate(DEFAULT_GATES if gates is None else gates) if not silent(g)]
    built = [_built(i, gate, base) for i, gate in listed]
    return Panel(built, on_fault=on_fault, nets=frozenset(name_of(g) for _, g in listed if _is_net(g)))


def build_shadows(
    gates: Sequence[section.AnyGate] | None, on_fault: OnFault, base: Path | None = None
) -> Shadows | None:
    """The gates listed that are in shadow mode; None where there are none.

    Takes and raises what :func:`build_panel` does.
    """
    built = [_built(i, gate, base) for i, gate in enumerate(gates or ()) if silent(gate)]
    return Shadows(built, on_fault=on_fault) if built else None


def silent(one: section.AnyGate) -> bool:
    """Whether a gate is in shadow mode."""
    return one.mode == "shadow"


def judging(gates: Sequence[section.AnyGate] | None) -> tuple[section.AnyGate, ...] | None:
    """The gates listed whose word counts; None for the default ones."""
    return None if gates is None else tuple(gate for gate in gates if not silent(gate))


_NETS = frozenset(
    {
        *("not_empty", "min_length", "max_length", "finished", "refusal", "json_schema", "repetition"),
        *("unbalanced", "language", "constraints", "arithmetic"),
    }
)
"""Kinds of gates for what hardly ever happens: that one of them accepts everything is no news."""


def _is_net(one: section.AnyGate) -> bool:
    held = [gate for _, gate in inside(one)]
    return all(map(_is_net, held)) if held else one.kind in _NETS


def _built(place: int, one: section.AnyGate, base: Path | None) -> Gate:
    try:
        return build_gate(one, base)
    except BadModel as error:
        where = f"tiering.cascade.gates[{place}]"
        raise ConfigError([Problem(where, error.message, error.fix, error.file)]) from None


def build_gate(one: section.AnyGate, base: Path | None = None) -> Gate:
    """One gate, with all that it combines.

    Raises:
        BadModel: its file cannot be used.
        ValueError, NotImplementedError: the section was never judged.
    """
    if isinstance(one, section.AcceptableGate):
        path = None if one.path is None else (base or Path()) / Path(one.path).expanduser()
        made: Gate = _class_of(one.kind)(path=path, min=one.min, name=name_of(one))
        return made
    return _combinator(one, base) or _with_settings(one)


def _combinator(one: section.AnyGate, base: Path | None) -> Gate | None:
    name = name_of(one)
    if isinstance(one, section.AllGate):
        return AllOf([build_gate(g, base) for g in one.gates], name=name)
    if isinstance(one, section.AnyOfGate):
        return AnyOf([build_gate(g, base) for g in one.gates], name=name)
    if isinstance(one, section.WeightedGate):
        votes = tuple((v.weight, build_gate(v.gate, base)) for v in one.gates)
        return Weighted(votes, threshold=one.threshold, name=name)
    return None


def _with_settings(one: section.AnyGate) -> Gate:
    settings: dict[str, Any] = {"name": name_of(one)}
    if isinstance(one, (section.MinLengthGate, section.MaxLengthGate)):
        settings["chars"] = one.chars
    elif isinstance(one, section.JsonSchemaGate):
        settings["mode"] = "lenient" if one.forgives else "strict"
    elif isinstance(one, section.ConfidenceGate):
        settings |= {"path": one.path, "min": one.min}
    elif isinstance(one, section.LogprobGate):
        least = -math.inf if one.min_mean is None else one.min_mean
        settings |= {"min_mean": least, "min_token": one.min_token, "max_perplexity": one.max_perplexity}
    elif isinstance(one, section.AgreementGate):
        settings |= {"on": one.on, "quorum": one.quorum}
    elif isinstance(one, section.CallbackGate):
        return _callback(one)
    elif one.kind not in _PLAIN:
        raise NotImplementedError(f"gate kind {one.kind!r}")
    made: Gate = _class_of(one.kind)(**settings)
    return made


def _callback(one: section.CallbackGate) -> Gate:
    target = load_target(one.target)
    # What `@gate` calls it goes before the function's own name.
    name = one.name or mark_of(target).name or name_of(one)
    made: Gate = _class_of(one.kind)(target, name=name, timeout_ms=one.timeout_ms, on_error=one.on_error)
    return made


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
    return bool(_class_of(one.kind).judges_prefix)


def agreement_of(gates: Sequence[section.AnyGate] | None, ladder: Ladder) -> Agreement | None:
    """Whom to ask beside a tier's own model; None where no gate compares answers. There is one at most."""
    every = every_gate(gates or ())
    one = next((gate for _, gate in every if isinstance(gate, section.AgreementGate)), None)
    if one is None:
        return None
    # A combination is in shadow mode as a whole.
    quiet = all(gate is not one for _, gate in every_gate(judging(gates) or ()))
    named = one.at if isinstance(one.at, tuple) else (one.at or ladder[0].name,)
    return Agreement(
        gate=name_of(one),
        ranks=frozenset(map(ladder.rank, named)),
        model=one.with_ or "",
        more=(one.samples or 2) - 1,
        on=one.on,
        timeout_s=one.timeout_ms / 1000,
        serve_with=one.serve == "with" and not quiet,
        shadow=quiet,
    )


def wants_logprobs(gates: Sequence[section.AnyGate] | None) -> bool:
    """Whether some gate looks at log-probabilities, so that they should be asked for."""
    return any(isinstance(gate, section.LogprobGate) for _, gate in every_gate(gates or ()))
