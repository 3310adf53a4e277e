"""Events as lines of the log: always there, whatever else is set up."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from litellm_tiering.events import Event

_log = logging.getLogger("litellm_tiering")


class LogSink:
    """Writes one line for each event, at the level of warnings, since others may not be shown.

    ``tiering event=threshold scope=team:blue ratio=0.81 threshold=0.80 spent_usd=8.1 limit_usd=10 …``
    """

    name = "log"

    async def deliver(self, event: Event) -> None:
        """Write the line."""
        _log.warning("tiering %s", event.line())

    async def close(self) -> None:
        """Nothing is open."""
