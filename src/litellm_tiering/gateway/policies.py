"""What is in force for a request: the owner's policy, or that of the arm that its caller is in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from litellm_tiering.cascading import Setting
from litellm_tiering.gateway import timing
from litellm_tiering.gateway.catalog import Catalog

if TYPE_CHECKING:
    from litellm_tiering.config.build import Settings
    from litellm_tiering.core.features import Caller
    from litellm_tiering.core.policy import Route
    from litellm_tiering.engine import Engine
    from litellm_tiering.holding import Background
    from litellm_tiering.overdue import Overdue


@dataclass(frozen=True, slots=True)
class InForce:
    """One policy as requests meet it.

    Attributes:
        settings: All of it.
        catalog: What tiers cost and can do under it.
        setting: What its cascades run on; None where no answer is judged.
    """

    settings: Settings
    catalog: Catalog
    setting: Setting | None


class Policies:
    """The owner's policy, and those of the arms.

    Args:
        settings: The owner's settings.
        catalog: What tiers cost and can do.
        engine: Decides.
        background: Where what goes on after its request runs.
        overdue: Looks after bills that do not come.
    """

    def __init__(
        self, settings: Settings, catalog: Catalog, engine: Engine, background: Background, overdue: Overdue
    ) -> None:
        self._engine = engine
        self._tested = settings.tested
        self._place = (background, overdue)
        self.base = InForce(settings, catalog, self._setting(settings))
        self._arms = {name: self._in_force(own) for name, own in settings.arms.items()}

    def _in_force(self, own: Settings) -> InForce:
        base = self.base
        same = own.requirements == base.settings.requirements
        catalog = base.catalog if same else Catalog(own.ladder, own.requirements, self._engine.clock)
        judged_alike = own.cascade is base.settings.cascade
        return InForce(own, catalog, base.setting if judged_alike else self._setting(own))

    def _setting(self, settings: Settings) -> Setting | None:
        if settings.cascade is None or settings.mode != "enforce":
            return None
        timing.tell(settings.cascade, self._engine.books)
        return Setting(self._engine, settings.cascade, *self._place)

    def of(self, arm: str) -> InForce:
        """What is in force for an arm; for one that there is no more, as for everybody else."""
        return self._arms.get(arm, self.base)

    def arm_of(self, caller: Caller, route: Route) -> str:
        """The arm of a request on a route: its caller's, where policies take effect and can differ."""
        if route.name not in self._tested or not (route.enforce and self._engine.terms.enforce):
            return ""
        return self._engine.terms.experiment.arm(caller)

    def route_of(self, arm: str, model: str, route: Route) -> Route:
        """The route of a model under an arm, switched on and off as ``route``, which is everybody's."""
        if arm not in self._arms:
            return route
        own = self._arms[arm].settings.routing.find(model)
        return route if own is None else replace(own, off=route.off, enforce=route.enforce)

    def gate_alarms(self) -> list[str]:
        """Gates that say the same of everything, the arms' own among them."""
        found: list[str] = []
        base = self.base.settings.cascade
        if base is not None:
            found += base.gates.alarms()
        for name, one in self._arms.items():
            cascade = one.settings.cascade
            if cascade is not None and cascade is not base:
                found += [f"arm {name}: {alarm}" for alarm in cascade.gates.alarms()]
        return found
