"""OpenAI's files and batches, in memory.

A batch is worked through when it is asked about for the second time, by the models that answer calls: faults
and the log of calls know its lines like any other call, at the path ``/v1/batches``. What a batch costs is
not this server's to say; providers ask half.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.datastructures import UploadFile
from starlette.responses import Response
from starlette.routing import Route

from litellm_tiering.testing.provider.reading import BadRequest, is_object, is_text, object_at, parse, text_at
from litellm_tiering.testing.provider.wire import dumps, openai_error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from starlette.requests import Request

    Answering = Callable[[str, Mapping[str, object]], tuple[int, Mapping[str, object]]]
    """A path and a body to a status and a body."""

PATH = "/v1/batches"
"""Where the log of calls has the lines of a batch."""

POLLS = 2
"""A batch is done when it is asked about for this many times."""

MAX_FILES = 1_000
MAX_FILE_BYTES = 200_000_000
MAX_LINES = 50_000
_DAY_S = 86_400
_LINES_AT_ONCE = 100
_LISTED = 100


@dataclass(slots=True)
class _File:
    id: str
    name: str
    purpose: str
    content: bytes
    at: int

    def to_json(self) -> dict[str, object]:
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.content),
            "created_at": self.at,
            "filename": self.name,
            "purpose": self.purpose,
            "status": "processed",
        }


@dataclass(slots=True)
class _Batch:
    id: str
    input: str
    endpoint: str
    at: int
    metadata: Mapping[str, object]
    status: str = "validating"
    polls: int = 0
    output: str | None = None
    failures: str | None = None
    completed: int = 0
    failed: int = 0
    total: int = 0
    errors: list[Mapping[str, object]] = field(default_factory=list)

    def to_json(self) -> dict[str, object]:
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": self.endpoint,
            "errors": {"object": "list", "data": self.errors} if self.errors else None,
            "input_file_id": self.input,
            "completion_window": "24h",
            "status": self.status,
            "output_file_id": self.output,
            "error_file_id": self.failures,
            "created_at": self.at,
            "expires_at": self.at + _DAY_S,
            "request_counts": {"total": self.total, "completed": self.completed, "failed": self.failed},
            "metadata": self.metadata,
        }


class Batches:
    """The handlers of these routes.

    Args:
        answer: What answers one line.
        endpoints: The paths that a batch's lines may ask for.
    """

    def __init__(self, answer: Answering, endpoints: Iterable[str]) -> None:
        self._answer = answer
        self._endpoints = frozenset(endpoints)
        self._files: dict[str, _File] = {}
        self._batches: dict[str, _Batch] = {}
        self._serial = 0

    def routes(self) -> Iterable[Route]:
        """The routes, for the application."""
        return [
            Route("/v1/files", self._told(self._upload), methods=["POST"]),
            Route("/v1/files/{id}", self._told(self._show), methods=["GET"]),
            Route("/v1/files/{id}", self._told(self._delete), methods=["DELETE"]),
            Route("/v1/files/{id}/content", self._told(self._content), methods=["GET"]),
            Route("/v1/batches", self._told(self._create), methods=["POST"]),
            Route("/v1/batches", self._told(self._list), methods=["GET"]),
            Route("/v1/batches/{id}", self._told(self._retrieve), methods=["GET"]),
            Route("/v1/batches/{id}/cancel", self._told(self._cancel), methods=["POST"]),
        ]

    @staticmethod
    def _told(
        handler: Callable[[Request], Awaitable[Response]],
    ) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except BadRequest as wrong:
                return _json(openai_error(400, str(wrong)), 400)
            except KeyError as gone:
                return _json(openai_error(404, f"No such object: {str(gone)[:80]}"), 404)

        return handle

    async def _upload(self, request: Request) -> Response:
        async with request.form() as form:
            file, purpose = form.get("file"), form.get("purpose")
            if not isinstance(file, UploadFile) or not isinstance(purpose, str):
                raise BadRequest("Missing required parameter: 'file' or 'purpose'.")
            content = await file.read(MAX_FILE_BYTES + 1)
            name = (file.filename or "")[:200]
        if len(content) > MAX_FILE_BYTES or len(self._files) >= MAX_FILES:
            raise BadRequest("The file is too large, or there are too many.")
        return _json(self._kept(name, purpose[:40], content).to_json())

    def _kept(self, name: str, purpose: str, content: bytes) -> _File:
        kept = _File(self._ident("file-"), name, purpose, content, int(time.time()))
        self._files[kept.id] = kept
        return kept

    def _ident(self, prefix: str) -> str:
        self._serial += 1
        return f"{prefix}sim{self._serial:08d}"

    async def _show(self, request: Request) -> Response:
        return _json(self._files[request.path_params["id"]].to_json())

    async def _delete(self, request: Request) -> Response:
        gone = self._files.pop(request.path_params["id"])
        return _json({"id": gone.id, "object": "file", "deleted": True})

    async def _content(self, request: Request) -> Response:
        file = self._files[request.path_params["id"]]
        return Response(file.content, media_type="application/octet-stream")

    async def _create(self, request: Request) -> Response:
        body = parse(await request.body())
        file = self._files[text_at(body, "input_file_id")]
        endpoint = text_at(body, "endpoint")
        if endpoint not in self._endpoints:
            raise BadRequest("Invalid value for 'endpoint'.")
        found = _Batch(
            self._ident("batch_"), file.id, endpoint, int(time.time()), dict(object_at(body, "metadata"))
        )
        self._batches[found.id] = found
        return _json(found.to_json())

    async def _list(self, _request: Request) -> Response:
        data = [b.to_json() for b in list(self._batches.values())[: -_LISTED - 1 : -1]]
        return _json({"object": "list", "data": data, "has_more": False})

    async def _retrieve(self, request: Request) -> Response:
        batch = self._batches[request.path_params["id"]]
        batch.polls += 1
        if batch.status == "validating":
            batch.status = "in_progress"
        elif batch.status == "in_progress" and batch.polls >= POLLS:
            batch.status = "finalizing"
            await self._work(batch)
        return _json(batch.to_json())

    async def _cancel(self, request: Request) -> Response:
        batch = self._batches[request.path_params["id"]]
        if batch.status in {"validating", "in_progress"}:
            batch.status = "cancelled"
        return _json(batch.to_json())

    async def _work(self, batch: _Batch) -> None:
        """Answer every line; what failed goes to a file of its own, as with OpenAI."""
        lines = [raw for raw in self._files[batch.input].content.splitlines() if raw.strip()]
        batch.total = len(lines)
        try:
            asked = _asked(lines, batch.endpoint)
        except BadRequest as wrong:
            batch.status = "failed"
            batch.errors = [{"code": "invalid_request", "message": str(wrong), "param": None, "line": None}]
            return
        good: list[str] = []
        bad: list[str] = []
        for i, (custom_id, body) in enumerate(asked):
            if i % _LINES_AT_ONCE == 0:
                await asyncio.sleep(0)
            status, answer = self._answer(batch.endpoint, body)
            response = {"status_code": status, "request_id": f"{batch.id}-{i}", "body": answer}
            line = {"id": f"batch_req_{batch.id}_{i}", "custom_id": custom_id, "response": response}
            (good if status == 200 else bad).append(dumps(line | {"error": None}))  # noqa: PLR2004 - HTTP
        batch.completed, batch.failed = len(good), len(bad)
        batch.output = self._results(batch, "output", good)
        batch.failures = self._results(batch, "error", bad)
        batch.status = "completed"

    def _results(self, batch: _Batch, kind: str, lines: list[str]) -> str | None:
        if not lines:
            return None
        # Providers promise no order.
        content = "\n".join(reversed(lines)).encode()
        return self._kept(f"{batch.id}_{kind}.jsonl", "batch_output", content).id


def _asked(lines: list[bytes], endpoint: str) -> list[tuple[str, Mapping[str, object]]]:
    """The lines' ids and bodies.

    Raises:
        BadRequest: one of them is no line of a batch for this endpoint, or there are too many.
    """
    if len(lines) > MAX_LINES:
        raise BadRequest(f"A batch has at most {MAX_LINES} lines.")
    found: dict[str, Mapping[str, object]] = {}
    for number, raw in enumerate(lines, start=1):
        line = parse(raw)
        custom_id, body = line.get("custom_id"), line.get("body")
        if not is_text(custom_id) or custom_id in found or not is_object(body):
            raise BadRequest(f"Line {number} needs a custom_id of its own and a body.")
        if line.get("method") != "POST" or line.get("url") != endpoint:
            raise BadRequest(f"Line {number} is not for {endpoint}.")
        found[custom_id] = body
    return list(found.items())


def _json(body: Mapping[str, object], status: int = 200) -> Response:
    return Response(json.dumps(body), status, media_type="application/json")
