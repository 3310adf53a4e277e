"""Faults on demand: scripted over HTTP, or asked for in the prompt.

In a prompt, the user's last message may hold markers of the form ``[[fault:KIND]]``, ``[[fault:KIND=N]]``,
``[[fault:KIND@MODEL]]`` or ``[[fault:KIND=N@MODEL]]``:

===============  ==================================================  =============================
KIND             what happens                                        N
===============  ==================================================  =============================
``400``-``599``  an error with this status                           ``retry-after``, in seconds
``slow``         the first byte comes late                           the delay, in milliseconds
``cut_stream``   the connection is closed in mid-answer              events that are sent before
``malformed``    invalid JSON                                        (ignored)
``empty``        a proper answer without content                     (ignored)
``refuse``       a refusal                                           (ignored)
``timeout``      nothing at all, then a 504                          how long, in milliseconds
===============  ==================================================  =============================

N has at most seven digits, MODEL at most 64 characters; ``*`` or no MODEL means every model. At most eight
markers are read, the first that fits the model counts, and one in the prompt goes before a scripted one. Text
that only looks like a marker is text.
"""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Literal, cast, get_args

from litellm_tiering.testing.provider.reading import BadRequest, is_text, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FaultKind = Literal["status", "slow", "cut_stream", "malformed", "empty", "refuse", "timeout"]
KINDS: tuple[FaultKind, ...] = get_args(FaultKind)

SLOW_MS = 2_000.0
TIMEOUT_MS = 600_000.0
CUT_AFTER_EVENTS = 3
MAX_FAULTS = 1_000
_MAX_MARKERS = 8
_MARKER = re.compile(r"\[\[fault:([a-z_]{4,10}|[45]\d\d)(?:=(\d{1,7}))?(?:@([\w.*/:-]{1,64}))?\]\]")
_FIELDS = frozenset({"model", "fault", "status", "retry_after", "delay_ms", "after_events", "times"})


@dataclass(frozen=True, slots=True)
class ScriptedFault:
    """What goes wrong, for which model, and how often.

    Attributes:
        model: The model's name; ``*`` for every one.
        status: The HTTP status of the fault ``status``, 400 to 599.
        retry_after: Its ``retry-after``, in seconds; None sends no such header.
        delay_ms: How long ``slow`` and ``timeout`` wait; None for 2 s and 600 s.
        after_events: How many events of a stream ``cut_stream`` lets through.
        times: How many requests it meets before it heals; None until it is cleared.

    Example:
        >>> ScriptedFault("status", model="sim-small", status=429, retry_after=2, times=3).times
        3
    """

    fault: FaultKind
    model: str = "*"
    status: int = 500
    retry_after: float | None = None
    delay_ms: float | None = None
    after_events: int = CUT_AFTER_EVENTS
    times: int | None = None

    @property
    def delay_s(self) -> float:
        """How long this fault waits, in seconds; 0 for one that does not."""
        default = {"slow": SLOW_MS, "timeout": TIMEOUT_MS}.get(self.fault)
        return 0.0 if default is None else (default if self.delay_ms is None else self.delay_ms) / 1000

    def meets(self, model: str) -> bool:
        """Whether a request for ``model`` runs into it."""
        return self.model in {"*", model}

    def to_json(self) -> dict[str, object]:
        """As ``/control/faults`` shows it."""
        return asdict(self)


def fault_from(body: Mapping[str, object]) -> ScriptedFault:
    """The fault that a body of ``/control/faults`` describes.

    Raises:
        BadRequest: it describes none; unknown keys are refused, for a typo would plant another fault.
    """
    if unknown := sorted(set(body) - _FIELDS):
        raise BadRequest(f"Unknown keys: {', '.join(unknown)}. Known: {', '.join(sorted(_FIELDS))}.")
    kind = body.get("fault")
    if kind not in KINDS:
        raise BadRequest(f"'fault' must be one of {', '.join(KINDS)}.")
    model = body.get("model", "*")
    if not is_text(model):
        raise BadRequest("'model' must be the name of a model, or *.")
    after = whole_number(body, "after_events", 0, 1_000_000)
    return ScriptedFault(
        fault=kind,
        model=model,
        status=whole_number(body, "status", 400, 599) or 500,
        retry_after=_duration(body, "retry_after"),
        delay_ms=_duration(body, "delay_ms"),
        after_events=CUT_AFTER_EVENTS if after is None else after,
        times=whole_number(body, "times", 1),
    )


def _duration(body: Mapping[str, object], key: str) -> float | None:
    value = body.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 86_400_000:  # noqa: PLR2004 - a day
        raise BadRequest(f"'{key}' must be a number from 0 to 86400000.")
    return int(value) if isinstance(value, float) and value == math.floor(value) else value


def fault_in(said: str, model: str) -> ScriptedFault | None:
    """The fault that a marker in the user's message asks for on this model, if any."""
    for found in itertools.islice(_MARKER.finditer(said), _MAX_MARKERS):
        kind, number, wanted = found.groups()
        fault = _marked(kind, None if number is None else int(number), wanted or "*")
        if fault is not None and fault.meets(model):
            return fault
    return None


def _marked(kind: str, number: int | None, model: str) -> ScriptedFault | None:
    if kind.isdigit():
        return ScriptedFault("status", model, status=int(kind), retry_after=number)
    if kind not in KINDS or kind == "status":
        return None
    fault = ScriptedFault(cast("FaultKind", kind), model)
    if number is None:
        return fault
    return replace(fault, after_events=number) if kind == "cut_stream" else replace(fault, delay_ms=number)


class Faults:
    """The scripted faults, in the order in which they came."""

    def __init__(self, faults: Iterable[ScriptedFault] = ()) -> None:
        self._faults = list(faults)

    def add(self, fault: ScriptedFault) -> None:
        """One more.

        Raises:
            BadRequest: there are too many.
        """
        if len(self._faults) >= MAX_FAULTS:
            raise BadRequest(f"There are {MAX_FAULTS} faults already; DELETE them first.")
        self._faults.append(fault)

    def clear(self) -> None:
        """None any more."""
        self._faults.clear()

    def active(self) -> list[ScriptedFault]:
        """Those that are not healed; ``times`` is what is left."""
        return list(self._faults)

    def take(self, model: str, said: str) -> ScriptedFault | None:
        """The fault that this request runs into, counted against its ``times``; None for a healthy one."""
        if marked := fault_in(said, model):
            return marked
        for i, fault in enumerate(self._faults):
            if fault.meets(model):
                if fault.times == 1:
                    del self._faults[i]
                elif fault.times is not None:
                    self._faults[i] = replace(fault, times=fault.times - 1)
                return fault
        return None
