"""What every board agrees on: how much it keeps, for how long, and what may be put up."""

from __future__ import annotations

from litellm_tiering.errors import StoreError

NOTICES_MAX = 1_000
"""How many notices are up at most; one too many is refused, since none may go unseen."""

HISTORY_MAX = 1_000
"""How many entries of history are kept at most; the oldest go first."""

CLAIMS_MAX = 5_000
"""How many claims are remembered at most; of too many those go first that lapse first."""

VALUE_MAX = 4_096
"""How long a notice's value, or an entry of history, may be, in characters."""

KEY_MAX = 256
"""How long the key of a notice or a claim may be, in characters."""


def check_key(key: str) -> None:
    """Raise ValueError for a key that is empty, too long, or no text that can be stored."""
    if not 0 < len(key) <= KEY_MAX:
        raise ValueError(f"a key on the board has 1 to {KEY_MAX} characters, not {len(key)}")
    key.encode()


def check_text(text: str) -> None:
    """Raise ValueError for a value or entry that is too long, or no text that can be stored."""
    if len(text) > VALUE_MAX:
        raise ValueError(f"a text on the board has at most {VALUE_MAX} characters, not {len(text)}")
    text.encode()


def check_ttl(ttl_s: int) -> None:
    """Raise ValueError for a claim that would lapse at once."""
    if ttl_s < 1:
        raise ValueError("a claim holds for a second or more")


def full() -> StoreError:
    """What is raised for one notice too many."""
    return StoreError(f"the board is full: {NOTICES_MAX} notices are up; take one down first")
