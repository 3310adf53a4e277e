"""What ``analyze`` found, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_tiering.cli.common import table, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_VERDICTS = {
    "worth_it": "worth it",
    "maybe": "perhaps",
    "dont_bother": "don't bother",
    "unknown": "cannot be told from this",
}
_MOST_ROWS = 10
_MOST_LADDERS = 8
_BLOCKS = " ▁▂▃▄▅▆▇█"


def text_of(found: Mapping[str, Any]) -> str:
    """The report for people: the verdict first, then what it rests on."""
    lines = [f"{_VERDICTS[found['verdict']]}: {'; '.join(found['reasons'])}", "", *_counted(found), ""]
    if found["calls"]["with_text"]:
        lines += [*_classes(found), ""]
    for what in ("models", "teams"):
        lines += [*_who(found, what), ""]
    if found["hours"]:
        lines += [_by_hour(found["hours"]), ""]
    lines += _money(found)
    lines += _ladders(found["ladders"])
    return visible("\n".join(lines).rstrip("\n"))


def _counted(found: Mapping[str, Any]) -> Iterator[str]:
    calls, span = found["calls"], found["span"]
    when = f", {span['from'][:16]} to {span['to'][:16]} UTC" if span else ""
    yield f"{calls['all']:,} calls{when}; {calls['routable']:,} of them can be routed"
    left = (
        ("failed", "failed"),
        ("other", "no chat (embeddings and the like)"),
        ("from_cache", "answered from LiteLLM's cache"),
    )
    apart = [f"{calls[key]:,} {name}" for key, name in left if calls[key]]
    if apart:
        yield f"left out: {', '.join(apart)}"
    known = (
        ("with_text", "with their request"),
        ("cut", "of which LiteLLM kept only a part"),
        ("unserved", "that no tier can serve"),
        ("faults", "on which the classifiers failed"),
        ("unpriced", "without a known cost"),
    )
    yield ", ".join(f"{calls[key]:,} {name}" for key, name in known if calls[key] or key == "with_text")
    if calls["stands_for"] > calls["routable"]:
        yield f"a sample: these stand for about {calls['stands_for']:,} calls, as do figures by the month"


def _classes(found: Mapping[str, Any]) -> Iterator[str]:
    with_text = max(1, found["calls"]["with_text"])
    rows = [("by class", "calls", "", "prompt tokens", "answer tokens", "paid", "saved")]
    for c in found["classes"]:
        share = f"{100 * c['calls'] / with_text:.0f} %"
        rows.append((f"{c['tier']} ({c['model']})", f"{c['calls']:,}", share, *_sums(c)))
    yield table(rows)
    tasks = sorted(found["tasks"], key=lambda t: -t["calls"])[:_MOST_ROWS]
    yield "by task: " + ", ".join(f"{t['task']} {100 * t['calls'] / with_text:.0f} %" for t in tasks)


def _who(found: Mapping[str, Any], what: str) -> Iterator[str]:
    listed: Sequence[Mapping[str, Any]] = found[what]
    name = what.removesuffix("s")
    rows = [(f"by {name}", "calls", "need the dearest", "prompt tokens", "answer tokens", "paid", "saved")]
    for row in listed[:_MOST_ROWS]:
        needs = "" if row["dearest_share"] is None else f"{100 * row['dearest_share']:.0f} %"
        rows.append((row[name], f"{row['calls']:,}", needs, *_sums(row)))
    yield table(rows)
    if len(listed) > _MOST_ROWS:
        yield f"and {len(listed) - _MOST_ROWS} more (--json lists them)"


def _sums(row: Mapping[str, Any]) -> tuple[str, str, str, str]:
    saved = "" if row["saved_usd"] is None else _usd(row["saved_usd"])
    return f"{row['prompt_tokens']:,}", f"{row['completion_tokens']:,}", _usd(row["paid_usd"]), saved


def _by_hour(hours: Sequence[Mapping[str, Any]]) -> str:
    most = max(h["calls"] for h in hours) or 1
    bars = "".join(_BLOCKS[-(-(len(_BLOCKS) - 1) * h["calls"] // most)] for h in hours)
    busiest = max(hours, key=lambda h: h["calls"])
    return (
        f"by hour of the day, 0 to 23: |{bars}|  busiest at {busiest['hour']}:00 ({busiest['calls']:,} calls)"
    )


def _money(found: Mapping[str, Any]) -> Iterator[str]:
    bounds, saved = found["bounds"], found["savings"]
    if bounds is not None:
        per_month = bounds["at_most_monthly_usd"]
        month = "" if per_month is None else f" ({_usd(per_month)} a month)"
        yield (
            f"paid {_usd(bounds['paid_usd'])}. By tokens and prices alone routing saves at most "
            f"{_usd(bounds['at_most_usd'])}, {_share(bounds['at_most_share'])}{month}, and perhaps nothing"
        )
    if saved is not None:
        yield from _saved(saved)
    yield from _taxed(found)
    for model, ratio in found["logged_to_list_price"].items():
        yield (
            f"note: what was logged for {model} is {100 * ratio:.0f} % of what these prices make of its "
            "tokens (provider caches, discounts, a changed price): the saving is off by as much"
        )
    yield ""


def _saved(saved: Mapping[str, Any]) -> Iterator[str]:
    interval = ""
    if saved["low"] is not None:
        interval = f" (95 % interval {_share(saved['low'])} to {_share(saved['high'])})"
    month = "" if saved["monthly_usd"] is None else f", {_usd(saved['monthly_usd'])} a month"
    yield (
        f"of the {_usd(saved['paid_usd'])} whose requests are known, routing them as classified saves "
        f"{_usd(saved['saved_usd'])}, {_share(saved['saved_share'])}{interval}{month}:"
    )
    yield (
        f"    {saved['moved_down']:,} calls to cheaper models save {_usd(saved['moved_down_saves_usd'])}, "
        f"{saved['moved_up']:,} to dearer ones cost {_usd(saved['moved_up_costs_usd'])} more"
    )
    if saved["break_even_rejections"] is not None:
        yield (
            f"    nothing is left of it when {_share(min(1.0, saved['break_even_rejections']))} of the "
            "cheaper tiers' answers are bad and asked for again one tier higher"
        )
    yield "    taken for granted: as many tokens whoever answers, and clients that ask for the virtual name"


def _taxed(found: Mapping[str, Any]) -> Iterator[str]:
    tax = found["router_tax"]
    if tax["median_ms"] is not None:
        lost = tax["lost_provider_cache_usd"]
        cache = f"; {_usd(lost)} of the providers' cache discounts lost, counted above" if lost else ""
        yield (
            f"router tax: {tax['median_ms']:.2g} ms a request at the median, {tax['p95_ms']:.2g} ms at the "
            f"95th percentile, here{cache}"
        )
    if tax["classifiers_not_asked"]:
        yield "classifiers that ask a model were not asked, as that costs: their price is left out here"


def _ladders(ladders: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if len(ladders) < 2:  # noqa: PLR2004 - nothing to compare
        return
    known = ladders[0]["saved_share"] is not None
    rows = [("ladder", *(("saves", "gone when asked again") if known else ()), "saves at most")]
    for o in ladders[:_MOST_LADDERS]:
        name = " < ".join(o["models"]) + (" (configured)" if o["current"] else "")
        again = o["break_even_rejections"]
        cells = (_share(o["saved_share"]), "" if again is None else _share(min(1.0, again))) if known else ()
        rows.append((name, *cells, _share(o["at_most_share"])))
    yield table(rows)
    current, *others = ladders
    pairs = [o for o in others if len(o["models"]) == 2]  # noqa: PLR2004 - as above
    three = len(current["models"]) > 2  # noqa: PLR2004 - as above
    if known and three and pairs and pairs[0]["saved_share"] >= current["saved_share"]:
        yield f"{' < '.join(pairs[0]['models'])} alone saves as much: the third tier brings nothing here"
    yield "how well each of them answers no spend log tells: `litellm-tiering eval` compares them on outcomes"


def _usd(amount: float) -> str:
    digits = 2 if abs(amount) >= 1 or amount == 0 else 4
    return f"{'-' if amount < 0 else ''}${abs(amount):,.{digits}f}"


def _share(share: float) -> str:
    return f"{100 * share:.1f} %"
