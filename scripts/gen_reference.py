"""Writes configuration.md, metrics.md and cli.md of docs/reference from the code; `--check` only looks."""

from __future__ import annotations

import enum
import sys
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from litellm_tiering.config.availability import NOT_BUILT
from litellm_tiering.config.base import Name, Number, Share, Whole
from litellm_tiering.config.schema import (
    CaptureSection,
    ConversationSection,
    NeverSection,
    RouteSection,
    StoreSection,
    TieringSection,
    TierSection,
)
from litellm_tiering.config.schema_budgets import BudgetSection, CriticalSection, DowngradeSection
from litellm_tiering.config.schema_classifiers import AnyClassifier, RuleSection
from litellm_tiering.config.schema_debt import DebtSection, NeverTwiceSection
from litellm_tiering.config.schema_events import EventsSection, WebhookSection
from litellm_tiering.config.schema_experiment import ArmSection, ExperimentSection
from litellm_tiering.config.schema_gates import AnyGate, CascadeSection, GateName, GateSection, WeightedEntry
from litellm_tiering.config.schema_policy import CapabilitySection
from litellm_tiering.config.schema_when import WhenSection
from litellm_tiering.config.translate import kinds_of, models_in
from litellm_tiering.telemetry.metrics import NAMES_MAX, Metrics

sys.path.insert(0, str(Path(__file__).parent))

from cli_page import render as render_cli

if TYPE_CHECKING:
    from collections.abc import Collection

    from pydantic.fields import FieldInfo

TARGET = Path(__file__).parents[1] / "docs" / "reference" / "configuration.md"

METRICS = TARGET.with_name("metrics.md")

CLI = TARGET.with_name("cli.md")

METRICS_HEAD = """# Metrics

<!-- Generated from the code by scripts/gen_reference.py: change the descriptions there, not this page. -->

What stands on LiteLLM's `/metrics` with `prometheus` among its callbacks, summed over the workers of a
proxy; [Monitor it](../how-to/monitor.md) tells how to use them. Histograms have the usual `_bucket`, `_sum`
and `_count`.

Labels are the owner's own names: routes, tiers, model groups, gates, rules, and the scopes of budgets. No
key, user, team or prompt is ever in one. Of a metric with more than NAMES_MAX sets of values the rest are
counted as `(other)`; calls to models that no route serves as `(unplanned)`.

A `verdict` is `ok`, the name of the gate that rejected the answer, `failed`, `late`; of an answer that was
asked for beside the first one, what came of the comparison; `probe` of one that only tells [what a downgrade
costs in quality](../explanation/quality-debt.md). A `reason` is that of the last step of a decision
that took effect, such as `heuristic`, `rule:faq`, `budget` or `requirement`; `refused:` and why, where there
was no answer; `holdout`; `unplanned`.
"""

HEAD = """# Configuration

<!-- Generated from the schema by scripts/gen_reference.py: change the descriptions there, not this page. -->

The section `tiering:` of a LiteLLM proxy's `config.yaml`, or a file of its own that `LITELLM_TIERING_CONFIG`
names; that file may hold the section's keys with or without `tiering:` above them. `os.environ/NAME` as a
value takes it from the environment.

A wrong configuration stops the proxy from starting, and every problem is told at once, with its place and
what to write instead. `litellm-tiering check` tells the same, and what is risky besides.

The smallest one, in a proxy with the model groups `small`, `medium` and `large`:

```yaml
litellm_settings:
  callbacks: ["litellm_tiering.plugin.handler"]
router_settings:
  model_group_alias: {auto: large}
tiering:
  tiers:
    - {name: simple,   model: small}
    - {name: moderate, model: medium}
    - {name: complex,  model: large}
```
"""

EXAMPLES = {
    "routes": """tiering:
  tiers: [{name: simple, model: small}, {name: complex, model: large}]
  routes:
    - {name: auto, models: [auto], default_tier: simple, client_tier: [lower, floor]}
    - {name: explicit, models: [large], classify: false, tier: complex}
""",
    "conversation": """tiering:
  tiers: [{name: simple, model: small}, {name: complex, model: large}]
  routes:
    - {name: auto, models: [auto], conversation: {ttl_s: 7200}}
    - {name: large, models: [large], conversation: {keep: false}}
""",
    "classifiers": """tiering:
  tiers: [{name: simple, model: small}, {name: moderate, model: medium}, {name: complex, model: large}]
  classifiers:
    - kind: rules
      rules:
        - {name: premium, when: {team_metadata: {plan: premium}}, min_tier: moderate}
        - {name: faq, when: {max_tokens: 50, task_type: [classification, faq]}, tier: simple}
        - {name: long, when: {min_tokens: 50000}, min_tier: complex}
    - kind: heuristic
""",
    "requirements": """tiering:
  tiers: [{name: simple, model: small}, {name: complex, model: large}]
  requirements:
    simple: {vision: false, tools: true, max_input_tokens: 32000}
""",
    "cascade": """tiering:
  tiers: [{name: simple, model: small}, {name: moderate, model: medium}, {name: complex, model: large}]
  cascade:
    max_escalations: 1
    stream: prefix
    gates:
      - {kind: not_empty}
      - {kind: finished}
      - {kind: json_schema, strict: false}
      - kind: weighted
        name: doubtful
        threshold: 0.5
        gates:
          - {weight: 2, gate: {kind: refusal}}
          - {weight: 1, gate: {kind: logprob, min_mean: -1.2}}
          - {weight: 1, gate: {kind: min_length, chars: 20}}
""",
    "budgets": """tiering:
  tiers: [{name: simple, model: small}, {name: moderate, model: medium}, {name: complex, model: large}]
  budgets:
    - scope: global
      limit_usd: 50
      window: day
      timezone: Europe/Berlin
      downgrade: [{at: 0.80, steps: 1}, {at: 0.95, to: simple}]
      critical: {teams: [on-call], key_aliases: ["prod-*"]}
    - {scope: team, match: "*", limit_usd: 10, at_ceiling: block}
""",
    "store": """tiering:
  tiers: [{name: simple, model: small}, {name: complex, model: large}]
  store: {url: "redis://redis.internal:6379/0", on_error: cheap, retention_days: 35}
""",
    "events": """tiering:
  tiers: [{name: simple, model: small}, {name: complex, model: large}]
  events:
    webhook:
      url: https://alerts.example.com/tiering
      secret: a-secret-of-32-characters-or-more # or os.environ/TIERING_WEBHOOK_SECRET
      kinds: [threshold, ceiling, forecast, store_down, store_up]
""",
    "experiment.arms": """tiering:
  tiers:
    - {name: simple, model: small}
    - {name: complex, model: large}
  experiment:
    arms:
      - {name: now, share: 0.5}
      - name: bolder
        share: 0.5
        classifiers: [{kind: heuristic, thresholds: {complex: 0.7}}]
        cascade: {max_escalations: 1, strategy: expected}
""",
    "experiment.debt": """tiering:
  tiers: [{name: simple, model: small}, {name: complex, model: large}]
  budgets: [{scope: global, limit_usd: 50}]
  experiment:
    debt: {share: 0.02, limit_usd: 1.0, window: day, never: {teams: [legal]}}
""",
}

SECTIONS: tuple[tuple[str, str, type[BaseModel]], ...] = (
    ("tiers[]", "tiers", TierSection),
    ("routes[]", "routes", RouteSection),
    ("routes[].conversation", "conversation", ConversationSection),
    ("classifiers[]", "classifiers", BaseModel),
    ("classifiers[].rules[]", "", RuleSection),
    ("classifiers[].rules[].when", "", WhenSection),
    ("requirements.TIER", "requirements", CapabilitySection),
    ("cascade", "cascade", CascadeSection),
    ("cascade.gates[]", "", BaseModel),
    ("cascade.gates[].gates[] of kind: weighted", "", WeightedEntry),
    ("budgets[]", "budgets", BudgetSection),
    ("budgets[].downgrade[]", "", DowngradeSection),
    ("budgets[].critical", "", CriticalSection),
    ("store", "store", StoreSection),
    ("events", "events", EventsSection),
    ("events.webhook", "", WebhookSection),
    ("experiment", "", ExperimentSection),
    ("experiment.arms[]", "experiment.arms", ArmSection),
    ("experiment.debt", "experiment.debt", DebtSection),
    ("experiment.debt.never", "", NeverTwiceSection),
    ("capture", "", CaptureSection),
    ("capture.never", "", NeverSection),
)
_UNIONS: dict[str, Any] = {"classifiers[]": AnyClassifier, "cascade.gates[]": AnyGate}
_SHARED: dict[str, type[BaseModel]] = {"cascade.gates[]": GateSection}
"""What every kind of a union has, told once."""

_WORDS: tuple[tuple[Any, str], ...] = (
    (Name, "name"),
    (GateName, "name"),
    (Share, "number, 0 to 1"),
    (Number, "number"),
    (Whole, "whole number"),
    (bool, "true, false"),
    (float, "number"),
    (int, "whole number"),
    (str, "text"),
)


def render() -> str:
    """The page."""
    parts = [HEAD, "## tiering\n", _doc(TieringSection), _table("", TieringSection)]
    for path, example, model in SECTIONS:
        parts.append(f"## {path}\n")
        if path in _UNIONS:
            parts.append(f"One of these, by `kind`. {_absent(path)}".rstrip() + "\n")
            if path in _SHARED:
                parts += ["Each of them may have:\n", _table(f"{path}.", _SHARED[path])]
            parts += _kinds(path, _UNIONS[path])
        else:
            parts += [_doc(model, _absent(path)), _table(f"{path}.", model)]
        if example in EXAMPLES:
            parts.append(f"```yaml\n{EXAMPLES[example]}```\n")
    return "\n".join(parts).rstrip() + "\n"


def _kinds(path: str, union: object) -> list[str]:
    parts = []
    told = {"kind", *(_SHARED[path].model_fields if path in _SHARED else ())}
    for model in models_in(union):
        (kind,) = kinds_of(model)
        parts += [f"### {path} kind: {kind}\n", _doc(model, _absent(f"{path}.kind", kind))]
        if set(model.model_fields) != told:
            parts.append(_table(f"{path}.", model, leave_out=told))
    return parts


def _absent(where: str, value: object = None) -> str:
    """What is said of a part that this version does not have."""
    held = {} if value is None else value
    absent = (p for p in NOT_BUILT if p.where.replace(".**", "") == where and p.written(held))
    return "**Not in this version.**" if any(absent) else ""


def _doc(model: type[BaseModel], more: str = "") -> str:
    text = " ".join((model.__doc__ or "").split())
    return f"{text} {more}".rstrip() + "\n"


def _note(where: str, hint: Any) -> str:  # noqa: ANN401 - a type, of any form
    """What is said of a key some or all of whose values this version does not have."""
    for part in NOT_BUILT:
        absent = [f"`{word}`" for word in _literals(hint) if part.written(word)]
        if part.where == where and (absent or not models_in(hint)):
            return f" **Not in this version{': ' if absent else ''}{', '.join(absent)}.**"
    return ""


def _literals(hint: Any) -> list[object]:  # noqa: ANN401 - a type, of any form
    if get_origin(hint) is Literal:
        return list(get_args(hint))
    return [v for inner in get_args(hint) for v in _literals(inner)]


def _table(path: str, model: type[BaseModel], leave_out: Collection[str] = ()) -> str:
    hints = get_type_hints(model, include_extras=True)
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    rows += [
        f"| `{f.alias or name}` | {type_words(hints[name])} | {_default(f)} | "
        f"{_cell(f.description or '')}{_note(path + (f.alias or name), hints[name])} |"
        for name, f in model.model_fields.items()
        if name not in leave_out
    ]
    return "\n".join(rows) + "\n"


def type_words(hint: Any) -> str:  # noqa: ANN401, PLR0911 - a type of any form, one answer for each
    """A type in words."""
    for known, words in _WORDS:
        if hint == known:
            return words
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return type_words(inner[0])
    if origin is Literal:
        return ", ".join(f"`{str(v).lower() if isinstance(v, bool) else v}`" for v in inner)
    if origin in (Union, UnionType):
        sections = [a for a in inner if a is not type(None)]
        if len(models_in(hint)) > 2 and not any(get_origin(a) is tuple for a in sections):  # noqa: PLR2004 - a list of kinds
            return "mapping with a `kind`"
        return " or ".join(dict.fromkeys(type_words(a) for a in sections))
    if origin is tuple:
        return f"list of {type_words(inner[0])}"
    if origin is dict:
        return f"mapping of {type_words(inner[0])} to {type_words(inner[1])}"
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return ", ".join(f"`{v.value}`" for v in hint)
    return "mapping" if isinstance(hint, type) and issubclass(hint, BaseModel) else "any value"


def _default(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    if field.is_required() or (isinstance(extra, dict) and extra.get("required")):
        return "required"
    value = field.default
    if value is None:
        return ""
    if isinstance(value, BaseModel):
        return "its own"
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, bool):
        value = str(value).lower()
    if isinstance(value, tuple):
        value = f"[{', '.join(map(str, value))}]"
    return f"`{value}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


class Listing:
    """Stands in for Prometheus's client, and notes which figures there are."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str]] = []

    def __getattr__(self, kind: str) -> Any:  # noqa: ANN401 - a class of the client, or a method of one
        def make(name: str, what: str, labels: Collection[str] = (), **_: object) -> Listing:
            shown = f"{name}{{{','.join(labels)}}}" if labels else name
            self.rows.append((shown, kind.lower(), what))
            return self

        return make if kind[:1].isupper() else lambda *_: self


def render_metrics() -> str:
    """The page of the figures."""
    listing = Listing()
    Metrics(listing, None)
    rows = [f"| `{shown}` | {kind} | {_cell(what)} |" for shown, kind, what in sorted(listing.rows)]
    head = METRICS_HEAD.replace("NAMES_MAX", str(NAMES_MAX))
    return "\n".join([head, "| metric | kind | |", "|---|---|---|", *rows]) + "\n"


def main(argv: list[str]) -> int:
    stale = 0
    for target, page in ((TARGET, render()), (METRICS, render_metrics()), (CLI, render_cli())):
        if "--check" in argv:
            fresh = target.is_file() and target.read_text(encoding="utf-8") == page
            print(f"{target.name}: {'up to date' if fresh else 'out of date: run scripts/gen_reference.py'}")
            stale += not fresh
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page, encoding="utf-8")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
