"""The plots of README.md, of recorded answers and arrivals: python scripts/plots.py [FOLDER].

Needs the recorded data (`TIERING_DATA`) and matplotlib; says what it leaves out where they are not there.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from litellm_tiering.cli import main as command

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("TIERING_DATA", ROOT.parent / "shared" / "data"))
OUTCOMES = "outcomes_ifeval.jsonl.gz"
TRACE = "traces_servegen_diurnal_day.csv.gz"
WEAK, STRONG = "claude-3-haiku-20240307", "claude-3-5-sonnet-20240620"
BLUE, GREY = "#0072B2", "#767676"

GATED = """\
tiers: [{name: simple, model: small}, {name: complex, model: large}]
cascade:
  stream: buffer
  gates: [{kind: not_empty}, {kind: finished}, {kind: refusal}, {kind: json_schema}, {kind: constraints}]
"""
DAY = """\
model_list:
  - model_name: small
    litellm_params: {model: anthropic/claude-3-haiku-20240307}
    model_info: {input_cost_per_token: 0.00000025, output_cost_per_token: 0.00000125}
  - model_name: large
    litellm_params: {model: anthropic/claude-3-5-sonnet-20240620}
    model_info: {input_cost_per_token: 0.000003, output_cost_per_token: 0.000015}
tiering:
  tiers: [{name: simple, model: small}, {name: complex, model: large}]
  budgets:
    - {scope: global, limit_usd: 5, window: day, pacing: linear, downgrade: [{at: 0.80, to: simple}]}
  store: {url: "memory://"}
"""


def asked(*words: str) -> str:
    """What the command line prints; its notes are of no use here."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        status = command(words)
    if status:
        raise SystemExit(f"litellm-tiering {words[0]} ended with {status}")
    return out.getvalue()


def quality(folder: Path, scratch: Path) -> None:
    """What routing alone, and routing with gates, cost and are worth, beside each model alone."""
    config = scratch / "routed.yaml"
    config.write_text(GATED)
    words = ["--outcomes", str(DATA / OUTCOMES), "--weak", WEAK, "--strong", STRONG, "--config", str(config)]
    found = json.loads(asked("eval", *words, "--gate", "--no-litellm", "--json"))
    names = {
        "always simple": f"always {WEAK}",
        "always complex": f"always {STRONG}",
        "routed.yaml": "the default classifier alone",
        "routed.yaml with gates": "the default classifier, and gates\nthat check what the prompt demands",
    }
    draw(folder / "quality-cost.png", {names[p["label"]]: p for p in found["policies"]}, found["n"])


def draw(path: Path, policies: dict[str, Any], questions: int) -> None:
    from litellm_tiering.evals.plot import figure_class  # noqa: PLC0415 - matplotlib, where it is there

    figure = figure_class()(figsize=(8, 4), dpi=110, layout="constrained")
    axes = figure.subplots()
    ends = [(p["cost"]["value"], p["quality"]["value"]) for name, p in policies.items() if "always" in name]
    axes.plot(*zip(*ends, strict=True), ":", color=GREY, linewidth=1.2)
    axes.annotate("by chance", (68, 0.755), color=GREY, fontsize=9, va="top")
    for name, p in policies.items():
        x, y = p["cost"]["value"], p["quality"]["value"]
        colour = GREY if "always" in name else BLUE
        bars = [[abs(p[k]["value"] - p[k][end])] for k in ("cost", "quality") for end in ("low", "high")]
        axes.errorbar(x, y, xerr=bars[:2], yerr=bars[2:], fmt="o", color=colour, elinewidth=1, capsize=2)
        # Where the dotted line does not run through the words.
        place, side = {
            f"always {STRONG}": ((8, 10), "right"),
            f"always {WEAK}": ((8, -24), "left"),
        }.get(name, ((8, 6) if "gates" in name else (8, -14), "left"))
        axes.annotate(name, (x, y), xytext=place, textcoords="offset points", fontsize=9, ha=side)
    axes.set_xlabel(f"cost, % of always {STRONG}")
    axes.set_ylabel("answers that follow every instruction")
    axes.set_title(
        f"{questions} questions of IFEval, recorded answers; bars hold 95 in 100", loc="left", fontsize=10
    )
    axes.set_xlim(0, 108)
    axes.grid(color="#e4e4e4", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def day(folder: Path, scratch: Path) -> None:
    """A day's spend under a budget."""
    config = scratch / "day.yaml"
    config.write_text(DAY)
    asked(
        *("replay", "--trace", str(DATA / TRACE), "--config", str(config)),
        *("--pacing", "linear", "--plot", str(folder / "day.png")),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "docs" / "images")
    folder = parser.parse_args().folder
    for needed in ("numpy", "matplotlib"):
        if find_spec(needed) is None:
            print(f"the plots are left as they are: {needed} is not installed")
            return 0
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for name, file, make in (("quality-cost.png", OUTCOMES, quality), ("day.png", TRACE, day)):
            if (DATA / file).is_file():
                make(folder, Path(scratch))
                print(f"{name}: drawn")
            else:
                print(f"{name} is left as it is: there is no {file} in TIERING_DATA")
    return 0


if __name__ == "__main__":
    sys.exit(main())
