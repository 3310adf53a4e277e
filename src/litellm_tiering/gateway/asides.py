"""Questions of classifiers to the proxy's own models, by the live router, in the name of the caller.

They go straight to the router and carry the id of an aside, so they are never classified, cascaded or counted
as requests themselves; LiteLLM logs them, and bills key and team, as it does the caller's own.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.aside import Reply
from litellm_tiering.core.features import Caller
from litellm_tiering.core.price import Usage
from litellm_tiering.gateway import bill, compat
from litellm_tiering.gateway.apply import ATTEMPT_KEY
from litellm_tiering.gateway.loose import get
from litellm_tiering.gateway.usage import usage_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from litellm_tiering.asides import Asides
    from litellm_tiering.core.aside import Aside, Chat

GIVEN_UP_S = 30.0
"""After how long LiteLLM gives a question up; nobody has waited for it that long."""

LONGEST_VECTOR = 8_192

_BAD_REQUEST = 400

_ONCE = {"num_retries": 0, "disable_fallbacks": True, "timeout": GIVEN_UP_S}
"""One call and no other: a fallback could be the dearest model, and a retry comes too late."""


class RouterSideCalls:
    """Asks models for one request.

    Args:
        asides: Keeps their books.
        router: Says which router.
        priced: What a call cost, in nano-dollars, by LiteLLM's figure, its tokens and its group.
        data: The request as LiteLLM has it, for the caller's identity; None where there is none.
        caller: Who pays.
        route: The request's route.
        tags: The request's tags.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - one request, and what it is charged to
        self,
        asides: Asides,
        router: Callable[[], Any],
        priced: Callable[[float | None, Usage, str], int],
        data: Mapping[str, Any],
        caller: Caller,
        route: str,
        tags: frozenset[str],
    ) -> None:
        self._books = asides
        self._router = router
        self._priced = priced
        self._data = data
        self._caller = caller
        self._route = route
        self._tags = tags
        self._mine: list[Aside] = []

    @property
    def asides(self) -> Sequence[Aside]:
        """The calls made for this request, in order."""
        return self._mine

    def chat(self, asked: Chat) -> Awaitable[Reply] | None:
        """The answer of a chat model; None where the caller's budget is used up."""
        aside = self._opened(asked.by, asked.model)
        return None if aside is None else self._chat(asked, aside)

    async def _chat(self, asked: Chat, aside: Aside) -> Reply:
        kwargs: dict[str, Any] = {
            "messages": [
                {"role": "system", "content": asked.system},
                {"role": "user", "content": asked.text},
            ],
            "temperature": 0,
            "max_tokens": asked.max_tokens,
            # Reasoning models take no temperature, and some models no schema: LiteLLM leaves it out then.
            "drop_params": True,
            **self._call(aside, self._data),
        }
        answer = await self._sent(aside, lambda: self._held_to(asked, kwargs))
        choices = get(answer, "choices")
        message = get(choices[0], "message") if isinstance(choices, list) and choices else None
        text = get(message, "content")
        return Reply(text if isinstance(text, str) else "", aside)

    async def _held_to(self, asked: Chat, kwargs: dict[str, Any]) -> Any:
        """The answer, held to the schema where the model takes one; one that refuses is asked without."""
        router = self._router()
        if asked.model in self._books.schemaless or not compat.takes(router, asked.model, "response_format"):
            return await router.acompletion(**kwargs)
        schema = {"name": "tier", "strict": True, "schema": dict(asked.schema)}
        try:
            return await router.acompletion(
                **kwargs, response_format={"type": "json_schema", "json_schema": schema}
            )
        except Exception as error:
            if getattr(error, "status_code", None) != _BAD_REQUEST:
                raise
        self._books.schemaless.add(asked.model)
        return await router.acompletion(**{**kwargs, "litellm_call_id": str(uuid.uuid4())})

    def embed(
        self, by: str, model: str, texts: Sequence[str], *, own: bool = True
    ) -> Awaitable[list[list[float]]] | None:
        """The vectors of an embedding model; None where the caller's budget is used up."""
        aside = self._opened(by, model) if own else self._books.open(by, model, Caller(), "", frozenset())
        return None if aside is None else self._embed(aside, texts, own=own)

    async def _embed(self, aside: Aside, texts: Sequence[str], *, own: bool) -> list[list[float]]:
        kwargs = {"input": list(texts), **self._call(aside, self._data if own else {})}
        answer = await self._sent(aside, lambda: self._router().aembedding(**kwargs))
        rows = get(answer, "data")
        found = [_vector(get(row, "embedding")) for row in rows] if isinstance(rows, list) else []
        if len(found) != len(texts) or not all(found) or len({len(v) for v in found}) > 1:
            raise ValueError("the embedding model did not answer with one vector for each text")
        return found

    def _opened(self, by: str, model: str) -> Aside | None:
        aside = self._books.open(by, model, self._caller, self._route, self._tags)
        if aside is not None:
            self._mine.append(aside)
        return aside

    def _call(self, aside: Aside, data: Mapping[str, Any]) -> dict[str, Any]:
        """What every call carries: its own id, the caller's metadata, and no second try."""
        theirs = data.get("litellm_metadata", data.get("metadata"))
        metadata = {**compat.callers_metadata(theirs), ATTEMPT_KEY: aside.id}
        return {
            **_ONCE,
            "model": aside.model,
            "metadata": metadata,
            "litellm_call_id": str(uuid.uuid4()),
        }

    async def _sent(self, aside: Aside, call: Callable[[], Awaitable[Any]]) -> Any:
        try:
            answer = await call()
        except BaseException:
            self._books.ended(aside, "failed")
            raise
        used = usage_in(get(answer, "usage")) or Usage()
        cost = 0 if bill.from_cache(answer) else self._priced(bill.cost_in(answer), used, aside.model)
        self._books.ended(aside, "ok", cost)
        return answer


def _vector(value: Any) -> list[float]:
    """A vector of finite numbers; empty for anything else."""
    if not isinstance(value, list) or len(value) > LONGEST_VECTOR:
        return []
    try:
        found = [float(x) for x in value]
    except (TypeError, ValueError):
        return []
    return found if all(abs(x) < 1e6 for x in found) else []  # noqa: PLR2004 - no embedding comes near; false of NaN
