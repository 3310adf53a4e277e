"""Decisions as one worker can tell of them: those in the store, and its own that are not written yet.

What a caller may see of one is settled here too: a row as such is whole, and names whoever's budget moved it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from litellm_tiering.core.shadow import impersonal
from litellm_tiering.records import Row, newest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_tiering.books import Books
    from litellm_tiering.core.ladder import Ladder
    from litellm_tiering.records import Asked, Place

READ_WITHIN_S = 5.0
"""How long somebody who looks at decisions waits for the store, in seconds."""

HIDDEN = "*hidden*"
"""What stands for an id that is not the viewer's."""

_PERSONAL = ("key", "user", "end_user", "tag")
# As they stand in labels, such as budget:user:ann:0.83 or refused:ceiling:key:88dc; and in a refusal's words.
_IN_LABEL = re.compile(r"(^|:)(end_user|user|key|tag):(.+?)(:\d+\.\d\d)?$")
_IN_WORDS = re.compile(r"\bbudget of (end_user|user|key|tag):\S+ is ")
_CURSOR = re.compile(r"([0-9]{1,16})-([0-9a-f]{1,32})")
_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Found:
    """Rows, newest first.

    Attributes:
        rows: The rows.
        complete: Whether the store told its part; else they are this worker's own latest.
        reached: The place behind which there may be older ones; None where there are none. With fewer rows
            than were asked for, it is that of the last decision that was looked at.
    """

    rows: tuple[Row, ...]
    complete: bool
    reached: Place | None


class Decisions:
    """What one worker can tell of decisions, its own and the others'.

    Args:
        books: Its own, and the way to the store.
        ladder: The tiers' names.
    """

    def __init__(self, books: Books, ladder: Ladder) -> None:
        self._books = books
        self._ladder = ladder

    async def recent(self, asked: Asked) -> Found:
        """The rows asked for, of as many as one look takes in; with the store away, this worker's latest."""
        writer = self._books.writer
        if writer is None:
            return self._own(asked, complete=True)
        mine = writer.unwritten()
        looked = await writer.ask(writer.store.look(asked), "decisions", READ_WITHIN_S)
        if looked is None:
            return self._own(asked, complete=False)
        newer = {row.id: row for row in mine}
        # What is about to be written is what counts; callers' word on it is known to the store alone.
        said = {row.id: row.feedback for row in looked.rows if row.id in newer}
        fresh = [replace(row, feedback=said.get(row.id)) for row in mine if asked.fits(row)]
        if looked.reached is not None:
            # Older ones come with those of the store that are as old.
            fresh = [row for row in fresh if row.place >= looked.reached]
        old = [row for row in looked.rows if row.id not in newer]
        rows = newest(asked.limit, fresh, old)
        cut = len(fresh) + len(old) > len(rows)
        return Found(rows, complete=True, reached=rows[-1].place if cut else looked.reached)

    def _own(self, asked: Asked, *, complete: bool) -> Found:
        own = (Row.of(record, self._ladder) for record in self._books.records())
        fits = [row for row in own if asked.fits(row)]
        rows = newest(asked.limit, fits)
        return Found(rows, complete=complete, reached=rows[-1].place if len(fits) > len(rows) else None)

    async def get(self, id_: str) -> Row | None:
        """The row of a decision's id; None where there is none, or none that can be told of now."""
        if not is_id(id_):
            return None
        writer = self._books.writer
        own = self._books.record(id_)
        if writer is None:
            return None if own is None else Row.of(own, self._ladder)
        stored = await writer.ask(writer.store.get(id_), "decisions", READ_WITHIN_S)
        if own is None:
            return stored
        # This worker made it: nobody knows it better, but for what callers said of it.
        return replace(Row.of(own, self._ladder), feedback=None if stored is None else stored.feedback)

    async def rate(self, id_: str, by: str, score: float) -> float | None:
        """Note what a caller says of a decision's answer; the mean of all, None where nobody can keep it.

        Args:
            id_: The decision's, one that :meth:`get` has found.
            by: Who says so, as hexadecimal digits.
            score: From 0 to 1.
        """
        writer = self._books.writer
        if writer is None:
            return None
        if self._books.record(id_) is not None and not await writer.flush(everything=True):
            return None
        return await writer.ask(writer.store.rate(id_, by, score), "feedback", READ_WITHIN_S)


def is_id(text: str) -> bool:
    """Whether a text can be a decision's id."""
    return _ID.fullmatch(text) is not None


def cursor_of(place: Place) -> str:
    """A place as a client sees it: to be given back as ``before``."""
    return f"{place[0]}-{place[1]}"


def place_of(cursor: str) -> Place | None:
    """The place that a cursor names; None where it is none."""
    found = _CURSOR.fullmatch(cursor)
    return None if found is None else (int(found[1]), found[2])


# --- what a viewer sees ------------------------------------------------------------------------------------


def shown(row: Row, *, all_of_it: bool, own: bool) -> dict[str, Any]:
    """A row as a viewer sees it.

    Args:
        row: The row.
        all_of_it: Whether the viewer is an administrator, who sees whose key it was as well.
        own: Whether it is of the viewer's own key. Of a colleague's, ids of personal budgets are hidden.
    """
    told = row.as_json()
    if all_of_it:
        return {**told, "key": row.key}
    return told if own else _discreet(told)


def _discreet_shadow(told: Mapping[str, Any]) -> dict[str, Any]:
    """What parts in shadow mode would have done, where there is any of it."""
    would = [one for one in told.get("shadow") or () if isinstance(one, dict)]
    hidden = [
        {
            **one,
            "name": impersonal(str(one.get("name", ""))) if one.get("part") == "budget" else one.get("name"),
            "detail": _IN_LABEL.sub(_hide, str(one.get("detail", ""))),
        }
        for one in would
    ]
    return {"shadow": hidden} if hidden else {}


def _discreet(told: Mapping[str, Any]) -> dict[str, Any]:
    refused = told.get("refused")
    return {
        **told,
        "reasons": [_IN_LABEL.sub(_hide, str(reason)) for reason in told.get("reasons") or ()],
        "steps": [
            {**step, "detail": _IN_LABEL.sub(_hide, str(step.get("detail", "")))}
            for step in told.get("steps") or ()
        ],
        **_discreet_shadow(told),
        "budgets": [
            {**budget, "id": HIDDEN} if budget.get("scope") in _PERSONAL else budget
            for budget in told.get("budgets") or ()
        ],
        "refused": _IN_WORDS.sub(rf"budget of \1:{HIDDEN} is ", refused)
        if isinstance(refused, str)
        else refused,
    }


def _hide(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2]}:{HIDDEN}{found[4] or ''}"
