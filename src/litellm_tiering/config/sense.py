"""Whether a section that is well formed also makes sense: every judgement that takes more than one key.

A judge takes a :class:`View` and yields findings; ``JUDGES`` lists them all.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from litellm_tiering.config.words import Finding, suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from litellm_tiering.config.proxy import ProxyView
    from litellm_tiering.config.schema import TieringSection
    from litellm_tiering.config.words import Loc, Words


class View(NamedTuple):
    """What a judge looks at.

    Attributes:
        section: The sound part of the section.
        proxy: The rest of the proxy's configuration.
        names: The tiers' names as written, cheapest first; None where the ladder cannot be read.
        words: How values are shown.
        whole: Whether all that is written at a place and below it could be read. What was left out of the
            section may be just what seems to be missing.
        base: The directory that relative paths are meant from.
    """

    section: TieringSection
    proxy: ProxyView
    names: tuple[str, ...] | None
    words: Words
    whole: Callable[[Loc], bool] = lambda _: True
    base: Path = Path()

    def unknown_tier(self, loc: Loc, name: str | None) -> Iterator[Finding]:
        """A finding where ``name`` is no tier's."""
        if name is not None and self.names and name not in self.names:
            yield Finding(loc, f"no tier is called {self.words.show(name)}", suggestion(name, self.names))

    def rank(self, name: str | None) -> int | None:
        """The rank of the tier called ``name``, None where there is none."""
        return self.names.index(name) if self.names and name in self.names else None

    def unknown_zone(self, loc: Loc, name: str | None) -> Iterator[Finding]:
        """A finding where ``name`` is no timezone's."""
        if name is not None and not is_zone(name):
            yield Finding(
                loc,
                f"no timezone is called {self.words.show(name)}",
                "use an IANA name such as `UTC` or `Europe/Berlin`.",
            )


def is_zone(name: str) -> bool:
    """Whether ``name`` is a timezone that this machine knows."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # ValueError: a path; OSError: a directory or a name too long for a file.
        return False
    return True


def twice(values: Iterable[tuple[Loc, str]], what: str, words: Words) -> Iterator[Finding]:
    """A finding for every value that stood there before."""
    seen: Counter[str] = Counter()
    for loc, value in values:
        if seen[value]:
            yield Finding(loc, f"{what} is called {words.show(value)} already", "give it another name.")
        seen[value] += 1


def nothing_in(loc: Loc, entries: Sequence[object]) -> Iterator[Finding]:
    """A finding where a list that needs an entry has none."""
    if not entries:
        yield Finding(loc, "is empty", "list one entry or more.")


def judge_tiers(view: View) -> Iterator[Finding]:
    """Two tiers or more, each with its own name and a model group that exists."""
    root: Loc = ("tiering", "tiers")
    if view.names is not None and len(view.names) < 2:  # noqa: PLR2004 - a ladder has two rungs
        count = "one tier" if view.names else "no tiers"
        yield Finding(
            root,
            f"there {'is' if view.names else 'are'} {count}: a ladder needs two or more",
            "list tiers cheapest first, such as `- {name: simple, model: small}`.",
        )
    tiers = view.section.tiers
    yield from twice((((*root, i, "name"), t.name) for i, t in enumerate(tiers)), "a tier", view.words)
    for i, tier in enumerate(tiers):
        if not view.proxy.has(tier.model):
            yield Finding(
                (*root, i, "model"),
                f"the proxy has no model group {view.words.show(tier.model)}",
                _a_model(tier.model, view.proxy),
            )


def _a_model(name: str, proxy: ProxyView) -> str:
    names = proxy.names()
    return suggestion(name, names) if names else "add it to `model_list`."


def judge_place(view: View) -> Iterator[Finding]:
    """The top level's timezone, and the tiers that requirements speak of."""
    yield from view.unknown_zone(("tiering", "timezone"), view.section.timezone)
    if isinstance(view.section.requirements, dict):
        for name in view.section.requirements:
            yield from view.unknown_tier(("tiering", "requirements", name), name)


_STORES = ("memory", "sqlite", "redis", "rediss", "redis+sentinel", "redis+cluster", "rediss+cluster")


def judge_store(view: View) -> Iterator[Finding]:
    """A store's URL that can be one; whether it answers is found out later."""
    loc: Loc = ("tiering", "store", "url")
    url = view.section.store.url
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in _STORES:
        yield Finding(
            loc,
            f"{view.words.show(url)} is not a store",
            "use `memory://`, `sqlite:///PATH`, `redis://HOST:6379/0`, `rediss://…`, "
            "`redis+sentinel://HOST,HOST/SERVICE`, `redis+cluster://…` or `rediss+cluster://…`.",
        )
    elif scheme == "memory" and rest.strip("/"):
        yield Finding(loc, "`memory://` takes nothing after the slashes", "write `memory://`.")
    elif scheme == "sqlite" and not _is_file(rest):
        yield Finding(
            loc,
            f"{view.words.show(url)} names no file",
            "write `sqlite:///tiering.db`, or four slashes for an absolute path: `sqlite:////var/lib/tiering.db`.",
        )
    elif scheme.startswith(("redis", "rediss")):
        yield from _judge_redis(loc, url, scheme, view.words)


def _is_file(rest: str) -> bool:
    path = rest.removeprefix("/")
    return rest.startswith("/") and path not in ("", ":memory:") and not set("?#") & set(path)


def _judge_redis(loc: Loc, url: str, scheme: str, words: Words) -> Iterator[Finding]:
    fix = (
        f"write `{scheme}://[user:password@]HOST[:PORT]`; percent-encode special characters of the password."
    )
    try:
        parts = urlsplit(url)
        stray = "@" in parts.path + parts.query + parts.fragment
        hosts = [urlsplit(f"//{host}") for host in parts.netloc.rpartition("@")[2].split(",")]
        sound = not stray and all(h.hostname and (h.port is None or h.port > 0) for h in hosts)
    except ValueError:
        sound = False
    if not sound:
        yield Finding(loc, f"{words.show(url)} names no host that can be reached", fix)
    elif scheme == "redis+sentinel" and not parts.path.strip("/"):
        yield Finding(
            loc, "a Sentinel URL needs the service's name", f"write `{scheme}://HOST,HOST/SERVICE`."
        )
