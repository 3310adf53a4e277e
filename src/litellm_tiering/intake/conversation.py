"""What the four wire formats have in common: a bounded view of a conversation, newest turns whole."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from litellm_tiering.intake.tokens import Bulk

MAX_STEPS = 6_000
"""How many parts and values of one request are looked at in all."""


class Role(enum.Enum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"

    # Members are single objects; the inherited hash goes through their names, in Python, at every look-up.
    __hash__ = object.__hash__


@dataclass(slots=True)
class Message:
    """One message's own text, in pieces, and its place; what tools returned is counted and not kept."""

    role: Role
    texts: list[str] = field(default_factory=list)
    at: int = 0

    def text(self) -> str:
        """The pieces as one text; of very long ones the head and tail, as much as is ever analysed."""
        if len(self.texts) == 1:
            return self.texts[0]
        return "\n".join(self.texts)


@dataclass(slots=True)
class Conversation:
    """A request's body, normalised.

    Attributes:
        system: The pieces of the system prompt.
        pinned: How many pieces of it stand before those of later messages.
        recent: The newest messages looked at, oldest first, tool results left out.
        opening: The first messages, likewise, where these are not among the recent ones.
        last_answer: The place of the last entry that is the assistant's: -1 for none.
        last_result: The place of the last entry that holds a tool's result: -1 for none.
        bulk: How much text there is, by who wrote it.
        messages: Messages of every role, those not looked at included.
        turns: Turns of the user with text of their own; scaled up where not all were looked at.
        tool_results: Results of tools; scaled up likewise.
        images: Images attached.
        audio: Audio clips attached.
        files: Documents attached.
        extra_tokens: Tokens that are not text: frames, attachments, prompts sent as token ids.
        attached_tokens: Those of them that stand for attachments.
        audio_tokens: What the audio clips come to at most.
        file_tokens: What the documents come to, generously.
        extra_bytes: What is sent with the texts and is none of them: names, the frames of trees, token ids.
        cache_ttl_s: The longest that a mark asks the provider to keep the prompt, in seconds.
        room: How many more parts and values may be looked at.
        partial: Whether something was too big to be looked at whole.
        elsewhere: Whether earlier turns are kept by the provider and are not in the body.
    """

    system: list[str] = field(default_factory=list)
    pinned: int = 0
    recent: list[Message] = field(default_factory=list)
    opening: list[Message] = field(default_factory=list)
    last_answer: int = -1
    last_result: int = -1
    bulk: dict[Role, Bulk] = field(default_factory=dict)
    messages: int = 0
    turns: float = 0.0
    tool_results: float = 0.0
    images: int = 0
    audio: int = 0
    files: int = 0
    extra_tokens: float = 0.0
    attached_tokens: float = 0.0
    audio_tokens: float = 0.0
    file_tokens: float = 0.0
    extra_bytes: float = 0.0
    cache_ttl_s: int = 0
    room: int = MAX_STEPS
    partial: bool = False
    elsewhere: bool = False

    def attach(self, tokens: float) -> None:
        """Count an attachment as so many tokens."""
        self.extra_tokens += tokens
        self.attached_tokens += tokens

    def add(self, role: Role, text: str, weight: float = 1.0) -> None:
        """Count ``text`` as ``role``'s; see :meth:`~litellm_tiering.intake.tokens.Bulk.add`."""
        bulk = self.bulk.get(role)
        if bulk is None:
            bulk = self.bulk[role] = Bulk()
        bulk.add(text, weight)
