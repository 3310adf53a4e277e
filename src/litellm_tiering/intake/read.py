"""A body to features and text: the one entry to this package."""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

from litellm_tiering.core.catalog import CACHE_TTL_S
from litellm_tiering.core.features import PromptText, RequestFeatures, TaskType
from litellm_tiering.intake.bodies import fields_of, read_body
from litellm_tiering.intake.charges import read_charges
from litellm_tiering.intake.conversation import Role
from litellm_tiering.intake.demands import read_demands
from litellm_tiering.intake.inflation import deflated, unstuffed
from litellm_tiering.intake.labels import MAX_LABEL_CHARS, read_labels
from litellm_tiering.intake.language import LATIN, detect_language
from litellm_tiering.intake.signals import clip, read_shape, split_instruction
from litellm_tiering.intake.system import stated_task
from litellm_tiering.intake.tasks import Cues, guess_task, plain, points_at_document, read_cues, tokenise
from litellm_tiering.intake.threads import read_thread
from litellm_tiering.intake.tokens import FOREIGN_FACTOR, NO_SCRIPT, Census, census, tokens_of, words_of
from litellm_tiering.intake.turns import Asked, find_question

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_tiering.core.features import Surface
    from litellm_tiering.intake.conversation import Conversation
    from litellm_tiering.intake.signals import Shape
    from litellm_tiering.intake.system import Stated

_CUE_HEAD_CHARS = 640
_CUE_TAIL_CHARS = 320
_LANGUAGE_CHARS = 400
_LANGUAGE_WORDS = 60
_MAX_MODEL_CHARS = 256
_LONGEST_LENGTH = 15
_STUFFED = 4
_REPEATED_FROM = 60
_COMPRESSED_CHARS = 2_000
_LEAST_NEW = 0.45
"""The share of its bytes that prose of Han or kana compresses to; what takes less repeats itself."""


class _Question(NamedTuple):
    """The question, analysed."""

    text: str = ""
    cut: bool = False
    scale: float = 1.0
    counted: Census = Census()
    language: str = ""
    shape: Shape | None = None
    cues: Cues | None = None
    asked_words: int = 0
    document_words: int = 0
    asks: bool = False


def read_request(body: Mapping[str, Any], surface: Surface) -> tuple[RequestFeatures, PromptText]:
    """The features of a request and its text, bounded.

    Never raises, whatever JSON ``body`` holds; the time it takes is bounded, whatever its size. Nothing in
    it is trusted: ``tags``, ``use_case``, a tagged ``task_type`` and ``model`` are the client's word.

    Args:
        body: The request as LiteLLM's hooks have it, LiteLLM's own keys beside the client's.
        surface: The API it came in by.

    Example:
        >>> from litellm_tiering.core.features import Surface
        >>> body = {"messages": [{"role": "user", "content": "What is the capital of France?"}]}
        >>> features, prompt = read_request(body, Surface.CHAT)
        >>> features.question_words, features.task_type.value, features.language
        (6, 'question', 'en')
    """
    body = fields_of(body)
    talk = read_body(body, surface)
    demands = read_demands(body, surface)
    charges = read_charges(body, surface)
    labels = read_labels(body)
    thread = read_thread(body, talk, surface)
    system, system_cut = clip("\n".join(talk.system) if len(talk.system) != 1 else talk.system[0])
    asked = find_question(talk)
    if not asked.text and not talk.turns and not asked.follow_up:
        asked = Asked(system)  # all there is to go by is in the system prompt
    found = _analyse(asked.text)
    stated = stated_task(system) if system and asked.text is not system else None
    if stated is not None and stated.doubtful and found.asks:
        stated = None  # "answer with a number only": what is asked is still the user's question
    task = labels.task or _task(asked, found, stated)
    factor = FOREIGN_FACTOR if found.language in LATIN else 1.0
    counted_tokens = tokens_of(found.counted)
    model = body.get("model")
    features = RequestFeatures(
        surface=surface,
        model=model[:_MAX_MODEL_CHARS] if isinstance(model, str) else "",
        prompt_tokens=_whole(
            factor * _text_tokens(talk, found, counted_tokens) + talk.extra_tokens + demands.tool_tokens
        ),
        prompt_chars=_whole(sum(b.chars for b in talk.bulk.values())),
        system_tokens=_whole(talk.bulk[Role.SYSTEM].tokens()) if Role.SYSTEM in talk.bulk else 0,
        question_tokens=_whole(factor * counted_tokens * found.scale),
        question_words=_whole(found.counted.word_equivalents * found.scale),
        question_chars=len(asked.text),
        turns=_whole(talk.turns),
        messages=talk.messages,
        tools=demands.tools,
        tool_results=_whole(talk.tool_results),
        images=talk.images,
        audio=talk.audio,
        files=talk.files,
        response_format=demands.response_format,
        max_tokens=demands.max_tokens,
        choices=demands.choices,
        stream=demands.stream,
        logprobs=demands.logprobs,
        code=found.shape is not None and found.shape.code,
        code_execution=demands.code_execution,
        language=found.language,
        task_type=task,
        task_tagged=labels.task is not None,
        use_case=labels.use_case[:MAX_LABEL_CHARS],
        follow_up=asked.follow_up,
        smalltalk=asked.smalltalk,
        tags=labels.tags,
        truncated=talk.partial or found.cut or system_cut,
        prompt_bytes=_bytes(body, talk, demands.tool_bytes + charges.format_bytes),
        attached_tokens=_whole(talk.attached_tokens),
        audio_tokens=_whole(talk.audio_tokens),
        file_tokens=_whole(talk.file_tokens),
        drafts=charges.drafts,
        thinking_tokens=charges.thinking_tokens,
        # Marks may be among what was not looked at.
        cache_ttl_s=max(talk.cache_ttl_s, charges.cache_ttl_s, CACHE_TTL_S if talk.partial else 0),
        searches=charges.searches,
        speaks=charges.speaks,
        priority=charges.priority,
        fast=charges.fast,
        elsewhere=talk.elsewhere,
        signals=_signals(found, stated),
        conversation=thread.turn,
        follows=thread.before,
        tool_step=talk.last_result > asked.at,
    )
    return features, PromptText(question=found.text, system=system)


def _whole(value: float) -> int:
    return int(value + 0.5)


def _bytes(body: Mapping[str, Any], talk: Conversation, more: float) -> int:
    """What all text comes to in UTF-8; where not all was looked at, no less than the request's own length."""
    size = math.ceil(sum(b.size for b in talk.bulk.values()) + talk.extra_bytes + more)
    if talk.partial:
        request = fields_of(body.get("proxy_server_request"))
        length = fields_of(request.get("headers")).get("content-length")
        if isinstance(length, str) and length.isdecimal() and len(length) <= _LONGEST_LENGTH:
            return max(size, int(length))
    return size


def _text_tokens(talk: Conversation, found: _Question, counted_tokens: float) -> float:
    tokens = 0.0
    for role, bulk in talk.bulk.items():
        if role is Role.USER and bulk.chars == len(found.text):
            tokens += counted_tokens  # the question is all there is: counted already
        elif bulk.chars:
            tokens += bulk.tokens()
    return tokens


def _analyse(whole: str) -> _Question:
    """All that is worth knowing of the question's text."""
    text, cut = clip(whole)
    if not text:
        return _Question()
    scale = len(whole) / len(text) if cut else 1.0
    counted = census(text)
    instruction, document = split_instruction(text)
    blocks = "\n\n" in text
    if document and not blocks and not points_at_document(instruction):
        instruction, document = text, ""  # one long question rather than one about a text
    heard = _hear(instruction)
    if document and blocks and not heard.asks:
        document, heard = "", _hear(text)  # likewise: what stands around the block asks for nothing
    new = _newness(text, counted)
    if document:
        # What is asked was read whole, however long the document is.
        document_words = _whole(words_of(document) * scale * new)
        total = words_of(instruction)
    else:
        document_words = 0
        total = _whole(counted.word_equivalents * scale * new)
    if whole.isascii():
        language = detect_language(heard.folded, heard.tokens[:_LANGUAGE_WORDS], counted)
    else:
        start = heard.text[:_LANGUAGE_CHARS]
        folded = start.casefold()
        language = detect_language(folded, tokenise(folded)[:_LANGUAGE_WORDS], census(start))
    return _Question(
        text=text,
        cut=cut,
        scale=scale,
        counted=counted,
        language=language,
        shape=read_shape(text),
        cues=heard.cues,
        asked_words=max(0, total - heard.removed),
        document_words=document_words,
        asks=heard.asks,
    )


def _newness(text: str, counted: Census) -> float:
    """For scripts without spaces, how much of ``text`` is no repetition: by its compressed size, at most 1.

    Their words are estimated from their bytes, which a text that says one thing over and over has many of.
    """
    if counted.script is NO_SCRIPT:
        return 1.0
    unspaced = counted.script.han + counted.script.kana
    if unspaced < _REPEATED_FROM or unspaced * 2 < counted.letters:
        return 1.0
    raw = text[:_COMPRESSED_CHARS].encode("utf-8", "replace")
    return min(1.0, len(zlib.compress(raw, 1)) / (_LEAST_NEW * len(raw)))


class _Heard(NamedTuple):
    """An instruction and what its words say, those that only say how hard it is left out."""

    text: str
    folded: str
    tokens: list[str]
    cues: Cues
    removed: int

    @property
    def asks(self) -> bool:
        """Whether it asks for something."""
        return self.cues.leading or self.cues.asking or bool(self.cues.lookup) or "?" in self.text


def _hear(instruction: str) -> _Heard:
    text = _bounded(instruction)
    folded = plain(text)
    tokens = tokenise(folded)
    told = deflated(folded, tokens)
    cues = read_cues(told, tokens if told is folded else None)
    if cues.technical >= _STUFFED or cues.hard + cues.proof > 1:
        bare = unstuffed(told)
        if bare is not told:
            told, cues = bare, read_cues(bare)
    if told is folded:
        return _Heard(text, folded, tokens, cues, 0)
    removed = max(0, words_of(folded) - words_of(told))
    return _Heard(text, folded, tokens, cues, removed)


def _bounded(text: str) -> str:
    """The part of an instruction whose words are read one by one."""
    if len(text) <= _CUE_HEAD_CHARS + _CUE_TAIL_CHARS:
        return text
    return f"{text[:_CUE_HEAD_CHARS]}\n{text[-_CUE_TAIL_CHARS:]}"


def _task(asked: Asked, found: _Question, stated: Stated | None) -> TaskType:
    """The kind of work: what the system prompt states, else what the question looks like."""
    if asked.smalltalk or found.cues is None or found.shape is None:
        return stated.task if stated and not asked.smalltalk else TaskType.CHAT
    return stated.task if stated else guess_task(found.cues, found.shape)


def _signals(found: _Question, stated: Stated | None) -> dict[str, float]:
    """The signals of a request.

    ``asked_words`` and ``document_words`` part the question's words into what is asked and what it is asked
    of, pleas left out; ``hard`` and ``proof`` count verbs of hard kind (a half where one may be a noun);
    ``technical``, ``lookup``, ``constraints``, ``numbers``, ``questions`` (marks), ``options`` (lines of a
    multiple choice) and ``long_words`` are counts; ``maths`` is signs for every hundred characters; ``why``
    and ``stated`` (the task is the system prompt's) are 0 or 1.
    """
    if found.cues is None or found.shape is None:
        return {}
    cues, shape = found.cues, found.shape
    signals = {
        "asked_words": float(found.asked_words),
        "document_words": float(found.document_words),
        "hard": float(cues.hard),
        "proof": float(cues.proof),
        "technical": float(cues.technical),
        "lookup": float(cues.lookup),
        "why": float(cues.why),
        "constraints": float(cues.constraints + shape.list_items),
        "numbers": float(shape.numbers),
        "questions": float(shape.questions),
        "maths": shape.maths,
        "options": float(shape.options),
        "long_words": float(cues.long_words),
        "stated": 0.0,
    }
    if stated is not None:
        # The user's text is then what the task is done to: its words are not what is asked.
        signals["stated"] = 1.0
        signals["hard"], signals["proof"] = float(stated.hard), float(stated.proof)
        signals["lookup"] = signals["why"] = signals["constraints"] = 0.0
        if stated.hard or stated.proof:
            # "leader election on a ring" is all of the question, and the least part of what is asked.
            signals["technical"] = max(signals["technical"], float(stated.technical))
            signals["asked_words"] += float(stated.words)
        else:
            signals["technical"] = 0.0
            signals["document_words"] += signals["asked_words"]
            signals["asked_words"] = float(stated.words)
    return signals
