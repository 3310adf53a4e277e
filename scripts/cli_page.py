"""The page docs/reference/cli.md, from the parser and the shapes of JSON; gen_reference.py writes it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from cli_shapes import NOTES, SHAPES

from litellm_tiering.cli import STATUS, parser

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = """# Command line

<!-- Generated from the code by scripts/gen_reference.py: change the descriptions there, not this page. -->

`litellm-tiering VERB [--config config.yaml] [--json]`. Results go to standard output, everything else to
standard error, so results can be piped. Long work shows how far it is where standard error is a terminal, and
nothing elsewhere; `NO_COLOR` is heeded. `-` is standard input, `.gz` is unpacked.

With `--json` standard output is one JSON document (of `score` and `gate`: lines), ASCII only, whatever comes
of the command. Where there is no result it is
`{"error": {"kind", "message", "problems"}}` on a line of its own. `kind` is `usage`, `configuration`
(`problems` then lists each `{file, path, message, fix}`), `unavailable` for a store that cannot be seen or
something that is not there, or `interrupted`. More keys may be added in any release; none goes without a word
in the changelog.

[Complete it with the Tab key](#completion).

## Exit status

| status | says |
|---|---|
"""

_MORE = {
    0: "Done.",
    1: "Findings: some lines could not be used, `check` found problems, a limit of `replay --compare` is "
    "exceeded, a trained model is not worth writing, the store cannot be seen, or nobody reads the output. "
    "What could be done was done.",
    2: "Wrong usage or configuration, a file that cannot be used, or no room for the output.",
    4: "A target that cannot be met: `tune` found no thresholds that save anything and keep the promise.",
    130: "Interrupted by Ctrl-C.",
}


def render() -> str:
    """The page."""
    rows = "".join(f"| {code:d} | {_MORE[code]} |\n" for code, _ in STATUS)
    whole = parser()
    parts = [HEAD + rows]
    for name, part in _verbs(whole):
        parts += _verb(name, part)
    return "\n".join(parts).rstrip() + "\n"


def _verbs(whole: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every verb with its parser, actions of verbs after them."""
    for action in whole._actions:  # noqa: SLF001 - argparse has no other way to its own options
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as above
            for name, part in action.choices.items():
                yield name, part
                yield from ((f"{name} {inner}", found) for inner, found in _verbs(part))


def _verb(name: str, part: argparse.ArgumentParser) -> Iterator[str]:
    own = [a for a in part._actions if not isinstance(a, argparse._SubParsersAction | argparse._HelpAction)]  # noqa: SLF001 - as above
    yield f"## {name}\n"
    yield f"{_text(part.description or '')}\n"
    if part.epilog:
        yield "\n".join(f"    {line}".rstrip() for line in part.epilog.rstrip().splitlines()) + "\n"
    if own:
        yield "\n".join(["| option | meaning |", "|---|---|", *map(_row, own)]) + "\n"
    for shape in (name, f"{name} --gate"):
        if shape in SHAPES:
            yield f"`{shape}{'' if '--' in shape else ' --json'}` prints:\n"
            rows = [f"| `{key}` | {meaning} |" for key, meaning in SHAPES[shape].items()]
            yield "\n".join(["| key | |", "|---|---|", *rows]) + "\n"
    if name in NOTES:
        yield f"{NOTES[name]}\n"


def _row(action: argparse.Action) -> str:
    value = action.metavar or (
        "" if action.nargs == 0 else "|".join(map(str, action.choices or ())) or action.dest.upper()
    )
    names = [f"{o} {value}".rstrip() for o in action.option_strings] or [str(value)]
    told = _text((action.help or "") % vars(action))
    if action.choices and action.metavar:
        told += f" ({', '.join(map(str, action.choices))})" if "," not in told else ""
    if action.required and action.option_strings:
        told += "; required"
    shown = ", ".join(f"`{n}`" for n in names).replace("|", "\\|")
    return f"| {shown} | {told} |"


def _text(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
