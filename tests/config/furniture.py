"""The files that the documentation's commands speak of: small, and made from the tutorial's."""

from __future__ import annotations

import csv
import gzip
import itertools
import json
import re
import shutil
from typing import TYPE_CHECKING

import yaml
from docpages import ROOT, blocks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from typing import Any

    from docpages import Terminal

ROWS = 240
OTHER_NAMES = {"gpt-4o-mini": "small", "gpt-3.5-turbo": "small", "gpt-4o": "large", "gpt-4": "large"}
"""What models are called in files that are not of the proxy's own, and whose answers they are."""

DECISIONS = ("0123456789abcdef", "3f2a9c01b7de4455")
"""What stands for a decision's id."""

ENVIRONMENT = {
    "OPENAI_API_KEY": "none",
    "TIERING_STORE": "sqlite:///tiering.db",
    "TIERING_MODE": "shadow",
}
"""What configurations of this repository name."""


def furnish(folder: Path, told: Terminal, page: str) -> Path:
    """A directory with every file that a page's commands read.

    Args:
        folder: An empty directory.
        told: The terminal in which the tutorial was followed.
        page: The page, as a path in the repository.
    """
    for name in ("litellm_config", "deploy"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copytree(told.folder / "models", folder / "models")
    configurations(folder, told.folder, page)
    rows = list(itertools.islice(lines_of(told.folder / "outcomes.jsonl"), ROWS))
    fresh = list(itertools.islice(lines_of(told.folder / "fresh.jsonl"), ROWS))
    write(folder / "outcomes.jsonl", rows)
    typed = "".join(block.text for block in blocks("sh", page=page))
    names = set(OTHER_NAMES) & set(re.findall(r"gpt-[\w.-]+", typed))
    write(folder / "outcomes.jsonl.gz", [with_other_names(row, names) for row in rows[:80]])
    write(folder / "judged.jsonl", rows)
    write(folder / "rest.jsonl", fresh)
    if not page.endswith("run-a-batch.md"):  # which writes it
        write(folder / "answers.jsonl", [answered(row) for row in fresh[:20]])
    write(folder / "capture.jsonl", [captured(row) for row in rows])
    write(folder / "requests.jsonl", [{"id": row["id"], "prompt": row["prompt"]} for row in fresh[:3]])
    (folder / "body.json").write_text(json.dumps({"model": "auto", "messages": said(fresh[0])}))
    calls = [logged(i, row) for i, row in enumerate(rows[:60])]
    write(folder / "monday.jsonl.gz", calls[:30])
    write(folder / "tuesday.jsonl.gz", calls[30:])
    with (folder / "spend.csv").open("w", newline="") as file:
        table(file, ({**call, "messages": json.dumps(call["messages"])} for call in calls))
    with gzip.open(folder / "day.csv.gz", "wt", newline="") as file:
        table(file, (arrival(i) for i in range(200)))
    return folder


def configurations(folder: Path, told: Path, page: str) -> None:
    """`config.yaml` and the others that are compared with it, all on the running proxy's store."""
    found = yaml.safe_load((told / "tuned.yaml").read_text())
    found["tiering"]["store"] = {"url": f"sqlite:///{told / 'tiering.db'}"}
    if page == "README.md" or page.endswith("add-to-a-proxy.md"):
        # `init` is for a configuration that has never heard of the plugin; what follows takes what it wrote.
        found = {k: v for k, v in found.items() if k == "model_list"}
    for name in ("write-a-gate", "write-a-classifier"):
        if page.endswith(f"{name}.md"):
            (shown,) = blocks("yaml", page=page)
            found["tiering"] |= yaml.safe_load(shown.text)["tiering"]
            module = "my_gates" if name == "write-a-gate" else "my_classifiers"
            (folder / f"{module}.py").write_text(blocks("python", page=page)[0].text)
    for name in ("config.yaml", "new.yaml", "trained.yaml"):
        (folder / name).write_text(yaml.safe_dump(found, sort_keys=False))


def lines_of(path: Path) -> Iterable[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def write(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    raw = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)


def table(file: Any, rows: Iterable[Mapping[str, Any]]) -> None:
    first, *others = rows
    writer = csv.DictWriter(file, first.keys())
    writer.writeheader()
    writer.writerows([first, *others])


def said(row: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"role": "user", "content": row["prompt"]}]


def with_other_names(row: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    responses = row["responses"]
    return {**row, "responses": responses | {name: responses[OTHER_NAMES[name]] for name in names}}


def answered(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": row["id"], "prompt": row["prompt"], "answer": row["responses"]["small"]["text"]}


def captured(row: Mapping[str, Any]) -> dict[str, Any]:
    """A captured line: the small model's answer, and the next one's where a gate rejected it."""
    responses = {}
    for model in ("small", "medium"):
        answer = row["responses"][model]
        good = answer["correct"]
        responses[model] = {
            **{k: answer[k] for k in ("text", "cost")},
            "verdict": "ok" if good else "acceptable",
            "reasons": [],
            "p_bad": 0.1 if good else 0.9,
            "served": good,
        }
        if good:
            break
    costs = {model: answer["cost"] for model, answer in row["responses"].items()}
    return {
        "captured": 1,
        "id": row["id"],
        "at": 1_795_000_000.0,
        "share": 0.5,
        "route": "auto",
        "tier": "simple",
        "model": "small",
        "ladder": list(costs),
        "messages": said(row),
        "routed": {"by": "heuristic", "scores": []},
        "would_cost": costs,
        "responses": responses,
    }


def logged(i: int, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of LiteLLM's spend logs."""
    return {
        "request_id": f"r{i}",
        "model": "sim-large",
        "model_group": "large",
        "team_id": "blue",
        "startTime": f"2026-11-{2 + i // 30:02}T{8 + i % 12:02}:00:00Z",
        "prompt_tokens": 60,
        "completion_tokens": 200,
        "spend": 0.0063,
        "messages": said(row),
    }


def arrival(i: int) -> dict[str, Any]:
    tier = ("simple", "moderate", "complex")[i % 3]
    return {"t_s": i * 400.0, "prompt_tokens": 300, "completion_tokens": 200, "tier": tier, "team": "blue"}
