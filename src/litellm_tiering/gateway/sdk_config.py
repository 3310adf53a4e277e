"""A router's ``tiering`` argument: the same section, judged against the router's own models."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litellm_tiering.config.build import build
from litellm_tiering.config.load import OVERRIDE, from_mapping, load
from litellm_tiering.config.sense_routes import VIRTUAL
from litellm_tiering.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from litellm_tiering.config.load import Loaded

STORE = "memory://"
"""Where money is counted when ``store.url`` is not given: in this process."""


def load_for(
    tiering: Any, model_list: Sequence[Any] | None, aliases: Mapping[str, Any]
) -> tuple[Loaded, dict[str, Any]]:
    """The configuration, and the router's aliases with every virtual name on the dearest tier.

    Raises:
        ConfigError: anything is wrong; every problem at once.
    """
    top, virtual = _virtual(tiering)
    complete = {**dict.fromkeys(virtual, top), **aliases}
    known = {m.get("model_name") for m in model_list or () if isinstance(m, dict)}
    complete = {name: target for name, target in complete.items() if name in aliases or name not in known}
    # Without a list the models come later, and cannot be judged.
    rest = {} if model_list is None else {"model_list": list(model_list)}
    return _load(tiering, {**rest, "router_settings": {"model_group_alias": complete}}), complete


def _virtual(tiering: Any) -> tuple[str, tuple[str, ...]]:
    """The dearest tier's model group, and the names that stand for no group of their own."""
    try:
        loaded = _load(tiering, {})
        settings = build(loaded.config, base=loaded.base)
    except ConfigError:
        # It is judged again, with the models, and then everything is said at once.
        return "", (VIRTUAL,)
    return settings.ladder.tiers[-1].model, settings.virtual_names


def _load(tiering: Any, proxy: Mapping[str, object]) -> Loaded:
    if tiering is None:
        return load(None, os.environ, proxy=proxy)
    if isinstance(tiering, (str, Path)):
        # A file that the program names is the one that counts.
        env = {name: value for name, value in os.environ.items() if name != OVERRIDE}
        return load(tiering, env, proxy=proxy)
    return from_mapping(tiering, proxy=proxy, env=os.environ)


def store_of(loaded: Loaded) -> str:
    """The store's URL."""
    store = loaded.config.store
    return store.url if "url" in store.model_fields_set else STORE
