"""Reading a store's rows from end to end, a page or a look at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from litellm_tiering.records import MOST_ASKED, Asked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from litellm_tiering.records import Place, RecordStore, Row


async def wholly(store: RecordStore, asked: Asked) -> tuple[Row, ...]:
    """The rows asked for, newest first, after as many looks as that takes."""
    found: list[Row] = []
    before = asked.before
    while True:
        looked = await store.look(replace(asked, limit=asked.limit - len(found), before=before))
        found += looked.rows
        if looked.reached is None or len(found) == asked.limit:
            return tuple(found)
        before = looked.reached


async def scanned(store: RecordStore, since_s: float, until_s: float) -> AsyncIterator[Row]:
    """Every row decided from ``since_s`` up to but not including ``until_s``, newest first.

    Rows that come while it goes on and are newer than what it has reached are left out.
    """
    before: Place | None = None
    while True:
        page = await store.recent(Asked(MOST_ASKED, before, since_s=since_s, until_s=until_s))
        for row in page:
            yield row
        if not page:
            return
        before = page[-1].place
