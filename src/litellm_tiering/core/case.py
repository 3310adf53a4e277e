"""What a decision is made of: the route, the request's case, and what its budgets say."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from litellm_tiering.core.bounds import NO_PRESSURE, Pressure
from litellm_tiering.core.classification import Classification

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_tiering.core.budget import Budget, Choice, Limit
    from litellm_tiering.core.expected import Choice as Expected
    from litellm_tiering.core.value import Wanted

_ODD = re.compile(r"[^\w.@:/-]")
_LONGEST_ID = 64


@dataclass(frozen=True, slots=True)
class Route:
    """How requests for some model names are treated.

    Attributes:
        name: The route's name, for records and budgets.
        models: The requested names it serves, globs.
        classify: Whether the tier follows from the request; otherwise the client's choice stands.
        cascade: Whether answers are gated.
        rank: The rank when not classified.
        default_rank: The rank when every classifier abstains.
        client_tier: What the ``x-tiering-tier`` header may do: ``lower``, ``floor``.
        enforce: Whether decisions take effect; False is shadow mode.
        off: Whether its requests are left alone, as those of a model without a route.
        keep_s: For how long after its last turn a conversation keeps its tier, in seconds; None for not.
        deadline_s: How long all attempts of a cascade may take, in seconds; None for no limit.
    """

    name: str
    models: tuple[str, ...]
    classify: bool = True
    cascade: bool = True
    rank: int | None = None
    default_rank: int = 0
    client_tier: frozenset[str] = frozenset({"lower"})
    enforce: bool = True
    deadline_s: float | None = None
    off: bool = False
    keep_s: int | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """One budget applied to one id: what the decision needs to know of it.

    Attributes:
        budget: The policy.
        id: The id within the scope, as people read it.
        limit: What the ledger is asked; built by the engine, which knows the window.
        critical: Whether this caller is exempt from it.
        window_end_s: When the window ends, in seconds since the epoch.
        pressure: What bears on this request besides the plain thresholds.
        plain: For each option, the usage from which it goes whatever the forecast and the value; empty where
            there is nothing but that.
        wanted: What the request would like to have of this budget's money, where it is spent by value.
    """

    budget: Budget
    id: str
    limit: Limit
    critical: bool
    window_end_s: float
    pressure: Pressure = NO_PRESSURE
    plain: tuple[int, ...] = ()
    wanted: Wanted | None = None

    @property
    def name(self) -> str:
        """The scope as people read it: ``global`` or ``team:blue``.

        Clients choose some ids: what could pass for another reason, or is long, does not get through.
        """
        scope = self.budget.scope.value
        return scope if self.id == "*" else f"{scope}:{_ODD.sub('_', self.id[:_LONGEST_ID])}"


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that a decision depends on, apart from balances.

    Attributes:
        route: The route that the requested name fell to.
        asked: The rank whose group the client asked for by name, or that the virtual name stands for.
        classification: What the classifiers said; empty on a route that does not classify.
        wish: The rank of the client's ``x-tiering-tier`` header.
        unable: Ranks that cannot serve the request, with what they lack.
        forbidden: Ranks that the caller may not use, or that no longer exist, with why.
        bypass: The segment whose answers fail too often where it belongs; empty for none.
        exempt: The exemption that spares the caller every budget, such as ``team:blue``; empty for none.
        kept: The rank that the request's conversation has reached; 0 where it is not known.
        holdout: Whether the caller is held out of routing, and gets the dearest tier.
        expected: The way that is expected to cost least; None where too little is known, or nobody asked.
        arm: Which of several policies the caller follows in an experiment; empty outside one.
    """

    route: Route
    asked: int
    classification: Classification = field(default_factory=Classification)
    wish: int | None = None
    unable: Mapping[int, str] = field(default_factory=dict)
    forbidden: Mapping[int, str] = field(default_factory=dict)
    bypass: str = ""
    exempt: str = ""
    kept: int = 0
    holdout: bool = False
    expected: Expected | None = None
    arm: str = ""


@dataclass(frozen=True, slots=True)
class Spending:
    """The ledger's answer, as the budget stage needs it.

    Attributes:
        accounts: The budgets that apply, in the order of their limits.
        options: The ranks that were offered, dearest first.
        choice: Which of them was admitted.
        used: What was used of each account before this request, in nano-dollars.
        now_s: When, in seconds since the epoch.
    """

    accounts: tuple[Account, ...]
    options: tuple[int, ...]
    choice: Choice
    used: tuple[int, ...]
    now_s: float
