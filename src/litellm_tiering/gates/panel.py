"""All gates of a route together, and the combinators, which are gates made of gates."""

from __future__ import annotations

import asyncio
import inspect
import time
from typing import TYPE_CHECKING

from litellm_tiering.core.gate import Gate, Judgement, Ruling, Verdict
from litellm_tiering.gates.degenerate import Counts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from litellm_tiering.core.gate import Exchange

    OnFault = Callable[[str, BaseException], None]

LONG_CHARS = 65_536
"""A longer answer is judged in a worker thread, so that the event loop is not held up."""


class _Asked:
    """Asks gates, and contains their faults: one that raises is reported and counts as abstaining."""

    def __init__(self, gates: Iterable[Gate]) -> None:
        self.members = tuple(gates)
        self._on_fault: OnFault | None = None

    @property
    def on_fault(self) -> OnFault | None:
        """Told of every fault within: where, and what."""
        return self._on_fault

    @on_fault.setter
    def on_fault(self, told: OnFault | None) -> None:
        self._on_fault = told
        for member in self.members:
            if hasattr(member, "on_fault"):
                member.on_fault = told

    def _fault(self, gate: Gate, error: BaseException) -> Verdict:
        if self._on_fault is not None:
            self._on_fault(f"gate:{gate.name}", error)
        return Verdict.abstain("fault")

    def _sound(self, gate: Gate, found: object) -> Verdict:
        if isinstance(found, Verdict):
            return found
        return self._fault(gate, TypeError(f"returned {type(found).__name__}, not a Verdict"))

    def _begin(self, gate: Gate, exchange: Exchange) -> Verdict | Awaitable[Verdict]:
        """The verdict of ``gate``, or an awaitable of it."""
        try:
            found = gate.judge(exchange)
        except Exception as error:  # noqa: BLE001 - a gate's fault costs its opinion, not the request
            return self._fault(gate, error)
        return self._end(gate, found) if inspect.isawaitable(found) else self._sound(gate, found)

    async def _end(self, gate: Gate, found: Awaitable[Verdict]) -> Verdict:
        try:
            return self._sound(gate, await found)
        except Exception as error:  # noqa: BLE001 - as above; cancellation passes
            return self._fault(gate, error)

    async def _ask(self, gate: Gate, exchange: Exchange) -> Verdict:
        """The verdict of ``gate``; on a long answer, found in a worker thread."""
        if _is_long(exchange):
            found = await asyncio.to_thread(self._begin, gate, exchange)
        else:
            found = self._begin(gate, exchange)
        return await found if not isinstance(found, Verdict) else found


def _is_long(exchange: Exchange) -> bool:
    said = exchange.said
    return len(said.text) + sum(len(call.arguments) for call in said.tool_calls) > LONG_CHARS


class Panel(_Asked):
    """The gates of a route, in the order they are asked: a :class:`~litellm_tiering.core.gate.Judging`.

    The first rejection decides, and the gates after it are not asked. Of a prefix only those that judge
    prefixes are; while one of them abstains, the judgement is undecided. A gate that raises or returns no
    verdict is reported and counts as abstaining.

    Args:
        gates: The gates.
        on_fault: Told of each fault, with ``gate:NAME`` and the error.
        on_time: Told of each gate asked, with its name and how many seconds it took.
        nets: The names of those that may accept everything; see :class:`Counts`.
    """

    def __init__(
        self,
        gates: Iterable[Gate],
        *,
        on_fault: OnFault | None = None,
        on_time: Callable[[str, float], None] | None = None,
        nets: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(gates)
        self.on_fault = on_fault
        self.nets = nets
        self.judges_prefix = any(gate.judges_prefix for gate in self.members)
        self.on_time = on_time
        """Told of each gate asked, as above; whoever keeps the figures may take its place later."""
        self._counts = Counts([gate.name for gate in self.members], nets)

    def alarms(self) -> list[str]:
        """Gates that say the same of everything, a sentence each."""
        return self._counts.alarms()

    async def judge(self, exchange: Exchange) -> Judgement:
        """What the gates make of ``exchange``."""
        p_bad, undecided = 0.0, False
        reasons: list[str] = []
        judged: list[str] = []
        for gate in self.members:
            if exchange.partial and not gate.judges_prefix:
                continue
            began_s = time.perf_counter()
            verdict = await self._ask(gate, exchange)
            if self.on_time is not None:
                self.on_time(gate.name, time.perf_counter() - began_s)
            if not exchange.partial:
                self._counts.saw(gate.name, verdict)
            if verdict.reason:
                reasons.append(f"{gate.name}:{verdict.reason}")
            p_bad = max(p_bad, _p_bad(verdict))
            if verdict.ruling is not Ruling.ABSTAIN:
                judged.append(gate.name)
            if verdict.rejects:
                return Judgement(gate.name, p_bad, tuple(reasons), judged=tuple(judged))
            undecided = undecided or (exchange.partial and verdict.ruling is Ruling.ABSTAIN)
        return Judgement("", p_bad, tuple(reasons), undecided, tuple(judged))


class Shadows(_Asked):
    """The gates in shadow mode of a route: each judges by itself, and rejects nothing.

    Args:
        gates: The gates.
        on_fault: As of a :class:`Panel`.
    """

    def __init__(self, gates: Iterable[Gate], *, on_fault: OnFault | None = None) -> None:
        super().__init__(gates)
        self.on_fault = on_fault
        self.on_time: Callable[[str, float], None] | None = None
        """Told of each gate asked, as of a :class:`Panel`."""

    async def judge(self, gate: Gate, exchange: Exchange) -> Verdict:
        """What one of them makes of ``exchange``; of a prefix that it cannot judge, nothing."""
        if exchange.partial and not gate.judges_prefix:
            return Verdict.abstain()
        began_s = time.perf_counter()
        verdict = await self._ask(gate, exchange)
        if self.on_time is not None:
            self.on_time(gate.name, time.perf_counter() - began_s)
        return verdict


def _p_bad(verdict: Verdict) -> float:
    """How likely bad: the gate's view, else 1 of a rejection and 0 of all else."""
    stated = verdict.p_bad
    if stated is None or not 0.0 <= stated <= 1.0:  # never true of NaN
        return float(verdict.rejects)
    return stated


class _Combined(_Asked):
    """Several gates as one. It awaits only where a member does."""

    def __init__(
        self, gates: Iterable[Gate], *, name: str, judges_prefix: Callable[[list[bool]], bool]
    ) -> None:
        super().__init__(gates)
        if not self.members:
            raise ValueError(f"{name} needs at least one gate")
        self.name = name
        self.judges_prefix = judges_prefix([gate.judges_prefix for gate in self.members])

    def judge(self, exchange: Exchange) -> Verdict | Awaitable[Verdict]:
        """The verdict of all members together, or an awaitable of it."""
        asked = [gate for gate in self.members if gate.judges_prefix or not exchange.partial]
        heard: list[tuple[Gate, Verdict]] = []
        for i, gate in enumerate(asked):
            found = self._begin(gate, exchange)
            if not isinstance(found, Verdict):
                return self._rest(found, heard, asked[i:], exchange)
            heard.append((gate, found))
            if self._settled(found):
                break
        return self._combine(heard, partial=exchange.partial)

    async def _rest(
        self,
        first: Awaitable[Verdict],
        heard: list[tuple[Gate, Verdict]],
        left: Sequence[Gate],
        exchange: Exchange,
    ) -> Verdict:
        verdict = await first
        heard.append((left[0], verdict))
        for gate in left[1:]:
            if self._settled(verdict):
                break
            verdict = await self._ask(gate, exchange)
            heard.append((gate, verdict))
        return self._combine(heard, partial=exchange.partial)

    def _settled(self, verdict: Verdict) -> bool:
        """Whether the members after this verdict need not be asked."""
        raise NotImplementedError

    def _combine(self, heard: Sequence[tuple[Gate, Verdict]], *, partial: bool) -> Verdict:
        raise NotImplementedError


class AllOf(_Combined):
    """Rejects when any member does, abstains when all do, else accepts.

    Of a prefix it asks those members that can judge one, and abstains while any of them does.
    """

    def __init__(self, gates: Iterable[Gate], *, name: str = "all") -> None:
        super().__init__(gates, name=name, judges_prefix=any)

    def _settled(self, verdict: Verdict) -> bool:
        return verdict.rejects

    def _combine(self, heard: Sequence[tuple[Gate, Verdict]], *, partial: bool) -> Verdict:
        p_bad = max((_p_bad(verdict) for _, verdict in heard), default=0.0)
        rejecting = next(((gate, verdict) for gate, verdict in heard if verdict.rejects), None)
        if rejecting is not None:
            return Verdict.reject(_said(*rejecting), p_bad=p_bad)
        quiet = [verdict.ruling is Ruling.ABSTAIN for _, verdict in heard]
        if all(quiet) or (partial and any(quiet)):
            return Verdict.abstain()
        return Verdict.accept(p_bad=p_bad)


class AnyOf(_Combined):
    """Accepts when any member does; rejects when at least one rejects and none accepts; else abstains.

    It judges prefixes when all members do, and rejects one only when all of them reject it.
    """

    def __init__(self, gates: Iterable[Gate], *, name: str = "any") -> None:
        super().__init__(gates, name=name, judges_prefix=all)

    def _settled(self, verdict: Verdict) -> bool:
        return verdict.ruling is Ruling.ACCEPT

    def _combine(self, heard: Sequence[tuple[Gate, Verdict]], *, partial: bool) -> Verdict:
        accepting = [_p_bad(verdict) for _, verdict in heard if verdict.ruling is Ruling.ACCEPT]
        if accepting:
            return Verdict.accept(p_bad=min(accepting))
        rejecting = [(gate, verdict) for gate, verdict in heard if verdict.rejects]
        if not rejecting or (partial and len(rejecting) < len(heard)):
            return Verdict.abstain()
        return Verdict.reject(_said(*rejecting[0]), p_bad=max(_p_bad(verdict) for _, verdict in rejecting))


class Weighted(_Combined):
    """Rejects when the weighted mean of its members' ``p_bad`` reaches a threshold.

    The mean is over the members that do not abstain: ``sum(w * p_bad) / sum(w)``. Abstains when all do; of a
    prefix, which it judges when all members can, when any does.

    Args:
        gates: Pairs of a weight above 0 and a gate.
        threshold: The mean from which the answer is rejected, 0 to 1.
        name: What it is called.

    Raises:
        ValueError: there is no gate, or a weight is not a number above 0.
    """

    def __init__(
        self, gates: Iterable[tuple[float, Gate]], *, threshold: float = 0.5, name: str = "weighted"
    ) -> None:
        members: dict[int, Gate] = {}
        self._weights: dict[int, float] = {}
        for weight, gate in gates:
            if not 0.0 < weight < float("inf"):
                raise ValueError(f"the weight of {gate.name} must be a number above 0")
            members[id(gate)] = gate
            self._weights[id(gate)] = self._weights.get(id(gate), 0.0) + weight
        super().__init__(members.values(), name=name, judges_prefix=all)
        self._threshold = threshold

    def _settled(self, verdict: Verdict) -> bool:  # noqa: ARG002 - every member has its weight
        return False

    def _combine(self, heard: Sequence[tuple[Gate, Verdict]], *, partial: bool) -> Verdict:
        counted = [(gate, verdict) for gate, verdict in heard if verdict.ruling is not Ruling.ABSTAIN]
        if not counted or (partial and len(counted) < len(heard)):
            return Verdict.abstain()
        total = sum(self._weights[id(gate)] for gate, _ in counted)
        mean = sum(self._weights[id(gate)] * _p_bad(verdict) for gate, verdict in counted) / total
        if mean >= self._threshold:
            return Verdict.reject("weighted", p_bad=mean)
        return Verdict.accept(p_bad=mean)


def _said(gate: Gate, verdict: Verdict) -> str:
    return f"{gate.name}:{verdict.reason}" if verdict.reason else gate.name
