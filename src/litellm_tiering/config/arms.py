"""The policy that an arm of an experiment stands for: the section, with what the arm says otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.config.schema_experiment import ExperimentSection
from litellm_tiering.config.schema_gates import CascadeSection

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from litellm_tiering.config.schema import TieringSection
    from litellm_tiering.config.schema_experiment import ArmSection
    from litellm_tiering.config.words import Loc

KEYS = ("classifiers", "requirements", "cascade")
"""What an arm can say otherwise. Tiers, routes, budgets and the store are everybody's."""

ARMS: Loc = ("tiering", "experiment", "arms")


def policy_of(config: TieringSection, arm: ArmSection) -> TieringSection:
    """The section as it holds for an arm's callers."""
    said = {key: value for key in KEYS if (value := getattr(arm, key)) is not None}
    if isinstance(arm.cascade, CascadeSection) and isinstance(config.cascade, CascadeSection):
        written = {key: getattr(arm.cascade, key) for key in arm.cascade.model_fields_set}
        said["cascade"] = config.cascade.model_copy(update=written)
    if isinstance(arm.requirements, dict) and isinstance(config.requirements, dict):
        said["requirements"] = {**config.requirements, **arm.requirements}
    return config.model_copy(update={**said, "experiment": ExperimentSection()})


def policies(config: TieringSection) -> Iterator[tuple[ArmSection, TieringSection]]:
    """Every arm, in order, with its policy."""
    for arm in config.experiment.arms:
        yield arm, policy_of(config, arm)


def placed(arm: ArmSection, index: int, loc: Loc) -> Loc | None:
    """Where an arm writes what its policy has at a place; None where it writes nothing of that."""
    inner = loc[1:]
    if loc[:1] != ("tiering",) or not inner or inner[0] not in KEYS:
        return None
    value = getattr(arm, str(inner[0]))
    if value is None:
        return None
    part = inner[1] if len(inner) > 1 else None
    if isinstance(value, CascadeSection):
        known: Collection[object] = CascadeSection.model_fields.keys() - value.model_fields_set
        if part in known:
            return None
    elif isinstance(value, dict) and part is not None and part not in value:
        return None
    return (*ARMS, index, *inner)
