"""``batch``: many requests from a file through the proxy, each answered once, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from litellm_tiering.batch.answers import Failure
from litellm_tiering.batch.asks import Bad, Unusable, ask_in
from litellm_tiering.batch.journal import Journal, JournalError
from litellm_tiering.batch.pace import Pace, Stopped, SystemTimes
from litellm_tiering.batch.proxy import Proxy
from litellm_tiering.batch.run import Manner, Run
from litellm_tiering.batch.sorting import Sorter, homes_in
from litellm_tiering.cli.batch_text import Follower, Summary
from litellm_tiering.cli.common import Exit, UsageError, add_common, note, print_json
from litellm_tiering.cli.inputs import BadLine, numbered, opened, parse_object
from litellm_tiering.cli.settings import bundled_prices, optional, settings_of
from litellm_tiering.files import STDIN

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from litellm_tiering.batch.asks import Ask

KEY = "LITELLM_API_KEY"
URL = "http://127.0.0.1:4000"
JOURNAL = ".journal"
"""What a journal's name ends with, after its output's."""

_LONGEST_CALL_S = 900.0
_CONNECT_S = 10.0
_MOST_AT_ONCE = 256


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "batch",
        help="answer a file of requests through the proxy, resumably",
        description="Reads JSON lines {prompt | messages | body, id?} or OpenAI's batch lines, asks the "
        "proxy for each, and writes one line for each in the same order. A run that was killed or had "
        "failures is taken up again with --resume. Exits with 1 when lines failed.",
    )
    parser.add_argument("--input", required=True, metavar="FILE", help="the lines; - for standard input")
    parser.add_argument("--output", required=True, metavar="FILE", help="the answers; - for standard output")
    add_common(parser)
    proxy = parser.add_argument_group("the proxy")
    proxy.add_argument("--url", default=URL, help="where it is (default: %(default)s)")
    proxy.add_argument(
        "--key-env", default=KEY, metavar="NAME", help="the variable with the key (default: %(default)s)"
    )
    proxy.add_argument("--model", help="ask every line for this; else for what it names, else for auto")
    how = parser.add_argument_group("how")
    how.add_argument(
        "--mode",
        choices=["calls", "batches", "auto"],
        default="auto",
        help="as calls, in the providers' batches, or in batches where a provider has them and a "
        "configuration is given (default: %(default)s)",
    )
    how.add_argument("--concurrency", type=int, default=8, metavar="N", help="calls at once (default: 8)")
    how.add_argument("--rate", type=float, metavar="N", help="requests a second at most")
    how.add_argument("--tries", type=int, default=6, metavar="N", help="for each request (default: 6)")
    how.add_argument("--wait", action="store_true", help="wait for a new window where a budget is exhausted")
    how.add_argument("--resume", action="store_true", help="go on with an earlier run, or begin one")
    how.add_argument(
        "--poll", type=float, default=30.0, metavar="S", help="seconds between two looks at a batch"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Answer the lines.

    Raises:
        UsageError: it cannot be done as asked.
        ConfigError: the configuration is wrong.
    """
    _check(options)
    _readable(options.input)
    if options.output != STDIN and not _to_do(options):
        note(f"nothing to do: {options.output} is complete")
        if options.json:
            print_json({"complete": True, "stopped": None})
        return Exit.DONE
    with contextlib.ExitStack() as stack:
        folder = Path(options.output).absolute().parent
        if STDIN in {options.input, options.output}:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="litellm-tiering-")))
            folder = scratch if options.output == STDIN else folder
        source = options.input
        if source == STDIN:
            source = str(_spooled(scratch / "input.jsonl"))
        journal_path = _journal_of(options) if options.output != STDIN else scratch / "journal"
        sorter = _sorter(options)
        asyncio.run(_greet(options))
        journal = _opened(journal_path)
        stack.callback(journal.close)
        follower = Follower()
        stack.callback(follower.ends)
        try:
            why = asyncio.run(_go(options, source, journal, follower, sorter, folder))
        except (JournalError, OSError) as error:
            raise UsageError(str(error)) from None
        follower.ends()
        return _ended(options, journal, journal_path, follower, why)


def _check(options: argparse.Namespace) -> None:
    if not 1 <= options.concurrency <= _MOST_AT_ONCE:
        raise UsageError(f"--concurrency must be from 1 to {_MOST_AT_ONCE}")
    if options.rate is not None and not (math.isfinite(options.rate) and options.rate > 0):
        raise UsageError("--rate must be more than 0")
    if options.tries < 1:
        raise UsageError("--tries must be 1 or more")
    if not (math.isfinite(options.poll) and options.poll > 0):
        raise UsageError("--poll must be more than 0")
    if options.output == STDIN and options.resume:
        raise UsageError("--resume needs an --output that is a file: its journal lies beside it")
    if options.input == options.output != STDIN:
        raise UsageError("--input and --output are the same file")
    if not os.environ.get(options.key_env):
        raise UsageError(f"there is no key: put the proxy's into {options.key_env}")
    try:
        url = httpx.URL(options.url)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in {"http", "https"} or not url.host:
        raise UsageError("--url must be the proxy's, such as http://127.0.0.1:4000")


def _readable(name: str) -> None:
    """Refuse an input that cannot be read before anything is asked of the proxy."""
    if name != STDIN:
        with opened(name):
            pass


def _journal_of(options: argparse.Namespace) -> Path:
    return Path(f"{options.output}{JOURNAL}")


def _to_do(options: argparse.Namespace) -> bool:
    """Whether there is anything to do.

    Raises:
        UsageError: there is an earlier run, and nobody said to take it up.
    """
    output, journal = Path(options.output), _journal_of(options)
    if journal.exists():
        if not options.resume:
            raise UsageError(
                "an earlier run was not finished, or had failures: --resume goes on with it; "
                f"remove {journal} to begin anew"
            )
        return True
    if output.exists() and not options.resume:
        raise UsageError(f"{output} is there already: remove it, or name another")
    return not output.exists()


def _spooled(path: Path) -> Path:
    """Standard input in a file: it is read more than once."""
    with path.open("wb") as file:
        for _, raw in numbered(STDIN):
            file.write(raw + b"\n")
    return path


def _opened(path: Path) -> Journal:
    try:
        return Journal(path)
    except JournalError as error:
        raise UsageError(str(error)) from None


def _sorter(options: argparse.Namespace) -> Sorter | None:
    """Who sorts lines into batches; None for calls alone.

    Raises:
        UsageError: batches are asked for, and there is no configuration, or no provider that has them.
    """
    where = None if options.mode == "calls" else optional(options.config)
    homes = {} if where is None else homes_in(where.proxy(), where.env)
    if where is None or not homes:
        if options.mode == "batches":
            raise UsageError(
                "--mode batches needs --config with a model_list of providers that have a batch API: "
                "the proxy does not sort the lines of a batch into tiers"
            )
        return None
    settings = settings_of(where)
    with bundled_prices():
        from litellm_tiering.gateway.offline import tier_facts  # noqa: PLC0415 - importing LiteLLM takes seconds

    facts = tier_facts(settings.ladder, settings.requirements, where.proxy(), where.env)
    return Sorter(settings, facts, homes)


def _lines(name: str, model: str | None) -> Iterator[Ask | Bad]:
    return (_line(number, raw, model) for number, raw in numbered(name))


def _line(number: int, raw: bytes, model: str | None) -> Ask | Bad:
    try:
        return ask_in(number, parse_object(raw), model)
    except (BadLine, Unusable) as error:
        return Bad(number, str(error))


async def _go(  # noqa: PLR0913, PLR0917 - what a run is made of
    options: argparse.Namespace,
    source: str,
    journal: Journal,
    follower: Follower,
    sorter: Sorter | None,
    folder: Path,
) -> str:
    """Run; why it stopped early, empty where it did not."""
    halted = asyncio.Event()
    times = SystemTimes(halted)
    secret = os.environ[options.key_env]
    manner = Manner(options.mode, options.concurrency, options.poll, folder, secret)
    async with _client(options) as client:
        proxy = Proxy(
            client,
            Pace(times, halted, options.rate),
            times,
            secret=secret,
            tries=options.tries,
            wait=options.wait,
            on_wait=follower.waits,
        )
        with _ending_gently(halted):
            work = Run(
                lambda: _lines(source, options.model),
                journal,
                proxy,
                manner,
                follower,
                sorter=sorter,
                halted=halted,
            )
            try:
                await work.go()
            except Stopped as why:
                return str(why)
    return "interrupted" if halted.is_set() else ""


def _client(options: argparse.Namespace) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=options.url.rstrip("/"),
        headers={"authorization": f"Bearer {os.environ[options.key_env]}"},
        timeout=httpx.Timeout(_LONGEST_CALL_S, connect=_CONNECT_S),
        limits=httpx.Limits(max_connections=options.concurrency + 8),
    )


async def _greet(options: argparse.Namespace) -> None:
    """See that there is a proxy that takes the key, before anything long begins.

    Raises:
        UsageError: there is none.
    """
    halted = asyncio.Event()
    times = SystemTimes(halted)
    async with _client(options) as client:
        proxy = Proxy(client, Pace(times, halted), times, secret=os.environ[options.key_env])
        found = await proxy.ask("GET", "/v1/models", tries=1)
    if isinstance(found, Failure):
        said = f"status {found.status}" if found.status else found.message
        raise UsageError(f"the proxy does not let us in ({said}): look at --url and the key")


@contextlib.contextmanager
def _ending_gently(halted: asyncio.Event) -> Iterator[None]:
    """On the first SIGINT or SIGTERM let what is under way end; the second ends it at once."""
    loop = asyncio.get_running_loop()

    def halt(kind: signal.Signals) -> None:
        halted.set()
        loop.remove_signal_handler(kind)

    kinds = (signal.SIGINT, signal.SIGTERM)
    for kind in kinds:
        # Where an event loop knows no signals they end the process at once, which loses nothing either.
        with contextlib.suppress(NotImplementedError, RuntimeError):
            loop.add_signal_handler(kind, halt, kind)
    try:
        yield
    finally:
        for kind in kinds:
            with contextlib.suppress(NotImplementedError, RuntimeError):
                loop.remove_signal_handler(kind)


def _ended(options: argparse.Namespace, journal: Journal, path: Path, follower: Follower, why: str) -> Exit:
    """Write the output where every line has something to say, and tell what it came to."""
    shares, failures = journal.shares(), journal.failures()
    complete = len(journal.recorded()) == follower.total
    if complete:
        _write(options.output, journal.results())
    if complete and not failures and options.output != STDIN:
        journal.close()
        path.unlink(missing_ok=True)
    told = Summary(follower.total, follower.before, shares, failures, why, complete)
    if options.json and options.output != STDIN:
        print_json(told.as_json())
    else:
        for line in told.as_text(options.output, path):
            note(line)
    return Exit.DONE if complete and not failures else Exit.FINDINGS


def _write(name: str, results: Iterator[str]) -> None:
    """Write the output, whole or not at all."""
    if name == STDIN:
        for line in results:
            sys.stdout.write(line + "\n")
        return
    target = Path(name).absolute()
    partial = target.with_name(f".{target.name}.partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            for line in results:
                file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    except OSError as error:
        raise UsageError(f"{name} cannot be written ({error.strerror or error})") from None
