"""From the ``experiment:`` section to who follows which policy, and to those policies."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from litellm_tiering.config.arms import ARMS, policy_of
from litellm_tiering.config.build_gates import DEFAULT_GATES, judging
from litellm_tiering.config.schema_gates import CascadeSection
from litellm_tiering.config.words import path
from litellm_tiering.core.experiment import BASE, Arm, Experiment
from litellm_tiering.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from litellm_tiering.config.build import Settings
    from litellm_tiering.config.schema import TieringSection

_ROOT = "tiering."


def experiment_of(config: TieringSection) -> Experiment:
    """Who is held out, and who follows which policy."""
    written = config.experiment
    arms = tuple(Arm(a.name, a.share, gates_of(policy_of(config, a))) for a in written.arms)
    return Experiment(written.holdout, written.salt or "", arms, Arm(BASE, 1.0, gates_of(config)))


def gates_of(config: TieringSection) -> str:
    """What a policy's gates are known by: a word that those have alike who judge alike; empty for none."""
    if config.cascade is False:
        return ""
    section = config.cascade or CascadeSection()
    listed = judging(section.gates)
    gates = DEFAULT_GATES if listed is None else listed
    judged = [gate.model_dump(mode="json", by_alias=True) for gate in gates]
    # How much of a stream is judged, and whether any, decides how much of it passes.
    plain = [judged, section.stream, section.prefix_chars if section.stream == "prefix" else 0]
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:12]


def build_arms(
    config: TieringSection, base: Settings, built: Callable[[TieringSection], Settings]
) -> Mapping[str, Settings]:
    """The settings of each arm by its name: those of its policy, and the base's where it says nothing.

    Args:
        config: The section.
        base: The settings of all other callers.
        built: Makes settings of a section without arms.

    Raises:
        ConfigError: a model's file is not there, or cannot be used.
    """
    found: dict[str, Settings] = {}
    for index, arm in enumerate(config.experiment.arms):
        policy = policy_of(config, arm)
        # A model that the base has loaded is not loaded once more.
        needed = policy if arm.classifiers is not None else policy.model_copy(update={"classifiers": ()})
        try:
            own = built(needed)
        except ConfigError as error:
            raise ConfigError([_moved(problem, index) for problem in error.problems]) from None
        found[arm.name] = replace(
            base,
            chain=base.chain if arm.classifiers is None else own.chain,
            cascade=base.cascade if arm.cascade is None else own.cascade,
            requirements=own.requirements,
            routes=own.routes,
            routing=own.routing,
            config=policy,
        )
    return found


def _moved(problem: Problem, index: int) -> Problem:
    """A problem of an arm's policy, at the place of the arm."""
    return replace(problem, path=f"{path((*ARMS, index))}.{problem.path.removeprefix(_ROOT)}")


def tested_routes(base: Settings, arms: Mapping[str, Settings]) -> frozenset[str]:
    """The routes on which a policy can make a difference: those that classify, or that some policy judges."""
    every = (base, *arms.values())
    return frozenset(r.name for s in every for r in s.routes if (r.classify or r.cascade) and not r.off)
