"""Moving from SQLite to Redis, as the runbook has it."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import earlier_release as earlier

from litellm_tiering.ledger.open import open_ledger

ROOT = Path(__file__).resolve().parent.parent.parent
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


async def test_the_runbooks_move_carries_what_is_spent_and_counts_it_once(tmp_path, redis_url, wipe):
    page = ROOT / "docs" / "how-to" / "operate.md"
    (code,) = BLOCK.findall(page.read_text(encoding="utf-8"))
    found = {"__name__": "a runbook"}
    exec(compile(code, str(page), "exec"), found)
    path = tmp_path / "ledger.db"
    await earlier.write(f"sqlite:///{path}")
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO counters VALUES ('over|x|day:2001-01-01@UTC', 7, 1000000000)")
    db.close()
    assert await found["move"](str(path), redis_url) == 2
    assert await found["move"](str(path), redis_url) == 2
    ledger = open_ledger(redis_url)
    balances = await ledger.balances(earlier.KEYS, earlier.NOW + 1)
    assert [b.spent for b in balances] == [earlier.COST] * 2
    # What comes afterwards is counted on top, and a last look at the old file changes nothing.
    await ledger.settle(earlier.reservation(earlier.NEXT, 0), 5, earlier.NOW + 2)
    assert await found["move"](str(path), redis_url) == 2
    assert (await ledger.balances(earlier.KEYS, earlier.NOW + 3))[0].spent == earlier.COST + 5
    await ledger.close()
