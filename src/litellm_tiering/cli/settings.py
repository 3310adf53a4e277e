"""Which configuration a verb works under, and an engine for it outside a proxy."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import litellm_tiering.gateway  # noqa: F401 - hands LiteLLM's scorer over, should a classifier ask for it
from litellm_tiering.cli.common import UsageError
from litellm_tiering.config.build import build
from litellm_tiering.config.load import OVERRIDE, SECTION, from_mapping, load
from litellm_tiering.config.source import read
from litellm_tiering.errors import ConfigError
from litellm_tiering.ledger.memory import MemoryLedger
from litellm_tiering.ledger.open import open_ledger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_tiering.config.build import Settings
    from litellm_tiering.ports import Ledger

DEFAULT_FILE = "config.yaml"

DEFAULT_SECTION: Mapping[str, Any] = {
    "tiers": [
        {"name": "simple", "model": "small"},
        {"name": "moderate", "model": "medium"},
        {"name": "complex", "model": "large"},
    ],
    "store": {"url": "memory://"},
}
"""What verbs that need no configuration work under when there is none."""

_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A configuration that was named, or found.

    Attributes:
        path: The file, None where the environment's variable alone names it.
        env: The environment to read it in.
        found: Whether it was found in the current directory rather than named.
    """

    path: Path | None
    env: Mapping[str, str]
    found: bool = False

    def proxy(self) -> Mapping[str, Any]:
        """The proxy's configuration around the section; empty where the file has none.

        Raises:
            ConfigError: the file cannot be read.
        """
        data = read(self.path).data if self.path is not None else None
        return data if isinstance(data, Mapping) else {}


def chosen(named: str | None) -> Chosen | None:
    """The configuration of ``--config``, of the environment, or in the current directory; None for none.

    A file that is named outright is meant: the variable only lends it a section when it has none.
    """
    env = dict(os.environ)
    override = env.get(OVERRIDE)
    if named is not None:
        if override and _has_section(Path(named)):
            del env[OVERRIDE]
        return Chosen(Path(named), env)
    if override:
        return Chosen(None, env)
    return Chosen(Path(DEFAULT_FILE), env, found=True) if Path(DEFAULT_FILE).is_file() else None


def _has_section(path: Path) -> bool:
    """Whether the file has a section of its own; a file that cannot be read is left to those who say why."""
    try:
        data = read(path).data
    except ConfigError:
        return True
    return isinstance(data, Mapping) and (SECTION in data or ("tiers" in data and "model_list" not in data))


def required(named: str | None) -> Chosen:
    """The configuration, for a verb that cannot do without.

    Raises:
        UsageError: there is none, or the file named cannot be read.
    """
    found = chosen(named)
    if found is None:
        raise UsageError(f"there is no {DEFAULT_FILE} here: name one with --config, or in {OVERRIDE}")
    file = found.path or Path(found.env[OVERRIDE])
    try:
        with file.open("rb"):
            pass
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read ({getattr(error, 'strerror', None) or error})") from None
    return found


def optional(named: str | None) -> Chosen | None:
    """The configuration, for a verb that can do without: a config.yaml found here must have our section."""
    found = chosen(named)
    if found is not None and found.found and found.path is not None and not _has_section(found.path):
        return None
    return found


def settings_of(where: Chosen | None) -> Settings:
    """The settings of a configuration, or the default ladder without one.

    Raises:
        ConfigError: the configuration is wrong; every problem at once.
    """
    loaded = from_mapping(DEFAULT_SECTION) if where is None else load(where.path, where.env)
    return build(loaded.config, base=loaded.base)


@dataclass(frozen=True, slots=True)
class Store:
    """The store of a configuration, to be looked at from outside the proxy.

    Attributes:
        ledger: The ledger.
        kind: The kind that the configuration names.
        remark: What a reader of its figures should know; empty when there is nothing to say.
        seen: Whether its figures can be seen from here at all.
    """

    ledger: Ledger
    kind: str
    remark: str = ""
    seen: bool = True


def store_of(settings: Settings) -> Store:
    """The store of these settings; nothing is created by looking at it."""
    url = settings.store.url
    if url.startswith("memory:"):
        return Store(
            MemoryLedger(),
            "memory",
            "the store is memory://, which lives inside the proxy: GET /tiering/status on the proxy shows it",
            seen=False,
        )
    file = Path(url.removeprefix(_SQLITE))
    if url.startswith(_SQLITE) and not file.exists() and file.absolute().parent.is_dir():
        remark = f"{file.absolute()} is not there yet, so nothing has been counted"
        if not file.is_absolute():
            remark += "; its path is relative: run this in the directory that the proxy runs in"
        return Store(MemoryLedger(), "sqlite", remark)
    try:
        ledger = open_ledger(url)
    except ValueError as error:
        raise UsageError(f"tiering.store.url: {error}") from None
    return Store(ledger, ledger.kind)


@contextlib.contextmanager
def bundled_prices() -> Iterator[None]:
    """Have LiteLLM, when it is first imported inside, use the model map it brings along.

    By itself it downloads the newest at import. A command that reads files should not call out, nor wait for
    a network that is not there; whoever sets either of LiteLLM's variables decides otherwise.
    """
    local, url = "LITELLM_LOCAL_MODEL_COST_MAP", "LITELLM_MODEL_COST_MAP_URL"
    if local in os.environ or url in os.environ:
        yield
        return
    os.environ[local] = "True"
    try:
        yield
    finally:
        os.environ.pop(local, None)
