"""What ``init`` proposes, as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litellm_tiering.cli.common import problems_json, table, visible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from litellm_tiering.config.propose import Group, Proposal
    from litellm_tiering.config.rewrite import Rewritten
    from litellm_tiering.errors import Problem

_MILLION = 1_000_000
_MOST_LISTED = 8

_CAVEAT = (
    "This goes by price and by what LiteLLM's model map knows. How good a model's answers to your questions\n"
    "are only recorded answers tell: `litellm-tiering eval` compares ladders on them, and often finds that\n"
    "two tiers do as well as three."
)


def remark(g: Group) -> str:
    """A group's prices as a comment; one line, whatever its name holds."""
    if g.prompt is None or g.completion is None:
        return "no price known: set it in model_info"
    return f"{_dollars(g.prompt)} / {_dollars(g.completion)}"


def _dollars(per_token: float) -> str:
    found = f"{per_token * _MILLION:.4f}".rstrip("0")
    whole, _, rest = found.partition(".")
    return f"{whole}.{rest.ljust(2, '0')}"


def text_of(
    path: Path,
    names: Sequence[str],
    proposal: Proposal,
    rewritten: Rewritten,
    warnings: Sequence[Problem],
) -> str:
    """The proposal for people: the ladder, why the other models are not in it, and the change."""
    rows: list[tuple[str, ...]] = [("tier", "model", "$/M prompt", "$/M answer", "reads", "can do")]
    rows += [(n, *_cells(g)) for n, g in zip(names, proposal.tiers, strict=True)]
    lines = [f"{visible(str(path))}: a ladder, cheapest first", "", table(rows), ""]
    if proposal.others:
        lines.append(f"could be tiers as well: {_listed([g.name for g in proposal.others])}")
    if proposal.left_out:
        lines.append(f"left out: {_listed([f'{n} ({why})' for n, why in proposal.left_out.items()])}")
    lines += [f"note: {n}" for n in proposal.notes]
    lines += [f"check: {w.path}: {w.message}" for w in warnings]
    return visible("\n".join([*lines, "", _CAVEAT, "", rewritten.diff(), ""]))


def _cells(g: Group) -> tuple[str, ...]:
    can = (("tools", g.tools), ("schemas", g.response_format), ("images", g.vision))
    return (
        g.name,
        "unknown" if g.prompt is None else _dollars(g.prompt),
        "unknown" if g.completion is None else _dollars(g.completion),
        "unknown" if g.max_input_tokens is None else f"{g.max_input_tokens:,}",
        ", ".join(f"{name}{'?' if able is None else ''}" for name, able in can if able is not False)
        or "text only",
    )


def _listed(words: Sequence[str]) -> str:
    more = len(words) - _MOST_LISTED
    return ", ".join(words[:_MOST_LISTED]) + (f" and {more} more (--json lists them)" if more > 0 else "")


def as_json(  # noqa: PLR0913 - all that there is to tell
    path: Path,
    names: Sequence[str],
    proposal: Proposal,
    rewritten: Rewritten,
    warnings: Sequence[Problem],
    *,
    written: bool,
) -> dict[str, Any]:
    """The proposal for programs; prices in US dollars per token."""
    return {
        "file": str(path),
        "written": written,
        "tiers": [{"name": n, **_group(g)} for n, g in zip(names, proposal.tiers, strict=True)],
        "others": [_group(g) for g in proposal.others],
        "left_out": dict(proposal.left_out),
        "notes": list(proposal.notes),
        "warnings": problems_json(warnings),
        "diff": rewritten.diff(),
    }


def _group(g: Group) -> dict[str, Any]:
    return {
        "model": g.name,
        "input_cost_per_token": g.prompt,
        "output_cost_per_token": g.completion,
        "max_input_tokens": g.max_input_tokens,
        "tools": g.tools,
        "response_format": g.response_format,
        "vision": g.vision,
    }
