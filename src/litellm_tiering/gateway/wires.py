"""The four APIs, and how each writes its answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.core.features import Surface
from litellm_tiering.gateway.wire_completions import ChatWire, CompletionWire
from litellm_tiering.gateway.wire_messages import MessagesWire
from litellm_tiering.gateway.wire_responses import ResponsesWire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_tiering.ports import Wire

WIRES: Mapping[Surface, Wire] = {
    Surface.CHAT: ChatWire(),
    Surface.COMPLETION: CompletionWire(),
    Surface.MESSAGES: MessagesWire(),
    Surface.RESPONSES: ResponsesWire(),
}
