"""What parts in shadow mode would have done, in words: for the report's table, and its page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

HEAD = ("in shadow", "name", "asked", "would have", "from tier to tier", "more paid")

MOST_MOVES = 4
"""How many ways from tier to tier one line names."""


def shadow_rows(report: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """A row of words under :data:`HEAD` for each part; names are as the store has them."""
    parts = report["shadow"]["parts"]
    return [(p["part"], p["name"], f"{p['judged']:,}", _done(p), _moves(p), _extra(p)) for p in parts]


def shadow_sentence(report: Mapping[str, Any]) -> str:
    """What a reader of these figures should know; empty where nothing was in shadow mode."""
    shadow = report["shadow"]
    if not shadow["parts"]:
        return ""
    said = (
        "In shadow: what would have been done, each part by itself and all else as it was. Money is by the "
        "catalog's prices, with the answer as long at the other tier."
    )
    if shadow["left_out"]:
        said += f" {shadow['left_out']:,} words of further parts are not summed."
    return said


def _done(part: Mapping[str, Any]) -> str:
    words = [f"{word} {part[word]:,}" for word in ("moved", "rejected", "refused") if part[word]]
    return ", ".join(words) or "changed nothing"


def _moves(part: Mapping[str, Any]) -> str:
    told = [f"{m['from']} to {m['to']} {m['requests']:,}" for m in part["moves"]]
    rest = len(told) - MOST_MOVES
    return ", ".join([*told[:MOST_MOVES], *([f"{rest} more ways"] if rest > 0 else [])]) or "-"


def _extra(part: Mapping[str, Any]) -> str:
    """What would have been paid beyond what was; of how many, where it is not known of all."""
    if not part["priced"]:
        return "-"
    amount, size = part["extra_usd"], abs(part["extra_usd"])
    money = f"{'-' if amount < 0 else ''}${size:,.{2 if size == 0 or size >= 1 else 6}f}"
    return money if part["priced"] == part["changed"] else f"{money} of {part['priced']:,}"
