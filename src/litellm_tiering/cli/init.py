"""``init``: a ladder for an existing LiteLLM proxy, proposed, shown and written into its configuration."""

from __future__ import annotations

import datetime as dt
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litellm_tiering.cli.common import Exit, UsageError, add_common, note, print_json, visible
from litellm_tiering.cli.init_text import as_json, remark, text_of
from litellm_tiering.cli.progress import progress
from litellm_tiering.cli.settings import DEFAULT_FILE, bundled_prices
from litellm_tiering.config.check import check
from litellm_tiering.config.load import OVERRIDE
from litellm_tiering.config.propose import NAMES, Group, Proposal, notes_on, propose
from litellm_tiering.config.propose_write import VIRTUAL, Addition, Rung, added, by_hand, refuse_taken
from litellm_tiering.config.proxy import ProxyView
from litellm_tiering.config.rewrite import CannotRewrite, Rewritten
from litellm_tiering.config.source import read
from litellm_tiering.config.words import suggestion

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from litellm_tiering.errors import Problem

_MOST_QUESTIONS = 20
_TWO = 2


@dataclass(frozen=True, slots=True)
class Found:
    """A proxy's configuration as it was read.

    Attributes:
        path: The file.
        data: What it holds.
        env: The environment.
        groups: Its model groups.
    """

    path: Path
    data: Mapping[str, Any]
    env: Mapping[str, str]
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Ladder:
    """What would be written, and what there is to say of it.

    Attributes:
        names: What the tiers are called.
        proposal: The groups, and why the others are none.
        rewritten: The file as it would be.
        warnings: What ``check`` says of that.
    """

    names: tuple[str, ...]
    proposal: Proposal
    rewritten: Rewritten
    warnings: tuple[Problem, ...]


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "init",
        help="propose tiers for a LiteLLM configuration and write them into it",
        description="Reads a LiteLLM config.yaml, proposes two or three of its model groups as tiers by "
        "price and by what LiteLLM's model map knows of them, shows the change, asks, and writes: the "
        "callback, the virtual name and the tiering section. Comments and everything else stay as they are. "
        "Without a terminal and without --write nothing is written.",
    )
    parser.add_argument("file", nargs="?", metavar="CONFIG", help="the proxy's config.yaml")
    add_common(parser)
    parser.add_argument("--write", action="store_true", help="write without asking")
    parser.add_argument("--tiers", type=int, choices=sorted(NAMES), help="how many tiers to propose")
    parser.add_argument(
        "--tier",
        action="append",
        default=[],
        metavar="NAME=MODEL",
        help="a tier of your own choice and its model group, not a proposed one; repeatable, cheapest first",
    )
    parser.add_argument(
        "--alias",
        default=VIRTUAL,
        metavar="NAME",
        help="the virtual name that clients ask for; auto when absent",
    )
    parser.add_argument(
        "--shadow", action="store_true", help="decide and record only: the proxy goes on as it did"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Propose a ladder, show what would change, and write it where that is wanted.

    Raises:
        UsageError: there is no such file, it has a section already, or no ladder can be made of it.
        ConfigError: it is no YAML.
    """
    _check(options)
    found = _found(options)
    named, proposal = _proposed(options, found)
    ladder = _ladder(options, found, named, proposal)
    asks = sys.stdin.isatty() and sys.stdout.isatty() and not options.write and not options.json
    if not options.json:
        print(text_of(found.path, ladder.names, ladder.proposal, ladder.rewritten, ladder.warnings))
    writes = bool(options.write)
    if asks:
        answered = _asked(options, found, ladder)
        writes, ladder = answered is not None, answered or ladder
    if writes:
        _write(found, ladder)
    if options.json:
        print_json(
            as_json(
                found.path, ladder.names, ladder.proposal, ladder.rewritten, ladder.warnings, written=writes
            )
        )
    _told(options, found, writes=writes, asked=asks)
    return Exit.DONE


def _check(options: argparse.Namespace) -> None:
    if options.tier and options.tiers:
        raise UsageError(
            "give either --tiers, for a proposal, or --tier NAME=MODEL, for a ladder of your own"
        )
    if not options.alias.strip() or not options.alias.isprintable() or set("*?[") & set(options.alias):
        raise UsageError("--alias must be a plain name, without * ? or [")
    if options.file and options.config and options.file != options.config:
        raise UsageError("CONFIG and --config name two files: give one")


def _found(options: argparse.Namespace) -> Found:
    path = Path(options.file or options.config or DEFAULT_FILE)
    try:
        with path.open("rb"):
            pass
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"{path} cannot be read ({why}): name a LiteLLM config.yaml") from None
    data = read(path).data
    try:
        refuse_taken(data, options.alias)
    except CannotRewrite as error:
        raise UsageError(f"{path} is left as it is: {error}") from None
    proxy: Mapping[str, Any] = data if isinstance(data, dict) else {}
    if not isinstance(proxy.get("model_list"), list) or not proxy["model_list"]:
        elsewhere = " (what `include` names is not read: do this in the file that has the models)"
        raise UsageError(
            f"{path} has no model_list to make tiers of{elsewhere if 'include' in proxy else ''}: "
            "models that are in the proxy's database only must be named with --tier NAME=MODEL"
            if not options.tier
            else f"{path} has no model_list: add the models of the tiers to it"
        )
    with progress("reading LiteLLM's model map"), bundled_prices():
        from litellm_tiering.gateway.offline_groups import listed_groups  # noqa: PLC0415 - LiteLLM takes seconds

    return Found(path, proxy, dict(os.environ), listed_groups(proxy, os.environ))


def _proposed(options: argparse.Namespace, found: Found) -> tuple[tuple[str, ...], Proposal]:
    """The tiers' names, and the groups that serve them."""
    if options.tier:
        pairs = [_pair(text) for text in options.tier]
        names = tuple(name for name, _ in pairs)
        if len(pairs) < _TWO or len(set(names)) != len(names):
            raise UsageError("a ladder needs two or more --tier NAME=MODEL, each with a name of its own")
        return names, _of_own_choice(found, [model for _, model in pairs])
    proposal = propose(found.groups, _today(), options.tiers)
    if not proposal.tiers:
        why = "; ".join(f"{name}: {reason}" for name, reason in list(proposal.left_out.items())[:8])
        raise UsageError(
            f"{found.path} has no two chat models to make tiers of{f' ({why})' if why else ''}: add one, or "
            "name them with --tier NAME=MODEL"
        )
    if options.tiers and len(proposal.tiers) < options.tiers:
        note(f"there are only {len(proposal.tiers)} models apart in price: --tier NAME=MODEL takes any")
    return NAMES[len(proposal.tiers)], proposal


def _of_own_choice(found: Found, models: Sequence[str]) -> Proposal:
    from litellm_tiering.gateway.offline_groups import group_called  # noqa: PLC0415 - as above

    view = ProxyView(found.data)
    for model in models:
        if not view.has(model):
            raise UsageError(f"the proxy has no model group {model!r}: {suggestion(model, view.names())}")
    known = {g.name: g for g in found.groups}
    tiers = tuple(known.get(m) or group_called(m, found.data, found.env) for m in models)
    return Proposal(tiers, notes=tuple(notes_on(tiers, _today())))


def _pair(text: str) -> tuple[str, str]:
    name, separator, model = text.partition("=")
    if not separator or not name.strip() or not model.strip():
        raise UsageError(f"--tier {text!r} is no NAME=MODEL, such as simple=gpt-small")
    return name.strip(), model.strip()


def _today() -> dt.date:
    return dt.datetime.now(dt.timezone.utc).date()


def _ladder(options: argparse.Namespace, found: Found, names: tuple[str, ...], proposal: Proposal) -> Ladder:
    """What would be written, judged by ``check``.

    Raises:
        UsageError: it cannot be written, or a proxy would not start with it.
    """
    rungs = tuple(Rung(n, g.name, remark(g)) for n, g in zip(names, proposal.tiers, strict=True))
    head = ("Cheapest first; US dollars per million tokens of prompt / answer.",)
    addition = Addition(rungs, options.alias, options.shadow, head)
    try:
        rewritten = added(found.path, addition)
    except CannotRewrite as error:
        raise UsageError(
            f"{found.path} is left as it is: {error}. By hand:\n{by_hand(found.data, addition)}"
        ) from None
    with tempfile.TemporaryDirectory(prefix="litellm-tiering-") as folder:
        copy = Path(folder) / found.path.name
        copy.write_bytes(rewritten.after)
        report = check(copy, _own_env(found.env), prices=_prices(found))
    if report.problems:
        first = report.problems[0]
        raise UsageError(f"a proxy would not start with these tiers ({first.path}: {first.message})")
    return Ladder(names, proposal, rewritten, report.warnings)


def _own_env(env: Mapping[str, str]) -> dict[str, str]:
    """The environment without the variable that lends another file's section."""
    return {k: v for k, v in env.items() if k != OVERRIDE}


def _prices(found: Found) -> Callable[[str], tuple[float, float] | None]:
    known = {g.name: g for g in found.groups}

    def price(group: str) -> tuple[float, float] | None:
        g = known.get(group)
        return None if g is None or g.prompt is None or g.completion is None else (g.prompt, g.completion)

    return price


def _asked(options: argparse.Namespace, found: Found, ladder: Ladder) -> Ladder | None:
    """The ladder to be written, as people at a terminal want it; None for none."""
    for _ in range(_MOST_QUESTIONS):
        try:
            answer = input(
                f"Write this to {visible(str(found.path))}? [y]es, [n]o, or the models of other tiers, "
                "cheapest first: "
            )
        except EOFError:
            return None
        words = answer.replace(",", " ").split()
        if [w.lower() for w in words] in (["y"], ["yes"]):
            return ladder
        if [w.lower() for w in words] in ([], ["n"], ["no"], ["q"]):
            return None
        try:
            ladder = _chosen(options, found, words)
        except UsageError as error:
            print(visible(str(error)))
            continue
        print(text_of(found.path, ladder.names, ladder.proposal, ladder.rewritten, ladder.warnings))
    return None


def _chosen(options: argparse.Namespace, found: Found, words: Sequence[str]) -> Ladder:
    """The ladder of what was typed: models, or NAME=MODEL each."""
    if len(words) < _TWO:
        raise UsageError("a ladder needs two models or more")
    if all("=" in w for w in words):
        pairs = [_pair(w) for w in words]
        names, models = tuple(n for n, _ in pairs), [m for _, m in pairs]
    else:
        models = list(words)
        names = NAMES.get(len(models), tuple(f"tier{i}" for i in range(1, len(models) + 1)))
    return _ladder(options, found, names, _of_own_choice(found, models))


def _write(found: Found, ladder: Ladder) -> None:
    def judge(path: Path) -> None:
        problems = check(path, _own_env(found.env)).problems
        if problems:
            raise CannotRewrite(f"the result would not pass `check` ({problems[0].message})")

    try:
        ladder.rewritten.write(None, judge)
    except CannotRewrite as error:
        raise UsageError(f"{error}. Nothing was written") from None


def _told(options: argparse.Namespace, found: Found, *, writes: bool, asked: bool) -> None:
    """What comes next."""
    if writes:
        note(
            f"written to {found.path}. Next: start the proxy anew and ask it for the model "
            f"{options.alias!r}; `litellm-tiering check` judges what you change"
        )
    else:
        note("nothing was written" + ("" if asked else ": --write writes it"))
    if writes and found.env.get(OVERRIDE):
        note(f"{OVERRIDE} is set, and takes the section from elsewhere: unset it for this one to count")
