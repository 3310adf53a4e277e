"""Figures for Prometheus, where its client is installed; elsewhere nothing is done, at no cost.

They go to the client's default registry, which LiteLLM's ``/metrics`` serves. With several workers LiteLLM
sets ``PROMETHEUS_MULTIPROC_DIR``, and what the workers say is made one figure: the worst of it for what they
all see of one store, the sum for what each has of its own. Only workers that are alive count.

Labels are bounded: a budget is named by its scope, and by its id only where the owner chose that (routes);
tiers, routes, gates and model groups are the owner's own names, and of a label that nevertheless has too many
values the rest is counted as ``(other)``. No label ever holds a key, a user, a team or a prompt.
"""

from __future__ import annotations

import logging
import math
from importlib import import_module
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from litellm_tiering.core.debt import PROBE
from litellm_tiering.units import NANO_PER_USD

if TYPE_CHECKING:
    from collections.abc import Mapping

_log = logging.getLogger("litellm_tiering")

NAMES_MAX = 200
"""How many different sets of label values one figure takes; all others are one more."""

OTHER = "(other)"

DECISION_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
GATE_S = (0.00001, 0.0001, 0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0)
ATTEMPT_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)

STORE_OPS = ("balances", "reserve", "settle", "release")
"""What the store is asked for every request: counted from 0, so that the first error is an increase."""


class Metrics:
    """The figures of one process.

    Args:
        client: The module ``prometheus_client``.
        registry: Where they are registered.
    """

    def __init__(self, client: Any, registry: Any) -> None:  # noqa: ANN401 - a module that may not be there
        self._errors = client.Counter(
            "litellm_tiering_store_errors_total",
            "Questions to the budget store that were not answered",
            ["op"],
            registry=registry,
        )
        self._up = client.Gauge(
            "litellm_tiering_store_up",
            "Whether the budget store answers every worker",
            registry=registry,
            multiprocess_mode="livemin",
        )
        self._spooled = client.Gauge(
            "litellm_tiering_spooled",
            "Costs that wait for the budget store to come back",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._ratio = client.Gauge(
            "litellm_tiering_budget_ratio",
            "The share of the limit that is used, holds included; the highest of a scope",
            ["scope"],
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._lasts = client.Gauge(
            "litellm_tiering_budget_lasts_seconds",
            "How long the money lasts at this rate, +Inf where to the window's end; the shortest of a scope",
            ["scope"],
            registry=registry,
            multiprocess_mode="livemin",
        )
        self._classifiers = client.Counter(
            "litellm_tiering_classifier_usd_total",
            "What classifiers' calls cost, in dollars",
            registry=registry,
        )
        self._faults = client.Counter(
            "litellm_tiering_faults_total",
            "Faults of the plugin or of what it was given, by place; requests went on",
            ["where"],
            registry=registry,
        )
        self._traffic(client, registry)
        self._told: dict[str, int] = dict.fromkeys(STORE_OPS, 0)
        self._told_faults: dict[str, int] = {}
        self._told_classifiers = 0
        self._scopes: set[str] = set()
        self._seen: dict[str, set[tuple[str, ...]]] = {}
        self._owed: dict[str, int] = {}
        for op in STORE_OPS:
            self._errors.labels(op)

    def _traffic(self, client: Any, registry: Any) -> None:  # noqa: ANN401 - see above
        """What is told of every request."""
        self._requests = client.Counter(
            "litellm_tiering_requests_total",
            "Requests decided, by the tier that they were sent to first",
            ["route", "tier", "model", "reason"],
            registry=registry,
        )
        self._attempts = client.Counter(
            "litellm_tiering_attempts_total",
            "Calls of tiers' models that have ended, by what became of the answer",
            ["tier", "model", "verdict"],
            registry=registry,
        )
        self._attempt_s = client.Histogram(
            "litellm_tiering_attempt_seconds",
            "How long calls of tiers' models took",
            ["tier"],
            buckets=ATTEMPT_S,
            registry=registry,
        )
        self._shadow = client.Counter(
            "litellm_tiering_shadow_total",
            "What routes, classifiers, gates and budgets in shadow mode would have done",
            ["part", "name", "does"],
            registry=registry,
        )
        self._escalations = client.Counter(
            "litellm_tiering_escalations_total",
            "Further attempts at a higher tier, by the gate that rejected the answer before",
            ["from_tier", "to_tier", "gate"],
            registry=registry,
        )
        self._decision_s = client.Histogram(
            "litellm_tiering_decision_seconds",
            "How long a request waited for its decision, the store's answer included",
            buckets=DECISION_S,
            registry=registry,
        )
        self._gate_s = client.Histogram(
            "litellm_tiering_gate_seconds",
            "How long a gate took to judge an answer",
            ["gate"],
            buckets=GATE_S,
            registry=registry,
        )
        self._spend = client.Counter(
            "litellm_tiering_spend_usd_total",
            "What calls of models cost, in dollars; what classifiers cost is not among it",
            ["tier", "model"],
            registry=registry,
        )
        self._baseline = client.Counter(
            "litellm_tiering_baseline_usd_total",
            "What the same requests would have cost without routing, in dollars",
            ["route"],
            registry=registry,
        )

    def store(self, *, up: bool, spooled: int, errors: Mapping[str, int]) -> None:
        """How the store is: whether it answers, what waits for it, and how often what failed so far."""
        self._up.set(1 if up else 0)
        self._spooled.set(spooled)
        for op, count in errors.items():
            more = count - self._told.get(op, 0)
            if more > 0:
                self._errors.labels(op).inc(more)
                self._told[op] = count

    def faults(self, counts: Mapping[str, int]) -> None:
        """How often what failed so far, by place."""
        for where, count in counts.items():
            more = count - self._told_faults.get(where, 0)
            if more > 0:
                self._faults.labels(*self._names("faults", where)).inc(more)
                self._told_faults[where] = count

    def requests(self, route: str, tier: str, model: str, reason: str, count: int = 1) -> None:
        """Requests that were decided."""
        self._requests.labels(*self._names("requests", route, tier, model, reason)).inc(count)

    def attempt(self, tier: str, model: str, verdict: str, seconds: float) -> None:
        """A call of a tier's model that has ended."""
        self._attempts.labels(*self._names("attempts", tier, model, verdict)).inc()
        self._attempt_s.labels(*self._names("attempt_s", tier)).observe(seconds)

    def probes(self, tier: str, model: str, count: int) -> None:
        """Calls that only asked what the better tier would have said; no client has waited for them."""
        if count > 0:
            self._attempts.labels(*self._names("attempts", tier, model, PROBE)).inc(count)

    def shadow(self, part: str, name: str, does: str) -> None:
        """Count what a part in shadow mode would have done."""
        self._shadow.labels(*self._names("shadow", part, name, does)).inc()

    def escalation(self, from_tier: str, to_tier: str, gate: str) -> None:
        """A further attempt."""
        self._escalations.labels(*self._names("escalations", from_tier, to_tier, gate)).inc()

    def decision(self, seconds: float) -> None:
        """How long one decision took."""
        self._decision_s.observe(seconds)

    def gate(self, name: str, seconds: float) -> None:
        """How long one gate took with one answer."""
        self._gate_s.labels(*self._names("gate_s", name)).observe(seconds)

    def spend(self, tier: str, model: str, cost: int) -> None:
        """What a call cost, in nano-dollars."""
        if cost > 0:
            self._spend.labels(*self._names("spend", tier, model)).inc(cost / NANO_PER_USD)

    def baseline(self, route: str, amount: int) -> None:
        """What requests would have cost without routing, in nano-dollars; a correction may be negative.

        A counter never goes back: what was counted too much is taken from what comes next.
        """
        (name,) = self._names("baseline", route)
        owed = self._owed.get(name, 0) + amount
        if owed > 0:
            self._baseline.labels(name).inc(owed / NANO_PER_USD)
        self._owed[name] = min(owed, 0)

    def _names(self, figure: str, *values: str) -> tuple[str, ...]:
        """The values of a figure's labels, those of the others for a set too many."""
        seen = self._seen.setdefault(figure, set())
        if values in seen:
            return values
        if len(seen) >= NAMES_MAX:
            return (OTHER,) * len(values)
        seen.add(values)
        return values

    def classifiers(self, spent: int) -> None:
        """What classifiers' calls cost so far, in nano-dollars."""
        if spent > self._told_classifiers:
            self._classifiers.inc((spent - self._told_classifiers) / NANO_PER_USD)
            self._told_classifiers = spent

    def budgets(self, ratios: Mapping[str, float], lasts: Mapping[str, float]) -> None:
        """How the budgets of each label are: share used, and for how many seconds the money lasts.

        A label that was there before and is not now has begun a new window.
        """
        self._scopes |= ratios.keys()
        for scope in self._scopes:
            self._ratio.labels(scope).set(ratios.get(scope, 0.0))
            self._lasts.labels(scope).set(lasts.get(scope, math.inf))


def open_metrics() -> Metrics | None:
    """The figures of this process, in the client's default registry.

    None where there is no client, or where it cannot write what several workers share: that is no reason not
    to serve.
    """
    try:
        client = import_module("prometheus_client")
    except ImportError:
        return None
    try:
        return metrics_in(client.REGISTRY)
    except OSError as error:
        _log.error("no figures for Prometheus: PROMETHEUS_MULTIPROC_DIR cannot be used (%s)", error.strerror)
        return None


_made: WeakKeyDictionary[Any, Metrics] = WeakKeyDictionary()


def metrics_in(registry: Any) -> Metrics:  # noqa: ANN401 - see Metrics
    """The figures in a registry, which takes each name once: made once for as long as it lives."""
    metrics = _made.get(registry)
    if metrics is None:
        metrics = _made[registry] = Metrics(import_module("prometheus_client"), registry)
    return metrics
