"""A real HTTP server that takes webhooks and answers as a test tells it."""

from __future__ import annotations

import contextlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Taken:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self):
        return json.loads(self.body)


@dataclass
class Receiver:
    """What was received, and with what status the next requests are answered; the last stays."""

    url: str = ""
    taken: list[Taken] = field(default_factory=list)
    answers: list[int] = field(default_factory=lambda: [200])
    headers: dict[str, str] = field(default_factory=dict)
    hangs: threading.Event | None = None

    @property
    def kinds(self):
        return [t.event["event"] for t in self.taken]


@contextlib.contextmanager
def receiving():
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            found.taken.append(Taken(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            if found.hangs is not None:
                found.hangs.wait(30)
            self.send_response(found.answers.pop(0) if len(found.answers) > 1 else found.answers[0])
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - http.server's name

        def log_message(self, *args):
            """Say nothing: a test's output is its own."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request, client_address):
            """A client that has gone is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_address[1]}/hook/s3cr3t-path"
    try:
        yield found
    finally:
        if found.hangs is not None:
            found.hangs.set()
        server.shutdown()
        server.server_close()
        thread.join()
