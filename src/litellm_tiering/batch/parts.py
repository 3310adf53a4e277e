"""Lines as provider batches, through the proxy's ``/v1/files`` and ``/v1/batches``.

What is known is in the journal before the next step is taken: a run that was killed goes on with the file
that was uploaded and the batch that was created. Where it was killed between asking for a batch and hearing
its id, the provider's list is searched for it first.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote

from litellm_tiering.batch.answers import Answer, Failure, failure_in
from litellm_tiering.batch.asks import dumps
from litellm_tiering.batch.pace import HALTED, Stopped, wait_s
from litellm_tiering.batch.proxy import Upload, may_pass
from litellm_tiering.batch.sorting import part_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from litellm_tiering.batch.asks import Ask
    from litellm_tiering.batch.journal import Journal, Part
    from litellm_tiering.batch.proxy import Proxy, Reply

FIRST_POLL_S = 1.0
_SLOWER = 1.5
_CREATE_TRIES = 5
_DOWNLOAD_TRIES = 3
_LOOKS_FOR_FILES = 10
_AT_ONCE = 200
_LISTED = 100
_MARK = "litellm_tiering_part"
_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})


class Parts:
    """Sees parts through.

    Args:
        proxy: Who is asked.
        journal: Where everything is kept.
        run: The run's own name, by which its batches are known at the provider.
        folder: Where the files that are uploaded are made.
        poll_s: The longest pause between two looks at a batch, in seconds.
        on_answer: Told of each line once it is on the disk.
        secret: The key, to be kept out of messages.
    """

    def __init__(  # noqa: PLR0913 - what it works with
        self,
        proxy: Proxy,
        journal: Journal,
        run: str,
        *,
        folder: Path,
        poll_s: float,
        on_answer: Callable[[Answer], None],
        secret: str = "",
    ) -> None:
        self._proxy = proxy
        self._journal = journal
        self._run = run
        self._folder = folder
        self._poll_s = poll_s
        self._on_answer = on_answer
        self._secret = secret

    # ------------------------------------------------------------------ there

    async def submit(self, part: Part, asks: Callable[[], Iterable[Ask]]) -> Failure | None:
        """See that the provider has a part's batch; why not, where it does not want it.

        Args:
            part: The part, as the journal has it.
            asks: The whole input.

        Raises:
            Stopped: the run cannot go on.
        """
        if part.state == "planned":
            with tempfile.TemporaryFile(dir=self._folder) as file:
                self._fill(file, part, asks())
                upload = Upload(file, "batch.jsonl", {"purpose": "batch", "model": part.model})
                found = await self._proxy.ask("POST", "/v1/files", upload=upload)
            if isinstance(found, Failure) or not (file_id := _text(found.body, "id")):
                return found if isinstance(found, Failure) else _unlike(found)
            part = self._keep(part, state="uploaded", file=file_id)
        if part.state in {"uploaded", "creating"}:
            created = await self._create(part)
            return created if isinstance(created, Failure) else None
        return None

    def _fill(self, file: IO[bytes], part: Part, asks: Iterable[Ask]) -> None:
        members = self._journal.members(part.part)
        for ask in asks:
            if ask.number in members:
                file.write(part_line(ask, part.upstream))

    def _keep(self, part: Part, **changes: str) -> Part:
        changed = replace(part, **changes)  # type: ignore[arg-type]  # every field that changes is text
        self._journal.update(changed)
        return changed

    async def _create(self, part: Part) -> Part | Failure:
        """Ask for the batch, never twice for one that is there."""
        doubtful = part.state == "creating"
        part = self._keep(part, state="creating")
        wanted = {
            "input_file_id": part.file,
            "endpoint": part.path,
            "completion_window": "24h",
            "metadata": {_MARK: self._mark(part)},
        }
        for tried in range(1, _CREATE_TRIES + 1):
            batch = await self._find(part) if doubtful else ""
            if not batch:
                found = await self._proxy.ask("POST", "/v1/batches", dumps(wanted), tries=1)
                if isinstance(found, Failure) and may_pass(found) and tried < _CREATE_TRIES:
                    doubtful = True
                    await self._proxy.times.sleep(wait_s(tried, None, self._proxy.times.draw()))
                    continue
                if isinstance(found, Failure):
                    return found
                batch = _text(found.body, "id")
                if not batch:
                    return _unlike(found)
            return self._keep(part, state="created", batch=batch)
        raise Stopped(HALTED)

    def _mark(self, part: Part) -> str:
        return f"{self._run}-{part.part}"

    async def _find(self, part: Part) -> str:
        """The id of a batch that was asked for and not heard of; empty where the provider has none."""
        found = await self._proxy.ask(
            "GET", f"/v1/batches?limit={_LISTED}&model={quote(part.model, safe='')}"
        )
        listed = found.body.get("data") if not isinstance(found, Failure) else None
        for batch in listed if isinstance(listed, list) else []:
            metadata = batch.get("metadata") if isinstance(batch, dict) else None
            if isinstance(metadata, dict) and metadata.get(_MARK) == self._mark(part):
                return _text(batch, "id")
        return ""

    # ------------------------------------------------------------------ and back

    async def collect(self, part: Part, ids: Mapping[int, str | float | None]) -> None:
        """Wait for a part's batch and keep its answers.

        Args:
            part: The part, with a batch.
            ids: What the lines call themselves.

        Raises:
            Stopped: the run cannot go on.
        """
        if part.state == "created":
            part = await self._ended(part)
        wanted = set(self._journal.members(part.part)) - self._journal.answered()
        for file in filter(None, (part.output, part.errors)):
            await self._download(part, file, wanted, ids)
        why = Failure(None, "batch_failed", f"the provider's batch ended as {part.status} without this line")
        self._record([Answer(n, ids.get(n), failure=why, tier=part.tier, batch=part.batch) for n in wanted])
        self._keep(part, state="done")

    async def _ended(self, part: Part) -> Part:
        """The part once its batch has ended.

        LiteLLM counts a batch's cost each time that it is asked about after its end. So it is asked once,
        and that it has ended is kept before anything else is done.
        """
        pause_s = min(FIRST_POLL_S, self._poll_s)
        without_files = 0
        while True:
            await self._proxy.times.sleep(pause_s)
            pause_s = min(pause_s * _SLOWER, self._poll_s)
            found = await self._proxy.ask("GET", f"/v1/batches/{quote(part.batch, safe='')}")
            if isinstance(found, Failure):
                raise Stopped(f"a batch cannot be asked about: {found.message or found.kind}")
            status = _text(found.body, "status")
            output, errors = _text(found.body, "output_file_id"), _text(found.body, "error_file_id")
            if status == "completed" and not (output or errors):
                # Some providers name the files a moment later.
                without_files += 1
                if without_files < _LOOKS_FOR_FILES:
                    continue
            if status in _ENDED:
                return self._keep(
                    part, state="ended", output=output, errors=errors, status=status + _reason(found.body)
                )

    async def _download(
        self, part: Part, file: str, wanted: set[int], ids: Mapping[int, str | float | None]
    ) -> None:
        """Keep the answers in a file; those kept are no longer wanted."""
        for tried in range(1, _DOWNLOAD_TRIES + 1):
            held: list[Answer] = []
            try:
                async for raw in self._proxy.lines(f"/v1/files/{quote(file, safe='')}/content"):
                    answer = self._answer_in(raw, part, wanted, ids)
                    if answer is None:
                        continue
                    wanted.discard(answer.line)
                    held.append(answer)
                    if len(held) >= _AT_ONCE:
                        self._record(held)
                        held = []
            except Stopped:
                if tried == _DOWNLOAD_TRIES:
                    raise
                await self._proxy.times.sleep(wait_s(tried, None, self._proxy.times.draw()))
            else:
                return
            finally:
                self._record(held)

    def _record(self, answers: list[Answer]) -> None:
        if answers:
            self._journal.record(answers)
        for answer in answers:
            self._on_answer(answer)

    def _answer_in(
        self, raw: bytes, part: Part, wanted: set[int], ids: Mapping[int, str | float | None]
    ) -> Answer | None:
        """What a line of the provider's file says of a line that is wanted; None for any other."""
        try:
            told = json.loads(raw)
            number = int(told["custom_id"].removeprefix("line-"))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        if number not in wanted:
            return None
        response = told.get("response")
        answer = Answer(number, ids.get(number), tier=part.tier, model=part.model, batch=part.batch)
        if not isinstance(response, dict):
            return replace(answer, failure=failure_in(None, told, self._secret))
        status, body = response.get("status_code"), response.get("body")
        status = status if isinstance(status, int) else None
        if status != 200 or not isinstance(body, dict):  # noqa: PLR2004 - HTTP
            return replace(answer, status=status, failure=failure_in(status, body, self._secret))
        return replace(answer, status=status, body=body)


async def collect_all(parts: Parts, listed: Iterable[Part], ids: Mapping[int, str | float | None]) -> None:
    """Collect several parts at once; one that cannot be collected lets the others go on.

    Raises:
        Stopped: one could not be collected.
    """
    done = await asyncio.gather(*(parts.collect(p, ids) for p in listed), return_exceptions=True)
    for fault in done:
        if isinstance(fault, BaseException):
            raise fault


def _text(body: Any, key: str) -> str:  # noqa: ANN401 - JSON
    found = body.get(key) if isinstance(body, dict) else None
    return found if isinstance(found, str) else ""


def _reason(batch: Any) -> str:  # noqa: ANN401 - JSON
    """The first thing that was wrong with a batch, in brackets; empty where nothing was."""
    errors = batch.get("errors")
    listed = errors.get("data") if isinstance(errors, dict) else None
    first = _text(listed[0], "message") if isinstance(listed, list) and listed else ""
    return f" ({first[:200]})" if first else ""


def _unlike(reply: Reply) -> Failure:
    return Failure(reply.status, "bad_answer", "the answer is not like that of a batch API")
