"""From a sound configuration to the objects that decide."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from fnmatch import translate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from litellm_tiering.capture import CaptureSettings
from litellm_tiering.config.build_arms import build_arms, tested_routes
from litellm_tiering.config.build_chain import build_chain
from litellm_tiering.config.build_debt import debt_of
from litellm_tiering.config.build_gates import (
    FaultLog,
    agreement_of,
    build_panel,
    build_shadows,
    judging,
    wants_logprobs,
)
from litellm_tiering.config.fingerprint import policy_hash
from litellm_tiering.config.schema import ConversationSection
from litellm_tiering.config.schema_gates import CascadeSection
from litellm_tiering.config.sense_budgets import downgrade_of
from litellm_tiering.config.sense_routes import VIRTUAL, is_glob
from litellm_tiering.core.budget import AtCeiling, Budget, Critical, Downgrade, Pacing, Scope
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.core.policy import Route
from litellm_tiering.expecting import Weighing
from litellm_tiering.telemetry.settings import WebhookSettings
from litellm_tiering.units import NANO_PER_USD, WindowKind, nano_usd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litellm_tiering.config.build_gates import OnFault
    from litellm_tiering.config.schema import CaptureSection, RouteSection, TieringSection
    from litellm_tiering.config.schema_budgets import BudgetSection
    from litellm_tiering.config.schema_events import EventsSection
    from litellm_tiering.core.agreement import Agreement
    from litellm_tiering.core.classification import Chained
    from litellm_tiering.core.gate import Judging
    from litellm_tiering.debt import DebtSettings
    from litellm_tiering.gates.panel import Shadows

DEFAULT_STEPS_AT = 0.80
"""From this share of a limit on, one tier down, where a budget says nothing of its own."""

DEFAULT_CHEAPEST_AT = 0.95
"""From this share of a limit on, the cheapest tier, where a budget says nothing of its own."""

INTERACTIVE_DEADLINE_MS = 60_000
"""How long all attempts of a cascade may take where somebody waits for the answer and no deadline is set."""

BATCH_DEADLINE_MS = 600_000
"""The same where nobody waits: ``latency: batch``."""

_MOST_NAMES = 1024
_LONGEST_NAME = 256


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Where spend is counted; ``retention_days`` is how long counters outlive their window.

    ``spool`` is the file for what is owed to the store, ``off`` for none; ``decisions`` is how many are kept.
    """

    url: str = field(repr=False)
    on_error: Literal["open", "cheap", "closed"] = "open"
    retention_days: int = 35
    spool: str = "off"
    decisions: int = 100_000


@dataclass(frozen=True, slots=True)
class EventSettings:
    """Who is told of events, besides the log: a webhook, and whether LiteLLM's own alerting is."""

    webhook: WebhookSettings | None = None
    litellm: bool = True


@dataclass(frozen=True, slots=True)
class CascadeSettings:
    """How answers are checked, and what a bad one leads to.

    Attributes:
        max_escalations: How many stronger tiers may be tried.
        stream: How much of a streamed answer is held back for the gates.
        prefix_chars: How many characters of a stream are held at most under ``prefix``.
        prefix_ms: For how long after its first piece a stream is held at most under ``prefix``.
        bypass_above: The escalation rate above which a segment starts one tier higher.
        probe_share: The share of a bypassed segment's requests that still try the lower tier.
        gates: What judges an answer.
        wants_logprobs: Whether some gate looks at log-probabilities.
        agreement: Whom to ask beside a tier's own model; None for nobody.
        weighing: How ways are weighed by what they are expected to cost; None where the fixed rules hold.
        shadows: The gates in shadow mode; None where there are none.
        idle: Whether no gate's word counts, as all are in shadow mode.
    """

    max_escalations: int
    stream: Literal["off", "prefix", "buffer"]
    prefix_chars: int
    prefix_ms: int
    bypass_above: float
    probe_share: float
    gates: Judging = field(repr=False, compare=False)
    wants_logprobs: bool
    agreement: Agreement | None = None
    weighing: Weighing | None = None
    shadows: Shadows | None = field(default=None, repr=False, compare=False)
    idle: bool = False


class Routing:
    """Finds the route of a requested name: the first whose globs match."""

    __slots__ = ("_known", "_table")

    def __init__(self, routes: Sequence[Route]) -> None:
        self._table = tuple((re.compile("|".join(map(translate, r.models))), r) for r in routes)
        self._known: dict[str, Route | None] = {}

    def find(self, model: str) -> Route | None:
        """The route that serves ``model``, or None."""
        try:
            return self._known[model]
        except KeyError:
            pass
        found = next((route for pattern, route in self._table if pattern.match(model)), None)
        # Clients choose these names: begin anew rather than grow.
        if len(self._known) >= _MOST_NAMES:
            self._known.clear()
        if len(model) <= _LONGEST_NAME:
            self._known[model] = found
        return found


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the engine and the gateway need to know of the configuration.

    Attributes:
        mode: Whether decisions take effect.
        ladder: The tiers.
        routes: In the order in which they are tried.
        budgets: What is limited; one of them is global.
        chain: The classifiers.
        cascade: How answers are checked; None where no route's are.
        requirements: ``auto``, ``off``, or what is listed of each tier, by its name; keys as in
            :class:`litellm_tiering.core.catalog.Capability`, those left out absent.
        store: Where spend is counted.
        events: Who is told of events.
        capture: Which requests' text is kept; None where none is.
        debt: Which of the requests that money moves down the better tier is asked of too; None for none.
        timezone: Whose wall clock rules follow.
        policy_hash: Names this policy in records: the same for the same policy, wherever it is written.
        virtual_names: The classified names that are no tier's own group, as far as they are no globs.
        config: The configuration all of it was built from.
        arms: The settings of those policies that an experiment compares, by their names; none without one.
        tested: The routes on which these can differ.
    """

    mode: Literal["enforce", "shadow", "off"]
    ladder: Ladder
    routes: tuple[Route, ...]
    budgets: tuple[Budget, ...]
    chain: Chained
    cascade: CascadeSettings | None
    requirements: Literal["auto", "off"] | Mapping[str, Mapping[str, Any]]
    store: StoreSettings
    events: EventSettings
    capture: CaptureSettings | None
    debt: DebtSettings | None
    timezone: str
    policy_hash: str
    virtual_names: tuple[str, ...]
    config: TieringSection = field(repr=False)
    routing: Routing = field(repr=False, compare=False)
    arms: Mapping[str, Settings] = field(default_factory=dict, repr=False, compare=False)
    tested: frozenset[str] = frozenset()

    def route_for(self, model: str) -> Route | None:
        """The route that requests for ``model`` fall to; None where they are left alone."""
        route = self.routing.find(model)
        return None if route is None or route.off else route

    @property
    def virtual_model(self) -> str:
        """The name that people ask for to be routed: the first virtual one, else ``auto``."""
        return self.virtual_names[0] if self.virtual_names else VIRTUAL


def build(config: TieringSection, on_gate_fault: OnFault | None = None, base: Path | None = None) -> Settings:
    """The settings that a configuration describes; it must come from :mod:`litellm_tiering.config.load`.

    Args:
        config: The section.
        on_gate_fault: Told where a gate or a classifier failed, and with what; the log is when None.
        base: The directory that relative paths are meant from; the working one when None.

    Raises:
        ConfigError: a model's file is not there, or cannot be used.
        KeyError, ValueError: the configuration was never judged, and names a tier there is not.
    """
    ladder = Ladder(Tier(t.name, t.model) for t in config.tiers)
    routes = _routes(config, ladder)
    on_fault = FaultLog() if on_gate_fault is None else on_gate_fault
    settings = Settings(
        mode=config.mode,
        ladder=ladder,
        routes=routes,
        budgets=_budgets(config, ladder),
        chain=build_chain(config.classifiers, ladder, on_fault, base or Path()),
        cascade=_cascade(config, ladder, on_fault, base),
        requirements=_requirements(config),
        store=StoreSettings(
            config.store.url,
            config.store.on_error,
            config.store.retention_days,
            config.store.spool,
            config.store.decisions,
        ),
        events=_events(config.events),
        timezone=config.timezone,
        capture=_capture(config.capture),
        debt=debt_of(config),
        policy_hash=policy_hash(config, base or Path()),
        virtual_names=_virtual_names(routes, ladder),
        config=config,
        routing=Routing(routes),
    )
    arms = build_arms(config, settings, lambda own: build(own, on_fault, base))
    return replace(settings, arms=arms, tested=tested_routes(settings, arms)) if arms else settings


def _routes(config: TieringSection, ladder: Ladder) -> tuple[Route, ...]:
    if config.routes is not None:
        return tuple(_route(config, section, ladder) for section in config.routes)
    cascade = config.cascade is not False
    auto = Route(
        VIRTUAL,
        (VIRTUAL,),
        cascade=cascade,
        default_rank=_middle(ladder),
        deadline_s=INTERACTIVE_DEADLINE_MS / 1000 if cascade else None,
        keep_s=ConversationSection().ttl_s,
    )
    own = {tier.model: ladder.rank_of_model(tier.model) for tier in ladder.tiers}
    return (
        auto,
        *(
            # A group's name is a name, whatever characters it has.
            Route("explicit", (_literal(model),), classify=False, cascade=False, rank=rank)
            for model, rank in own.items()
        ),
    )


def _literal(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)


def _middle(ladder: Ladder) -> int:
    return len(ladder) // 2


def _route(config: TieringSection, section: RouteSection, ladder: Ladder) -> Route:
    cascade = config.cascade is not False and (
        section.classify if section.cascade is None else section.cascade
    )
    default = section.default_tier
    return Route(
        name=section.name,
        models=section.models,
        classify=section.classify,
        cascade=cascade,
        rank=None if section.tier is None else ladder.rank(section.tier),
        default_rank=_middle(ladder) if default is None else ladder.rank(default),
        client_tier=frozenset(section.client_tier),
        enforce=section.mode == "enforce",
        off=section.mode == "off",
        deadline_s=_deadline_ms(section) / 1000 if cascade else None,
        keep_s=section.conversation.ttl_s if section.classify and section.conversation.keep else None,
    )


def _deadline_ms(section: RouteSection) -> int:
    if section.deadline_ms is not None:
        return section.deadline_ms
    return BATCH_DEADLINE_MS if section.latency == "batch" else INTERACTIVE_DEADLINE_MS


def _cascade(
    config: TieringSection, ladder: Ladder, on_fault: OnFault, base: Path | None
) -> CascadeSettings | None:
    if config.cascade is False:
        return None
    section = config.cascade or CascadeSection()
    return CascadeSettings(
        max_escalations=section.max_escalations,
        stream=section.stream,
        prefix_chars=section.prefix_chars,
        prefix_ms=section.prefix_ms,
        bypass_above=section.bypass_above,
        probe_share=section.probe_share,
        gates=build_panel(section.gates, on_fault, base),
        wants_logprobs=wants_logprobs(section.gates),
        agreement=agreement_of(section.gates, ladder),
        weighing=_weighing(section, ladder),
        shadows=build_shadows(section.gates, on_fault, base),
        idle=judging(section.gates) == (),
    )


def _weighing(section: CascadeSection, ladder: Ladder) -> Weighing | None:
    if section.strategy == "rules" or section.max_escalations == 0:
        return None
    return Weighing(
        per_second=section.latency_usd_per_s * NANO_PER_USD,
        probe_share=section.probe_share,
        stream=section.stream,
        # A second model in shadow mode is no way to go: what it says changes nothing.
        agreement=agreement_of(judging(section.gates), ladder),
    )


def _virtual_names(routes: Sequence[Route], ladder: Ladder) -> tuple[str, ...]:
    names = (n for r in routes if r.classify for n in r.models if not is_glob(n))
    return tuple(dict.fromkeys(n for n in names if ladder.rank_of_model(n) is None))


def _budgets(config: TieringSection, ladder: Ladder) -> tuple[Budget, ...]:
    listed = tuple(_budget(config, section, ladder) for section in config.budgets)
    if any(b.scope is Scope.GLOBAL for b in listed):
        return listed
    # All spend is counted, limited or not.
    return (Budget(Scope.GLOBAL, "*", None, WindowKind.DAY, config.timezone), *listed)


def _budget(config: TieringSection, section: BudgetSection, ladder: Ladder) -> Budget:
    critical = section.critical
    return Budget(
        scope=section.scope,
        match=section.match,
        limit=None if section.limit_usd is None else nano_usd(section.limit_usd),
        window=section.window,
        timezone=section.timezone or config.timezone,
        downgrade=_downgrade(section, ladder),
        at_ceiling=AtCeiling(section.at_ceiling),
        critical=Critical(critical.teams, critical.key_aliases, critical.tags),
        pacing=Pacing(section.pacing),
        by_value=section.downgrade == "value",
        shadow=section.mode == "shadow",
    )


def _downgrade(section: BudgetSection, ladder: Ladder) -> tuple[Downgrade, ...]:
    if section.limit_usd is None:
        return ()
    if isinstance(section.downgrade, tuple):
        names = tuple(t.name for t in ladder.tiers)
        return tuple(downgrade_of(d, names) for d in section.downgrade)
    return (Downgrade(DEFAULT_STEPS_AT, steps=1), Downgrade(DEFAULT_CHEAPEST_AT, to_rank=0))


def _requirements(config: TieringSection) -> Literal["auto", "off"] | Mapping[str, Mapping[str, Any]]:
    if isinstance(config.requirements, dict):
        return {name: can.model_dump(exclude_none=True) for name, can in config.requirements.items()}
    return config.requirements


def _events(section: EventsSection) -> EventSettings:
    webhook = section.webhook
    sent = None if webhook is None else WebhookSettings(webhook.url, webhook.secret, frozenset(webhook.kinds))
    return EventSettings(sent, section.litellm)


def _capture(section: CaptureSection) -> CaptureSettings | None:
    if not section.share:
        return None
    never = Critical(section.never.teams, section.never.key_aliases, section.never.tags)
    return CaptureSettings(section.share, section.path, section.max_mb, never)
