"""The command line: ``litellm-tiering VERB``. One module per family of verbs."""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
import sys
from typing import TYPE_CHECKING

from litellm_tiering import __version__
from litellm_tiering.cli import (
    analyze,
    batch,
    check,
    exempt,
    explain,
    gate,
    init,
    replay,
    report,
    score,
    status,
    switch,
    train,
    tune,
)
from litellm_tiering.cli import eval as evaluate
from litellm_tiering.cli.common import Exit, UsageError, note, visible
from litellm_tiering.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

VERBS = (
    analyze,
    batch,
    check,
    evaluate,
    exempt,
    explain,
    gate,
    init,
    replay,
    report,
    score,
    status,
    switch,
    train,
    tune,
)

_INTERRUPTED = 130  # as a shell reports SIGINT


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status: 0 done, 1 findings, 2 wrong usage or configuration.

    Args:
        argv: The arguments without the program's name; those of the process when None.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    _prepare()
    try:
        options = _parser().parse_args(words)
    except SystemExit as left:
        # argparse leaves by itself, after --help (0) and wrong usage (2).
        return left.code if isinstance(left.code, int) else Exit.USAGE
    with _gates_from_here():
        return _run(options)


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


def _run(options: argparse.Namespace) -> int:
    """Run the verb that was asked for; what goes wrong on purpose becomes a message and a status."""
    try:
        status_ = int(options.run(options))
        sys.stdout.flush()
    except UsageError as error:
        note(str(error))
    except ConfigError as error:
        print(visible(str(error)), file=sys.stderr)
    except BrokenPipeError:
        _abandon_output()
        return Exit.FINDINGS
    except KeyboardInterrupt:
        note("interrupted")
        return _INTERRUPTED
    else:
        return status_
    return Exit.USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="litellm-tiering",
        description="Complexity routing, answer cascades and exact budgets for the LiteLLM proxy.",
        epilog="exit status: 0 done; 1 findings; 2 wrong usage or configuration; 4 an unreachable target",
    )
    parser.add_argument("--version", action="version", version=f"litellm-tiering {__version__}")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for verb in VERBS:
        verb.add(verbs)
    return parser


def _prepare() -> None:
    """Make output that cannot fail on a character, and keep the log, which is the proxy's, off it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    log = logging.getLogger("litellm_tiering")
    if not log.handlers:
        log.addHandler(logging.NullHandler())


def _abandon_output() -> None:
    """The reader of our output is gone, as after ``| head``: let the interpreter's last flush go nowhere."""
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device, for its descriptor
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
