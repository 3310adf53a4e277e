"""What `eval` puts beside each other: configurations, the tiers they share, and LiteLLM's own scorer."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from litellm_tiering.classifiers.litellm_score import LitellmClassifier
from litellm_tiering.cli.common import UsageError
from litellm_tiering.cli.gate import Judge
from litellm_tiering.cli.score import Scorer
from litellm_tiering.cli.settings import DEFAULT_SECTION, bundled_prices, optional, settings_of
from litellm_tiering.config import schema_classifiers as section
from litellm_tiering.config.build import build
from litellm_tiering.config.build_chain import deciding
from litellm_tiering.config.load import from_mapping
from litellm_tiering.core.classification import Subject
from litellm_tiering.core.features import Caller, PromptText, RequestFeatures
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.gates.panel import Panel

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from litellm_tiering.config.build import Settings
    from litellm_tiering.evals.compare import Tiers
    from litellm_tiering.evals.report_rows import Contender

DEFAULT = "default chain"
"""What the classifiers of no configuration are called."""

LITELLM = "LiteLLM's scorer"
"""What LiteLLM's own complexity scorer is called."""

_TWO = ("simple", "complex")
_ANY_TIME = dt.datetime(2000, 1, 1, tzinfo=dt.timezone.utc)  # the scorer does not look at the clock


def named_tiers(options: argparse.Namespace) -> dict[str, str]:
    """The tiers of ``--tier``: models by name, in order.

    Raises:
        UsageError: the options contradict each other, or name nothing.
    """
    if bool(options.weak) != bool(options.strong):
        raise UsageError("--weak and --strong belong together: name the models as the file does")
    if options.weak and options.tier:
        raise UsageError("name the models with --weak and --strong, or with --tier, not both")
    if options.weak and options.weak == options.strong:
        raise UsageError("--weak and --strong name the same model")
    found: dict[str, str] = {}
    for given in options.tier:
        name, parted, model = given.partition("=")
        if not (parted and name and model):
            raise UsageError("--tier takes NAME=MODEL, such as simple=gpt-4o-mini")
        if name in found:
            raise UsageError(f"--tier names {name} twice")
        if model in found.values():
            raise UsageError(f"--tier names the model {model} twice")
        found[name] = model
    if len(found) == 1:
        raise UsageError("--tier is needed for two tiers or more, cheapest first")
    return found


def settings_for(names: Sequence[str], options: argparse.Namespace) -> dict[str, Settings]:
    """The configurations, by what they are called; the default one for tiers as named where there is none.

    Raises:
        ConfigError: one is wrong.
    """
    found: dict[str, Settings] = {}
    for name in names or (None,):
        where = optional(name)
        if where is None:
            found[DEFAULT] = _default(options)
            continue
        label = base = Path(name).name if name else "this configuration"
        number = 2
        while label in found:
            label, number = f"{base} ({number})", number + 1
        found[label] = settings_of(where)
    return found


def _default(options: argparse.Namespace) -> Settings:
    """The default classifiers on a ladder of the tiers that are named."""
    names = list(named_tiers(options)) or (_TWO if options.weak else None)
    if names is None:
        return settings_of(None)
    tiers = [{"name": name, "model": f"group-{i}"} for i, name in enumerate(names)]
    return build(from_mapping({**DEFAULT_SECTION, "tiers": tiers}).config)


def tiers_of(options: argparse.Namespace, settings: Settings, *, configured: bool) -> Tiers | None:
    """The tiers that are compared; None where nothing says whose answers stand for them.

    Raises:
        UsageError: a tier is not the configuration's, or out of its order.
    """
    from litellm_tiering.evals.compare import Tiers  # noqa: PLC0415 - numpy, only when it is used

    ladder = [t.name for t in settings.ladder.tiers]
    if options.weak:
        return Tiers((ladder[0], ladder[-1]), (options.weak, options.strong))
    named = named_tiers(options)
    if named:
        if list(named) != [name for name in ladder if name in named]:
            raise UsageError(f"--tier names tiers of the configuration, cheapest first: {', '.join(ladder)}")
        return Tiers(tuple(named), tuple(named.values()))
    if not configured:
        return None
    models = tuple(t.model for t in settings.ladder.tiers)
    if len(set(models)) < len(models):
        raise UsageError("two tiers have the same model group: name recorded models with --tier NAME=MODEL")
    return Tiers(tuple(ladder), models)


def contender_of(label: str, settings: Settings, *, gates: bool) -> Contender:
    """A configuration as it is evaluated.

    Raises:
        UsageError: its gates are to be evaluated, and it has none.
    """
    from litellm_tiering.evals.report_rows import Contender  # noqa: PLC0415 - numpy, as above

    return Contender(
        label=label,
        chain=Scorer(settings),
        tiers=tuple(t.name for t in settings.ladder.tiers),
        gates=Judge(settings) if gates else None,
        alone=_alone(settings) if gates else {},
        predicts_gain=any(
            isinstance(c, section.LearnedClassifier) for c in deciding(settings.config.classifiers)
        ),
        climbs=0 if settings.cascade is None else settings.cascade.max_escalations,
    )


def _alone(settings: Settings) -> dict[str, Judge]:
    """A judge for each gate of the configuration by itself, where it has more than one."""
    cascade = settings.cascade
    members = () if cascade is None else getattr(cascade.gates, "members", ())
    if cascade is None or len(members) < 2:  # noqa: PLR2004 - one alone is all
        return {}
    found: dict[str, Judge] = {}
    for gate in members:
        only = replace(cascade, gates=Panel([gate]))
        found.setdefault(gate.name, Judge(replace(settings, cascade=only)))
    return found


def paid_of(settings: Settings) -> str:
    """Why the router tax of a configuration cannot be told from here; empty where nobody is paid."""
    asked = [
        f"{c.kind} asks {c.model}"
        for c in deciding(settings.config.classifiers)
        if isinstance(c, (section.LlmClassifier, section.EmbeddingClassifier)) and c.model
    ]
    return f"{', '.join(asked)}, which is not asked here" if asked else ""


def litellm_signal() -> Callable[[str], float | None]:
    """LiteLLM's own complexity scorer, as a function of a question's text; it looks at 2,000 characters.

    Raises:
        ImportError, IncompatibleLiteLLM: it is not to be had.
    """
    with bundled_prices():
        from litellm_tiering.gateway.scorer import make_scorer  # noqa: PLC0415 - importing LiteLLM takes seconds

        scorer = make_scorer()
    asked = LitellmClassifier(Ladder(Tier(name, name) for name in _TWO), score=scorer)

    def score(text: str) -> float | None:
        subject = Subject(RequestFeatures(), Caller(), PromptText(question=text), _ANY_TIME)
        opinion = asked.classify(subject)
        # A question without text needs no model at all.
        return 0.0 if opinion is None else opinion.score

    return score
