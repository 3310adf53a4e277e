"""Gates that users write: a function, found by its name, called within a time limit; its faults contained."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.gate import Exchange, Ruling, Verdict
from litellm_tiering.gates.target import gate, load_target, mark_of, safe_word
from litellm_tiering.owncode.call import BoundedCall, Late
from litellm_tiering.owncode.workers import WorkersBusy

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

__all__ = ["CallbackGate", "gate", "load_target"]


class CallbackGate:
    """Asks a function of the user's, which may be ``async``; whatever it does, the request goes on.

    A plain function runs in a thread, so that it never holds up the event loop; an ``async`` one is awaited.
    It returns a :class:`Verdict`, or True to accept and False to reject. Where it raises, takes too long or
    returns anything else, ``on_error`` says what that counts as; the reason is then ``raised``, ``timeout``
    or ``wrong_return``, and ``on_fault`` is told. A function that hangs keeps its thread; once all eight of a
    gate hang, further calls count as ``busy`` at once. Cancellation passes.

    The reason of its verdict is recorded as at most 64 letters, digits and ``_.:-``.

    Args:
        target: The function, or what :func:`load_target` finds by this text.
        name: What it is called; else what ``@gate`` said, else the function's name.
        timeout_ms: How long it may take, in milliseconds; waiting for a thread counts.
        on_error: What a fault counts as.
        prefix: Whether it judges the beginning of a streamed answer; else what ``@gate`` said.

    Raises:
        ValueError: there is no such function.

    Attributes:
        on_fault: Told of each fault with ``gate:NAME`` and the error; a panel sets it.
    """

    def __init__(
        self,
        target: Callable[[Exchange], Any] | str,
        *,
        name: str | None = None,
        timeout_ms: float = 50,
        on_error: Literal["accept", "reject"] = "accept",
        prefix: bool | None = None,
    ) -> None:
        function = load_target(target) if isinstance(target, str) else target
        mark = mark_of(function)
        self.name = safe_word(name) if name else mark.name
        self.judges_prefix = mark.prefix if prefix is None else prefix
        self.on_fault: Callable[[str, BaseException], None] | None = None
        self._call = BoundedCall(function, limit_s=timeout_ms / 1_000, name=f"tiering-gate-{self.name}")
        self._on_error = on_error

    async def judge(self, exchange: Exchange) -> Verdict:
        """The function's verdict, or what a fault of it counts as."""
        try:
            return _verdict(await self._call(exchange))
        except asyncio.CancelledError:
            raise
        except Late:
            limit_ms = self._call.limit_s * 1_000
            late = TimeoutError(f"took longer than {limit_ms:g} ms")
            return self._fault("timeout", self._call.blamed(late))
        except WorkersBusy as error:
            return self._fault("busy", self._call.blamed(error))
        except _WrongReturn as error:
            return self._fault("wrong_return", self._call.blamed(error))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code: its fault fails no request
            return self._fault("raised", error)

    def _fault(self, reason: str, error: BaseException) -> Verdict:
        if self.on_fault is not None:
            self.on_fault(f"gate:{self.name}", error)
        return Verdict.accept(reason) if self._on_error == "accept" else Verdict.reject(reason)


class _WrongReturn(TypeError):
    """The function returned what is no verdict."""


def _verdict(result: object) -> Verdict:
    """``result`` as a verdict that may be recorded.

    Raises:
        _WrongReturn: it is neither a verdict nor True nor False.
    """
    if isinstance(result, bool):
        return Verdict.accept() if result else Verdict.reject()
    if not isinstance(result, Verdict) or not isinstance(result.ruling, Ruling):
        raise _WrongReturn(f"returned {type(result).__name__}, not a Verdict, True or False")
    reason = safe_word(result.reason) if isinstance(result.reason, str) and result.reason else ""
    p_bad = result.p_bad
    if not isinstance(p_bad, (int, float)) or not 0.0 <= p_bad <= 1.0:  # never true of NaN
        p_bad = None if result.ruling is Ruling.ABSTAIN else float(result.rejects)
    return Verdict(result.ruling, reason, None if p_bad is None else float(p_bad))
