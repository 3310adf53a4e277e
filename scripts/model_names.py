"""Whether the models of the packaged configurations are still to be had, by LiteLLM's own map.

Says of each model that has left the map, has no price, or is past its deprecation date, and exits with 1 when
it said anything. A model of one's own, whose prices stand in its ``model_info``, is taken as it is.

    python scripts/model_names.py [FILE …] [--on YYYY-MM-DD]
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

PACKS = Path(__file__).resolve().parent.parent / "litellm_config"
PRICES = ("input_cost_per_token", "output_cost_per_token")
SIMULATED = "/sim-"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Whether the models of LiteLLM configurations are current.")
    parser.add_argument("files", nargs="*", type=Path, help="the configurations; those of litellm_config/")
    parser.add_argument("--on", type=dt.date.fromisoformat, help="the day to judge by; today")
    options = parser.parse_args(arguments)
    today = options.on or dt.datetime.now(dt.timezone.utc).date()
    files = options.files or sorted(PACKS.glob("*.yaml"))
    found = [f"{file.name}: {said}" for file in files for said in findings(file, model_map(), today)]
    print("\n".join(found) or f"{len(files)} files: every model is in LiteLLM's map, priced and current")
    return 1 if found else 0


def model_map() -> Mapping[str, Mapping[str, Any]]:
    """LiteLLM's map as the installed version came with it: what is judged must not depend on a download."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm  # noqa: PLC0415 - importing it takes seconds, and reads the variable above

    return litellm.model_cost


def findings(file: Path, known: Mapping[str, Mapping[str, Any]], today: dt.date) -> Iterator[str]:
    """What is wrong with the models of one configuration, each model once."""
    config = yaml.safe_load(file.read_text(encoding="utf-8"))
    told: set[str] = set()
    for deployment in config["model_list"]:
        info = deployment.get("model_info") or {}
        name = str(info.get("base_model") or deployment["litellm_params"]["model"])
        if name in told or SIMULATED in name:
            continue
        told.add(name)
        yield from _about(name, info, known, today)


def _about(
    name: str, info: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]], today: dt.date
) -> Iterator[str]:
    entry = next((known[key] for key in _keys(name) if key in known), None)
    priced = all(isinstance(info.get(price), (int, float)) for price in PRICES)
    if entry is None:
        if not priced:
            yield f"{name} is not in LiteLLM's map, and its model_info has no prices"
        return
    if not priced and not all(entry.get(price) for price in PRICES):
        yield f"{name} has no price in LiteLLM's map"
    ends = entry.get("deprecation_date")
    if ends and dt.date.fromisoformat(ends) <= today:
        yield f"{name} is deprecated since {ends}"


def _keys(name: str) -> Iterable[str]:
    """The names that LiteLLM's map may know a model by: its own, and without the provider before it."""
    return (name, name.partition("/")[2]) if "/" in name else (name,)


if __name__ == "__main__":
    sys.exit(main())
