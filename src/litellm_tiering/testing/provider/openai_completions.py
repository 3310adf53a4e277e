"""OpenAI's older ``/v1/completions``: a prompt in, a text out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.testing.provider import reading
from litellm_tiering.testing.provider.logprobs import all_logprobs
from litellm_tiering.testing.provider.openai_chat import usage
from litellm_tiering.testing.provider.reading import BadRequest, object_at
from litellm_tiering.testing.provider.shapes import Ask
from litellm_tiering.testing.provider.wire import Event, Wire, bits, dumps, openai_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from litellm_tiering.testing.provider.logprobs import TokenLogprob
    from litellm_tiering.testing.provider.wire import Reply


def read(body: Mapping[str, object]) -> Ask:
    """A completion request; a list of prompts is answered as one text.

    Raises:
        BadRequest: it is not one.
    """
    model = reading.model_of(body)
    prompt = body.get("prompt")
    if isinstance(prompt, list):
        prompt = "\n".join(str(part) for part in prompt)
    if not isinstance(prompt, str):
        raise BadRequest("Missing required parameter: 'prompt'.")
    top = reading.whole_number(body, "logprobs", 0, reading.MAX_TOP_LOGPROBS)
    return Ask(
        model=model,
        said=prompt,
        prompt_tokens=reading.prompt_tokens([prompt], body),
        stream=body.get("stream") is True,
        max_tokens=reading.whole_number(body, "max_tokens"),
        logprobs=top is not None,
        top_logprobs=top or 0,
        n=reading.whole_number(body, "n", 1, reading.MAX_CHOICES) or 1,
        include_usage=object_at(body, "stream_options").get("include_usage") is True,
        body=body,
    )


def _base(reply: Reply) -> dict[str, object]:
    return {
        "id": reply.ident("cmpl-"),
        "object": "text_completion",
        "created": reply.created_s,
        "model": reply.ask.model,
    }


def _logprobs(found: Sequence[TokenLogprob], offset: int) -> Mapping[str, object]:
    offsets = [offset]
    for item in found:
        offsets.append(offsets[-1] + len(item.token))
    return {
        "tokens": [item.token for item in found],
        "token_logprobs": [item.logprob for item in found],
        "top_logprobs": [dict(item.top) for item in found],
        "text_offset": offsets[:-1],
    }


def whole(reply: Reply) -> Mapping[str, object]:
    """The answer as one ``text_completion``."""
    choices = [
        {
            "index": index,
            "text": choice.text,
            "logprobs": _logprobs(all_logprobs(choice, reply.ask.top_logprobs), 0)
            if reply.ask.logprobs
            else None,
            "finish_reason": choice.finish,
        }
        for index, choice in enumerate(reply.answer.choices)
    ]
    return _base(reply) | {"choices": choices, "usage": usage(reply)}


def events(reply: Reply) -> Iterator[Event]:
    """The answer as a stream of ``text_completion``."""
    base = _base(reply)
    for index, choice in enumerate(reply.answer.choices):
        offset = 0
        for bit in bits(choice, choice.text, reply.ask):
            found = _logprobs(bit.logprobs, offset) if bit.logprobs else None
            part = {"index": index, "text": bit.text, "logprobs": found, "finish_reason": None}
            yield Event(f"data: {dumps(base | {'choices': [part]})}\n\n", bit.tokens)
            offset += len(bit.text)
        last = {"index": index, "text": "", "logprobs": None, "finish_reason": choice.finish}
        yield Event(f"data: {dumps(base | {'choices': [last]})}\n\n")
    if reply.ask.include_usage:
        yield Event(f"data: {dumps(base | {'choices': [], 'usage': usage(reply)})}\n\n")
    yield Event("data: [DONE]\n\n")


WIRE = Wire("/v1/completions", read, whole, events, openai_error)
