"""How a problem is put into words: places, values and suggestions, and never a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from litellm_tiering.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Loc = tuple[str | int, ...]
"""A place in the configuration: keys and list indexes from the top of the file."""

_LONGEST = 60
_DIGITS = 40
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_\-]{1,60}")
_LOGIN = re.compile(r"://\S*@")
_QUERY_SECRET = re.compile(r"((?:password|passwd|secret|token|key)=)[^&\s]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong, or risky when ``warning``, before it is tied to a file."""

    loc: Loc
    message: str
    fix: str = ""
    warning: bool = False

    def problem(self, file: str, lines: Mapping[Loc, int] | None = None) -> Problem:
        """The problem as it is reported; the file's name with the line where it is known."""
        loc = self.loc
        while lines and loc and loc not in lines:
            loc = loc[:-1]
        line = (lines or {}).get(loc)
        return Problem(path(self.loc), self.message, self.fix, f"{file}:{line}" if file and line else file)


def path(loc: Loc) -> str:
    """``("tiering", "budgets", 0, "to")`` as ``tiering.budgets[0].to``; odd keys are quoted."""
    text = ""
    for part in loc:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{_clip(repr(_masked(part)))}]"
    return text


class Words:
    """Shows values of one configuration: short, on one line, and without what must stay secret.

    Args:
        secrets: Values that came from the environment, with the ``os.environ/NAME`` they were written as.
    """

    __slots__ = ("_secrets",)

    def __init__(self, secrets: Mapping[str, str] | None = None) -> None:
        self._secrets = dict(sorted((secrets or {}).items(), key=lambda item: -len(item[0])))

    def show(self, value: object) -> str:
        """``value`` as it may be repeated to people: masked, text in quotes, at most 60 characters."""
        if value is None or isinstance(value, bool):
            return {None: "nothing", True: "true", False: "false"}[value]
        if isinstance(value, (int, float)):
            if isinstance(value, int) and abs(value) >= 10**_DIGITS:
                return "a number of many digits"
            whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e15  # noqa: PLR2004 - exact
            return str(int(value) if whole else value)
        if isinstance(value, str):
            return self._quoted(value)
        if isinstance(value, (list, tuple)):
            return "a list"
        return "a mapping" if isinstance(value, Mapping) else f"a {type(value).__name__}"

    def _quoted(self, text: str) -> str:
        if text in self._secrets:
            return self._secrets[text]
        for secret, name in self._secrets.items():
            if len(secret) >= 4:  # noqa: PLR2004 - shorter ones are found in any word, and hide nothing
                text = text.replace(secret, name)
        return _clip(repr(_masked(text)))


def _masked(text: str) -> str:
    """``text`` without the logins of URLs in it."""
    return _QUERY_SECRET.sub(r"\1***", _LOGIN.sub("://***@", text))


def _clip(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The one of ``known`` that ``word`` was probably meant to be."""
    import difflib  # noqa: PLC0415 - a configuration without mistakes needs none of it

    folded = {k.casefold(): k for k in known}
    found = difflib.get_close_matches(word[:_LONGEST].casefold(), list(folded), n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def suggestion(word: object, known: Sequence[str]) -> str:
    """A fix for a word that is not among ``known``: the nearest, or all of them."""
    close = nearest(word, known) if isinstance(word, str) else None
    return f"did you mean {close!r}?" if close else f"use one of: {', '.join(known)}."
