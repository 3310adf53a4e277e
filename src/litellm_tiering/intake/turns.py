"""Which turn is the question: the last one of the user that asks for something of its own.

"Go on" stands for the turn before it, and "what about step 3?" is read together with it. "Thanks" stands for
itself, and is easy. What tools returned and what a coding agent writes into the user's turns are nobody's
question.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

from litellm_tiering.intake import phrases
from litellm_tiering.intake.conversation import Role
from litellm_tiering.intake.ellipsis import leans

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_tiering.intake.conversation import Conversation

SHORT_CHARS = 90
"""Longer turns ask for something, whatever words they begin with."""

LOOK_BACK = 64
"""How many turns of the user are looked at for the one that "go on" stands for."""

HARNESS_CHARS = 32_768
"""How far into a turn, and back from its end, harness blocks are looked for."""

_MAX_BLOCKS = 64
_BLOCK, _LINE = "\n\n", "\n"
_LONGEST_PHRASE = 6
_LONGEST_RUN = 18


class TurnKind(enum.Enum):
    """What a turn of the user is."""

    EMPTY = "empty"
    QUESTION = "question"
    FOLLOW_UP = "follow_up"
    SMALLTALK = "smalltalk"


class Asked(NamedTuple):
    """The question, how the last turn stands to it, and the place of that turn: -1 for none."""

    text: str = ""
    follow_up: bool = False
    smalltalk: bool = False
    at: int = -1


# Blocks that coding agents and editors write into a user's turn. Bounded repetition, no nesting: linear.
_OPEN = re.compile(
    r"<(?=[a-zA-Z])(system-reminder|system_reminder|environment_details|environment_context|env|user_instructions"
    r"|local-command-stdout|local-command-stderr|local-command-caveat|command-name|command-message|command-args"
    r"|command-contents|bash-stdout|bash-stderr|bash-input|ide_selection|ide_opened_file|ide_diagnostics"
    r"|new-diagnostics|task-notification|function_results|function_result|tool_result|tool_results|tool_output"
    r"|tool_response|additional_data|open_and_recently_viewed_files|attached_files|project_layout|rules"
    r"|session-start-hook|user-prompt-submit-hook|post-tool-use-hook|EXTREMELY_IMPORTANT|INSTRUCTIONS"
    r"|turn_aborted|user_shell_command|subagent_notification|user-memory-input|bash-notification"
    r"|background-task-output)(?:\s[^<>]{0,400})?>"
)
# What Codex writes before an INSTRUCTIONS block; one that it does not stand before is the user's own.
_FILE_HEADING = "# AGENTS.md instructions"
_HEADING_CHARS = 512
# Blocks that hold the user's own words among such text: what is in the last of them is the turn.
_WRAPPERS = ("user_query", "user_message", "user-query", "user_input")
# Turns that a harness writes whole. Matched at the start, casefolded.
_DUMPS = (
    "[request interrupted",
    "[tool result",
    "[tool_result",
    "tool result:",
    "tool output:",
    "observation:",
    "caveat: the messages below were generated",
    "stop hook feedback",
    "your tool call was",
    "[error] you did not use a tool",
    "this session is being continued from a previous conversation",
    "todos have been modified successfully",
    "exit code:",
    "chunk id:",
)


# All but letters, digits, and vowel signs that Python counts as no letters. One class: linear.
_NO_WORD = re.compile("[^\\w\u0300-\u036f\u0900-\u0963\u064b-\u0652\u0e31-\u0e4e]+|_")


def _fold(text: str) -> str:
    """``text`` casefolded, its words single spaces apart, without punctuation."""
    return _NO_WORD.sub(" ", text.casefold()).strip()


def _phrases(source: str) -> frozenset[str]:
    return frozenset(_fold(p) for p in source.replace("\n", " ").split("|") if p.strip())


_GO_ON = _phrases(phrases.GO_ON)
_ASSENT = _phrases(phrases.ASSENT)
_SOCIAL = _phrases(phrases.SOCIAL) | _phrases(phrases.HEARD)
_FILLER = _phrases(phrases.FILLER)
_DEMANDS = _GO_ON - _FILLER
_INHERITS = _GO_ON | _ASSENT
_KNOWN = _GO_ON | _ASSENT | _SOCIAL | _FILLER
_FIRST_WORDS = frozenset(phrase.partition(" ")[0] for phrase in _KNOWN)
_EMOJI_SOCIAL = frozenset("👍👌🙏❤💖😊🙂😀😁😄🎉👏🥰😍🤝👋💯✅♥😂🤣")


def kind_of(text: str) -> TurnKind:  # noqa: PLR0911 - a list of cases
    """What one turn of the user is, on its own."""
    if len(text) > SHORT_CHARS:
        text = text.strip() if len(text) <= HARNESS_CHARS else text
        if len(text) > SHORT_CHARS:
            return TurnKind.QUESTION
    if text.isascii() and text[:1].isalpha() and _head(text) not in _FIRST_WORDS:
        return TurnKind.QUESTION
    folded = _fold(text)
    if not folded:
        bare = text.strip()
        if not bare:
            return TurnKind.EMPTY
        if any(c in _EMOJI_SOCIAL for c in bare):
            return TurnKind.SMALLTALK
        # "?", "…", "!!": a nudge; a row of other emoji says something, if nobody knows what.
        return (
            TurnKind.FOLLOW_UP if all(unicodedata.category(c)[0] == "P" for c in bare) else TurnKind.QUESTION
        )
    found = _segments(folded)
    if found is None:
        return TurnKind.QUESTION
    if not found.isdisjoint(_DEMANDS):
        return TurnKind.FOLLOW_UP
    if not found.isdisjoint(_SOCIAL):
        return TurnKind.SMALLTALK
    # What is left of "and", "again" or "yes" without thanks asks for more; mere praise does not.
    return TurnKind.FOLLOW_UP if not found.isdisjoint(_INHERITS) else TurnKind.SMALLTALK


def _head(text: str) -> str:
    """The first word of an ASCII text; most questions begin with none that a phrase begins with."""
    at = 1
    while at < len(text) and text[at].isalnum():
        at += 1
    return text[:at].lower()


def _segments(folded: str) -> set[str] | None:
    """The known phrases that ``folded`` is made of, greedily the longest first; None when it is not."""
    if folded in _KNOWN:
        return {folded}
    units, joint, longest = folded.split(), " ", _LONGEST_PHRASE
    found: set[str] = set()
    if not folded.isascii() and any("\u3040" <= c <= "\u9fff" for c in folded):
        units, joint, longest = list(folded.replace(" ", "")), "", _LONGEST_RUN
    at = 0
    while at < len(units):
        for size in range(min(longest, len(units) - at), 0, -1):
            phrase = joint.join(units[at : at + size])
            if phrase in _KNOWN:
                found.add(phrase)
                at += size
                break
        else:
            return None
    return found


def set_aside(text: str) -> str:
    """``text`` without what a harness wrote into it; empty when a harness wrote it all."""
    if "<" not in (text if len(text) < HARNESS_CHARS else text[:HARNESS_CHARS] + text[-HARNESS_CHARS:]):
        return "" if _is_dump(text) else text
    text = _unwrapped(text)
    kept: list[str] = []
    unclosed: set[str] = set()
    at = 0
    for _ in range(_MAX_BLOCKS):
        opened = _OPEN.search(text, at, at + HARNESS_CHARS)
        if opened is None:
            break
        closing = f"</{opened.group(1)}>"
        start = _begins(text, at, opened)
        end = -1 if start < 0 or closing in unclosed else text.find(closing, opened.end())
        if end < 0:
            if start >= 0:
                unclosed.add(closing)
            # Never closed: the user's own words, or cut short; either way not a block.
            kept.append(text[at : opened.end()])
            at = opened.end()
            continue
        kept.append(text[at:start])
        at = end + len(closing)
    rest = text[at:]
    if len(rest) > HARNESS_CHARS:
        rest = _without_last(rest)
    left = ("".join(kept) + rest) if kept else rest
    left = left.strip() if len(left) <= HARNESS_CHARS else left
    return "" if _is_dump(left) else left


def _begins(text: str, at: int, opened: re.Match[str]) -> int:
    """Where a harness block begins, its heading included; -1 where it is none without one."""
    if opened.group(1) != "INSTRUCTIONS":
        return opened.start()
    return text.rfind(_FILE_HEADING, max(at, opened.start() - _HEADING_CHARS), opened.start())


def _unwrapped(text: str) -> str:
    """What the last wrapper around the user's own words holds, or ``text`` where there is none."""
    for name in _WRAPPERS:
        end = text.rfind(f"</{name}>", max(0, len(text) - HARNESS_CHARS))
        if end >= 0:
            start = text.rfind(f"<{name}>", max(0, end - HARNESS_CHARS), end)
            if start >= 0:
                return text[start + len(name) + 2 : end]
    return text


def _without_last(text: str) -> str:
    """``text`` without a block of a harness at its end, for turns too long to be searched whole."""
    tail = text[-HARNESS_CHARS:]
    opened = _OPEN.search(tail)
    if opened and tail.rstrip().endswith(f"</{opened.group(1)}>"):
        return text[: len(text) - len(tail) + opened.start()]
    return text


def _is_dump(text: str) -> bool:
    return text[:80].lstrip().casefold().startswith(_DUMPS)


def find_question(talk: Conversation) -> Asked:
    """The question of ``talk``: the last substantive turn of the user."""
    first: Asked | None = None
    leaning = ""
    for text, at in _users_turns(talk):
        kind = kind_of(text)
        if kind is TurnKind.QUESTION:
            if not (talk.turns > 1 and leans(text)):
                return _asked(text, leaning, first, at)
            first, leaning = first or Asked(text, at=at), leaning or text
        elif first is None and kind is TurnKind.SMALLTALK:
            return Asked(text, smalltalk=True, at=at)
        elif first is None and kind is TurnKind.FOLLOW_UP:
            first = Asked(text, at=at)
    if first is None:
        return Asked()
    if leaning:
        return Asked(leaning, follow_up=first.text != leaning, at=first.at)
    # "Continue", with nothing before it: what it stands for is with the provider, or never was.
    return Asked("", follow_up=True, at=first.at) if talk.elsewhere else first


def _users_turns(talk: Conversation) -> Iterator[tuple[str, int]]:
    """What the user wrote, latest first, each with its place; a bounded number of turns."""
    looked_at = 0
    for message in reversed(talk.recent):
        if message.role is Role.USER:
            looked_at += 1
            if looked_at > LOOK_BACK:
                return
            yield set_aside(message.text()), message.at


def _asked(text: str, leaning: str, first: Asked | None, at: int) -> Asked:
    """The question ``text``, with the later turn that leans on it; that one stays a part of what is read."""
    if leaning:
        text = f"{text}{_BLOCK if _BLOCK in text else _LINE}{leaning}"
    return Asked(text, follow_up=first is not None, at=at if first is None else first.at)
