"""What becomes of faults of ours: a trace each, and never a request that fails by one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeVar

    T = TypeVar("T")
    E = TypeVar("E", bound=BaseException)

_log = logging.getLogger("litellm_tiering")

_PLACE = "__litellm_tiering_place__"


def blame(error: E, place: str) -> E:
    """``error`` as a fault of ``place``, such as ``house.gates.check``, to which no trace leads."""
    vars(error)[_PLACE] = place
    return error


class Faults:
    """Counts faults by place and kind, and contains them."""

    def __init__(self) -> None:
        self.faults: dict[str, int] = {}

    def fault(self, where: str, error: BaseException) -> None:
        """Leave a trace of a fault of ours: its kind and place, never a message that may hold a prompt."""
        name = f"{where}:{type(error).__name__}"
        self.faults[name] = self.faults.get(name, 0) + 1
        if self.faults[name] == 1:
            kind = type(error).__name__
            _log.error("fault in %s: %s at %s; requests go on unchanged", where, kind, _place(error))

    async def contained(self, where: str, work: Callable[[], Awaitable[T]], otherwise: T) -> T:
        """The result of ``work``; on a fault of ours ``otherwise``, so that no request fails by us."""
        try:
            return await work()
        except Exception as error:  # noqa: BLE001 - the outermost guard: a plugin fault never fails a request
            self.fault(where, error)
            return otherwise


def _place(error: BaseException) -> str:
    """Whose fault it is, where that was said, else the line that raised it."""
    said = vars(error).get(_PLACE)
    if said is not None:
        return str(said)
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
