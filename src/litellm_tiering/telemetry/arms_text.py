"""What a comparison of two policies comes to, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_tiering.core.sequential import Change

_UNITS = {"cost": "share", "asked": "share", "passes": "points", "feedback": "points"}

_MORE = {
    "cost": ("{other} costs {size} {less} per request than {first}", "less", "more"),
    "passes": ("the gates let its answers pass {less} often, by {size}", "less", "more"),
    "feedback": ("callers rate its answers {less}, by {size}", "lower", "higher"),
    "asked": ("its callers ask {size} {less} at a time", "less", "more"),
}
"""A sentence for a difference that shows, and the two words for its direction."""

_NAMES = {"cost": "cost", "passes": "gate pass rate", "feedback": "feedback", "asked": "requests at a time"}

CHANGED = "It was changed while it ran, {count} times: give a changed arm a name of its own."


def verdict(first: str, other: str, changes: Mapping[str, Change], *, policies: int = 1) -> str:
    """What the differences say, and what they do not: a few plain sentences.

    Args:
        first: The name of the arm that is compared with.
        other: The name of the one that is compared.
        changes: The differences, by what differs.
        policies: How many versions of the policy the figures are of.
    """
    said = [_sentence(what, change, first, other) for what, change in changes.items()]
    parts = [part for part in (*said, _open(changes), _summary(changes, other)) if part]
    if policies > 1:
        parts.append(CHANGED.format(count=policies - 1))
    parts.append("Looking every day is fine.")
    return " ".join(parts)


def _sentence(what: str, change: Change, first: str, other: str) -> str:
    """What is sure of one difference; empty where nothing is."""
    if not change.sure or change.change is None or change.low is None or change.high is None:
        return ""
    text, down, up = _MORE[what]
    shown = text.format(
        first=first,
        other=other,
        size=_size(what, abs(change.change)),
        less=down if change.sure < 0 else up,
    )
    near, far = sorted((abs(change.low), abs(change.high)))
    return f"{shown[0].upper()}{shown[1:]} (between {_size(what, near)} and {_size(what, far)})."


def _open(changes: Mapping[str, Change]) -> str:
    """What no difference has shown in yet, and how large one could still be; and what cannot be compared."""
    shown = [_undecided(w, c) for w, c in changes.items() if c.low is not None and not c.sure]
    parts = [f"No difference shown yet in {', '.join(shown)}."] if shown else []
    notes: dict[str, list[str]] = {}
    for what, change in changes.items():
        if change.note:
            notes.setdefault(change.note, []).append(_NAMES[what])
    parts += [f"{', '.join(names).capitalize()}: {note}." for note, names in notes.items()]
    return " ".join(parts)


def _undecided(what: str, change: Change) -> str:
    low, high = change.low or 0.0, change.high or 0.0
    return f"{_NAMES[what]} (between {_signed(what, low)} and {_signed(what, high)})"


def _summary(changes: Mapping[str, Change], other: str) -> str:
    """Whether a cheaper policy is known to be a worse one."""
    cost = changes["cost"].sure
    worse = [w for w in ("passes", "feedback") if changes[w].sure < 0]
    if changes["asked"].sure > 0:
        worse.append("asked")
    if cost < 0 and worse:
        return f"{other} is cheaper, and its answers are worse: weigh the two."
    seen = any(changes[w].low is not None for w in ("passes", "feedback"))
    if cost < 0 and seen:
        return f"{other} is cheaper, and no loss of quality has shown."
    return ""


def _size(what: str, value: float) -> str:
    return f"{value * 100:.3g} {'%' if _UNITS[what] == 'share' else 'points of 100'}"


def _signed(what: str, value: float) -> str:
    return f"{'-' if value < 0 else '+'}{_size(what, abs(value))}"


ARM_HEAD = (
    "arm",
    "callers",
    "requests",
    "cost",
    "a request",
    "saved on one",
    "escalated",
    "passed",
    "feedback",
    "95 % within",
)
"""What :func:`arm_rows` tells of each arm."""


def arm_rows(report: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """A report's arms as rows of words, under :data:`ARM_HEAD`; none without an experiment."""
    found = report.get("arms")
    return [] if not found else [_row(arm) for arm in found["arms"]]


def _row(arm: Mapping[str, Any]) -> tuple[str, ...]:
    wait = arm["p95_ms"]
    return (
        str(arm["arm"]),
        f"{arm['callers']:,}",
        f"{arm['requests']:,}",
        f"${arm['cost_usd']:,.2f}",
        _dollars(arm["cost_per_request_usd"]),
        _dollars(arm["saved_per_request_usd"]),
        _share(arm["escalation_rate"]),
        _share(arm["pass_rate"]),
        "-" if arm["feedback"] is None else f"{arm['feedback']:.2f}",
        "-" if wait is None else f"{wait:,.0f} ms",
    )


def _dollars(value: float | None) -> str:
    return "-" if value is None else f"{'-' if value < 0 else ''}${abs(value):.6f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def arm_sentences(report: Mapping[str, Any]) -> list[str]:
    """What a report's comparisons come to, each with the two that are compared."""
    found = report.get("arms")
    if not found:
        return []
    said = [f"{c['arm']} against {found['against']}: {c['verdict']}" for c in found["compared"]]
    if said:
        said.append(
            f"All of these intervals hold together with {100 * found['level']:g} % confidence, at every look."
        )
    moved = found["moved_callers"]
    if moved:
        who = f"{moved:,} caller{'' if moved == 1 else 's'}"
        said.append(f"{who} moved from one arm to another, and stand in no comparison.")
    return said
