"""``switch``: turn a route off, to shadow or on again, without a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.cli.boards import Seen, add_by, by_of, with_board
from litellm_tiering.cli.common import Exit, add_common, note, print_json, visible
from litellm_tiering.notices import CONFIGURED, Mode, Switch, post_switch
from litellm_tiering.notices_asked import switch_asked

if TYPE_CHECKING:
    import argparse


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "switch",
        help="turn a route off, to shadow or on, without a restart",
        description="Treat a route otherwise than its configuration says, on all workers within a second: "
        "`off` leaves its requests alone, `shadow` decides and records only, `enforce` lets decisions take "
        f"effect as far as `tiering.mode` does, `{CONFIGURED}` takes the switch away. Works on the "
        "configured store.",
    )
    parser.add_argument("route", metavar="ROUTE", help="the route's name; * for every route")
    parser.add_argument("mode", metavar="MODE", choices=[*(m.value for m in Mode), CONFIGURED])
    parser.add_argument(
        "--until", help="when it ends by itself: a time with its zone, seconds from now, or such as 2h"
    )
    add_by(parser)
    add_common(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Switch the route.

    Raises:
        UsageError, ConfigError, Unavailable: as :func:`litellm_tiering.cli.boards.with_board`.
    """
    asked = {"route": options.route, "mode": options.mode, "reason": options.reason}
    if options.until is not None:
        asked["until"] = options.until

    async def post(seen: Seen) -> tuple[Switch, str]:
        routes = tuple(dict.fromkeys(r.name for r in seen.settings.routes))
        found = switch_asked(asked, by_of(options), seen.now_s, routes)
        await post_switch(seen.board, found, seen.now_s)
        return found, seen.settings.mode

    found, whole = with_board(options, post)
    told = found.as_json()
    if options.json:
        print_json(told)
    else:
        until = f" until {told['until']}" if told["until"] else ""
        print(visible(f"route {found.route}: {told['mode']}{until}"))
    if found.mode is Mode.ENFORCE and whole != "enforce":
        note(f"tiering.mode is {whole}, and a switch enforces no more than that")
    return Exit.DONE
