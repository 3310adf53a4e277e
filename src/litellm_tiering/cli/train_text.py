"""What ``train`` says of a router: for people, and for programs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from litellm_tiering.cli.common import table
from litellm_tiering.evals.train_router import TARGET, plain

if TYPE_CHECKING:
    from litellm_tiering.evals.outcomes import OutcomeReport
    from litellm_tiering.evals.train_cv import Figure
    from litellm_tiering.evals.train_router import Trained


def text_of(found: Trained, report: OutcomeReport, written: str | None) -> str:
    """A router's worth, for people."""
    models = found.header["models"]
    lines = [
        f"{found.header['training']['rows']:,} questions, {' < '.join(models)}",
        *(f"note: {remark}" for remark in report.remarks()),
        *(f"warning: {warning}" for warning in found.warnings),
        "",
        "APGR on questions held out (0.5 is chance; 95 % intervals):",
        table(_routers(found), indent="  "),
    ]
    if found.curve:
        rows = [["trained on", "APGR"], *([f"{p.rows:,}", _shown(p.apgr)] for p in found.curve)]
        lines += ["", "What more rows bring:", table(rows, indent="  ")]
    if found.groups:
        rows = [["group", "rows", "this model", "word count"]]
        rows += [
            [name or "(none)", f"{n:,}", _shown(a), _shown(b)] for name, (n, a, b) in found.groups.items()
        ]
        lines += ["", "By group:", table(rows, indent="  ")]
    if found.unseen is not None:
        apgr, above = found.unseen
        unseen = f"On groups that none of the training rows were of: {_shown(apgr)}, {_signed(above)} above "
        lines += ["", f"{unseen}word count.", "Expect no more of traffic unlike what you train on."]
    if written:
        lines += [
            "",
            f"Written to {written}. To use it:",
            "  classifiers:",
            "    - kind: learned",
            f"      path: {written}",
            f"Its thresholds keep some {TARGET:.0%} of {models[-1]}'s quality, by estimate.",
            "`litellm-tiering tune` finds ones that do so with confidence.",
        ]
    return "\n".join(lines)


def _routers(found: Trained) -> list[list[str]]:
    rows = [
        ["router", "APGR", "this model is above it by"],
        ["this model", _shown(found.learned), ""],
        ["word count", _shown(found.words), _signed(found.gain)],
    ]
    if found.now is not None:
        rows.append(["what runs now", _shown(found.now[0]), _signed(found.now[1])])
    return rows


def as_json(found: Trained, report: OutcomeReport, written: str | None) -> dict[str, Any]:
    """A router's worth, for programs."""
    training = found.header["training"]
    return {
        "written": written,
        "models": found.header["models"],
        "rows": training["rows"],
        "skipped": dict(report.skipped),
        "warnings": list(found.warnings),
        "apgr": plain(found.learned),
        "apgr_word_count": plain(found.words),
        "above_word_count": plain(found.gain),
        "apgr_now": None if found.now is None else plain(found.now[0]),
        "above_now": None if found.now is None else plain(found.now[1]),
        "curve": [{"rows": p.rows, "apgr": plain(p.apgr)} for p in found.curve],
        "groups": {
            name: {"rows": n, "apgr": plain(a), "apgr_word_count": plain(b)}
            for name, (n, a, b) in found.groups.items()
        },
        "unseen_groups": None
        if found.unseen is None
        else {"apgr": plain(found.unseen[0]), "above_word_count": plain(found.unseen[1])},
        "thresholds": found.header["thresholds"],
        "parts": training["parts"],
    }


def _shown(figure: Figure) -> str:
    return "not defined" if math.isnan(figure.value) else str(figure)


def _signed(figure: Figure) -> str:
    return f"{figure.value:+.3f} ({figure.low:+.3f} to {figure.high:+.3f})"
