"""The command line: ``litellm-tiering VERB``. One module per verb, imported when it is asked for."""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import os
import signal
import sys
import threading
from importlib import import_module
from typing import TYPE_CHECKING

from litellm_tiering import __version__
from litellm_tiering.cli.common import Exit, Interrupted, Unavailable, UsageError, note, print_error, visible
from litellm_tiering.cli.options import Misused, Parser, wants_json
from litellm_tiering.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence
    from types import FrameType

VERBS = (
    "analyze",
    "batch",
    "check",
    "completion",
    "eval",
    "exempt",
    "explain",
    "gate",
    "init",
    "replay",
    "report",
    "score",
    "status",
    "switch",
    "train",
    "tune",
)
"""Every verb; the module of its name adds it to the parser."""

STATUS = (
    (Exit.DONE, "done"),
    (Exit.FINDINGS, "findings"),
    (Exit.USAGE, "wrong usage or configuration"),
    (Exit.INFEASIBLE, "an unreachable target"),
    (Exit.INTERRUPTED, "interrupted"),
)
"""What the exit statuses say."""

_FAILURES: Mapping[type[Exception], tuple[str, Exit]] = {
    Misused: ("usage", Exit.USAGE),
    UsageError: ("usage", Exit.USAGE),
    ConfigError: ("configuration", Exit.USAGE),
    Unavailable: ("unavailable", Exit.FINDINGS),
    Interrupted: ("interrupted", Exit.INTERRUPTED),
}
"""What a failure is called in JSON, and the exit status that it makes."""

_FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status, as :data:`STATUS` has them.

    Args:
        argv: The arguments without the program's name; those of the process when None.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    with _streams(), _interruptible():
        try:
            status = _answered(words)
            sys.stdout.flush()
        except BrokenPipeError:
            # Nobody reads on, as after `| head`.
            _abandon_output()
            return Exit.FINDINGS
        except OSError as error:
            # Files are told of where they are read and written, with their names: this is none of them.
            if error.errno not in _FULL:
                raise
            _abandon_output()
            note(f"standard output cannot be written ({error.strerror or error})")
            return Exit.USAGE
    return status


def parser(names: Sequence[str] = VERBS) -> argparse.ArgumentParser:
    """The parser of the command line, with all of its verbs or with some: importing them takes a while."""
    found = Parser(
        prog="litellm-tiering",
        description="Complexity routing, answer cascades and exact budgets for the LiteLLM proxy.",
        epilog=f"exit status: {'; '.join(f'{code:d} {what}' for code, what in STATUS)}",
    )
    found.add_argument("-V", "--version", action="version", version=f"litellm-tiering {__version__}")
    verbs = found.add_subparsers(metavar="VERB", required=True)
    for name in names:
        import_module(f"{__name__}.{name}").add(verbs)
    return found


def _answered(words: Sequence[str]) -> int:
    """The status of a command; what goes wrong on purpose is told of, in JSON too where that is wanted."""
    as_json = wants_json(words)
    try:
        options = parser(_needed(words)).parse_args(words)
        as_json = bool(options.json)
        with _gates_from_here():
            return int(options.run(options))
    except SystemExit as left:
        return int(left.code or 0)  # argparse leaves by itself after --help and --version
    except (Misused, UsageError, ConfigError, Unavailable) as error:
        failed: Exception = error
    except KeyboardInterrupt:
        failed = Interrupted("interrupted")
    kind, status = next(known for which, known in _FAILURES.items() if isinstance(failed, which))
    if isinstance(failed, (Misused, ConfigError)):  # which say already who speaks
        print(visible(str(failed)), file=sys.stderr)
    else:
        note(str(failed))
    if as_json:
        print_error(kind, str(failed), failed.problems if isinstance(failed, ConfigError) else ())
    return status


def _needed(words: Sequence[str]) -> Sequence[str]:
    """The verbs that must be known to understand a command."""
    if words[:1] in (["-V"], ["--version"]):
        return ()
    return words[:1] if words and words[0] in VERBS else VERBS


@contextlib.contextmanager
def _gates_from_here() -> Iterator[None]:
    """Find functions of the owner's in the current directory, as LiteLLM's proxy does."""
    if "" in sys.path:
        yield
        return
    sys.path.append("")
    try:
        yield
    finally:
        sys.path.remove("")


@contextlib.contextmanager
def _streams() -> Iterator[None]:
    """Have three streams, none of which fails on a character, and keep the log, the proxy's, off them.

    One that the caller has closed is replaced by one that takes everything and holds nothing.
    """
    with contextlib.ExitStack() as stack:
        for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
            stream = getattr(sys, name)
            if stream is None:
                nowhere = stack.enter_context(open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123 - a device
                stack.callback(setattr, sys, name, None)
                setattr(sys, name, nowhere)
            elif mode == "w" and isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        log = logging.getLogger("litellm_tiering")
        if not log.handlers:
            log.addHandler(logging.NullHandler())
        yield


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Have Ctrl-C end what runs at once.

    By itself asyncio.run asks its task to stop, which one that computes, or waits for a line, never hears of.
    """
    first = threading.current_thread() is threading.main_thread()
    if not first or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield  # somebody else cares for it, or it is to be ignored
        return
    signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _interrupt(_kind: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _abandon_output() -> None:
    """Let the interpreter's last flush of the output go nowhere: its reader is gone, or the disk full."""
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device, for its descriptor
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
