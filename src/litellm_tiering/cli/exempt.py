"""``exempt``: spare a key, team, user, route or tag every budget for a while; list and revoke exemptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_tiering.cli.boards import Seen, add_by, by_of, with_board
from litellm_tiering.cli.common import Exit, Unavailable, UsageError, add_common, print_json, table, visible
from litellm_tiering.notices import (
    EXEMPTABLE,
    LONGEST_REASON,
    Exemption,
    entry_read,
    line_of,
    post_exemption,
    revoke,
)
from litellm_tiering.notices_asked import exemption_asked
from litellm_tiering.standing import MOST_EXEMPTIONS, standing

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

_ENTRIES = 20


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "exempt",
        help="spare somebody every budget for a while",
        description="Exemptions: whoever has one is counted by every budget, and neither downgraded nor "
        "stopped, on all workers within a second. They end by themselves. Works on the configured store.",
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    adding = actions.add_parser("add", help="exempt somebody", description="Exempt somebody for a while.")
    adding.add_argument("scope", metavar="SCOPE", help=", ".join(s.value for s in EXEMPTABLE))
    adding.add_argument("id", metavar="ID", help="the id or alias, or a glob; * for the global scope")
    adding.add_argument(
        "--until", required=True, help="when it ends: a time with its zone, seconds from now, or such as 2h"
    )
    add_by(adding)
    add_common(adding)
    adding.set_defaults(run=run_add)
    listing = actions.add_parser("list", help="who is exempt", description="Who is exempt, and who did what.")
    add_common(listing)
    listing.set_defaults(run=run_list)
    revoking = actions.add_parser("revoke", help="end an exemption", description="End an exemption now.")
    revoking.add_argument("exemption", metavar="EXEMPTION", help="its name, as `exempt list` shows it")
    add_by(revoking)
    add_common(revoking)
    revoking.set_defaults(run=run_revoke)


def run_add(options: argparse.Namespace) -> Exit:
    """Post an exemption.

    Raises:
        UsageError, ConfigError, Unavailable: as :func:`litellm_tiering.cli.boards.with_board`.
    """
    asked = {
        "scope": options.scope,
        "id": options.id,
        "until": options.until,
        "reason": options.reason,
    }

    async def post(seen: Seen) -> Exemption:
        found = exemption_asked(asked, by_of(options), seen.now_s)
        if len(standing(await seen.board.notices(seen.now_s)).exemptions) >= MOST_EXEMPTIONS:
            raise UsageError(f"there are {MOST_EXEMPTIONS} exemptions already; revoke one first")
        await post_exemption(seen.board, found, seen.now_s)
        return found

    found = with_board(options, post)
    if options.json:
        print_json(found.as_json())
    else:
        print(visible(f"exemption {found.token}: {found.label} until {found.as_json()['until']}"))
    return Exit.DONE


def run_list(options: argparse.Namespace) -> Exit:
    """Print the exemptions in force, and the history.

    Raises:
        UsageError, ConfigError, Unavailable: as :func:`litellm_tiering.cli.boards.with_board`.
    """

    async def look(seen: Seen) -> dict[str, Any]:
        found = standing(await seen.board.notices(seen.now_s))
        told = [entry_read(text) for text in await seen.board.history(1_000)]
        return {
            "active": [e.as_json() for e in found.exemptions],
            "history": [entry for entry in told if entry is not None],
        }

    found = with_board(options, look)
    if options.json:
        print_json(found)
        return Exit.DONE
    if found["active"]:
        print(_told(("exemption", "scope", "id", "until", "by", "reason"), found["active"]))
    else:
        print("nobody is exempt")
    if found["history"]:
        columns = ("at", "what", "by", "exemption", "route", "mode", "scope", "id", "until", "reason")
        print(f"\nthe latest of {len(found['history'])} entries in the history:")
        print(_told(columns, found["history"][:_ENTRIES]))
    return Exit.DONE


def run_revoke(options: argparse.Namespace) -> Exit:
    """Take an exemption down.

    Raises:
        UsageError, ConfigError, Unavailable: as :func:`litellm_tiering.cli.boards.with_board`.
    """

    async def take_down(seen: Seen) -> Exemption | None:
        reason = line_of({"reason": options.reason}, "reason", LONGEST_REASON)
        there = standing(await seen.board.notices(seen.now_s)).exemptions
        found = next((e for e in there if e.token == options.exemption), None)
        if found is None or not await revoke(seen.board, found, by_of(options), reason, seen.now_s):
            return None
        return found

    found = with_board(options, take_down)
    if found is None:
        raise Unavailable(f"there is no exemption {options.exemption!r}; `exempt list` shows those in force")
    if options.json:
        print_json(found.as_json())
    else:
        print(visible(f"exemption {found.token} is revoked: {found.label}"))
    return Exit.DONE


def _told(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str:
    return table([tuple(c.upper() for c in columns), *(tuple(r.get(c, "-") for c in columns) for r in rows)])
