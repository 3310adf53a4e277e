"""``python -m litellm_tiering.testing.provider``: the simulated provider as a process of its own."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import uvicorn

from litellm_tiering.testing.provider import Latency, create_app

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

_STOP_WITHIN_S = 1


class _Server(uvicorn.Server):
    """Says where it is once it listens: with port 0 nobody knows before."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for bound in sockets or ():
            host, port = bound.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            print(f"simulated provider on http://{shown}:{port}", flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Serves until it is told to stop (SIGINT, SIGTERM)."""
    parser = argparse.ArgumentParser(
        prog="python -m litellm_tiering.testing.provider",
        description="A simulated LLM provider with OpenAI's and Anthropic's APIs.",
    )
    parser.add_argument("--port", type=int, default=9100, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    for size, default in (("small", 20.0), ("medium", 40.0), ("large", 80.0)):
        said = f"milliseconds to the first token of a {size} model (default: %(default)s)"
        parser.add_argument(f"--latency-ms-{size}", type=float, default=default, help=said)
    asked = parser.parse_args(argv)
    latency = Latency(asked.latency_ms_small, asked.latency_ms_medium, asked.latency_ms_large)
    config = uvicorn.Config(
        create_app(latency),
        host=asked.host,
        port=asked.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=_STOP_WITHIN_S,
    )
    _Server(config).run(sockets=[config.bind_socket()])


if __name__ == "__main__":
    main()
