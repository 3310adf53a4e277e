"""From a file, or LiteLLM's own reading of it, to a configuration that is known to be sound."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from litellm_tiering.config.examine import Examined, Origin, examine
from litellm_tiering.config.source import Source, read
from litellm_tiering.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from litellm_tiering.config.schema import TieringSection
    from litellm_tiering.config.words import Finding

OVERRIDE = "LITELLM_TIERING_CONFIG"
"""The variable that names a file whose section stands in for that of the proxy's configuration."""

SECTION = "tiering"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A sound configuration.

    Attributes:
        config: The section.
        warnings: What is risky in it.
        file: Where it was read; empty when it did not come from a file.
    """

    config: TieringSection
    warnings: tuple[Problem, ...] = ()
    file: str = ""

    @property
    def base(self) -> Path:
        """The directory that relative paths in it are meant from: its file's, else the working one."""
        return Path(self.file).parent


def load(
    path: Path | str | None, env: Mapping[str, str], *, proxy: Mapping[str, object] | None = None
) -> Loaded:
    """The configuration in a LiteLLM ``config.yaml`` or a file of its own.

    Args:
        path: The file; None to take the one that ``LITELLM_TIERING_CONFIG`` names. Where both are given, the
            variable's file has the section and ``path`` the models it is checked against.
        env: The environment: for that variable and for values written ``os.environ/NAME``.
        proxy: The proxy's configuration, where the file at ``path`` is not it.

    Raises:
        ConfigError: anything is wrong; every problem at once.
    """
    found, file = examine_file(path, env, proxy=proxy)
    return _loaded(found, file)


def from_mapping(
    section: object,
    *,
    file: str = "",
    proxy: Mapping[str, object] | None = None,
    env: Mapping[str, str] | None = None,
) -> Loaded:
    """The configuration in the value of the key ``tiering``.

    Args:
        section: That value.
        file: Where it comes from, for messages.
        proxy: The rest of LiteLLM's configuration: tiers are checked against its models.
        env: The environment, for values written ``os.environ/NAME``; None where LiteLLM filled them in.

    Raises:
        ConfigError: anything is wrong; every problem at once.
    """
    return _loaded(examine(section, proxy, env, Origin(file, proxy_file=file)), file)


def examine_file(
    path: Path | str | None, env: Mapping[str, str], *, proxy: Mapping[str, object] | None = None
) -> tuple[Examined, str]:
    """What :func:`load` would say, with the name of the file that has the section.

    Raises:
        ConfigError: there is no such file, no YAML in it, or no section.
    """
    named = env.get(OVERRIDE) or path
    if not named:
        raise ConfigError(
            [Problem("configuration", "none is named", f"pass --config FILE, or set {OVERRIDE}.")]
        )
    source = read(Path(named))
    base = source if path and Path(path) == Path(named) else read(Path(path)) if path else None
    section, inside = _section(source)
    rest = _proxy_in(base) if proxy is None else proxy
    origin = Origin(
        source.file,
        {loc if inside else (SECTION, *loc): line for loc, line in source.lines.items()},
        base.file if base and proxy is None else "",
        base.lines if base and proxy is None else {},
    )
    return examine(section, rest, env, origin, _duplicates(source, inside=inside)), source.file


def _section(source: Source) -> tuple[object, bool]:
    """The section, and whether it stood under its key."""
    data = source.data
    if isinstance(data, dict) and SECTION in data:
        return data[SECTION], True
    if isinstance(data, dict) and "tiers" in data and "model_list" not in data:
        return data, False
    fix = "add `tiering:` with `tiers:` below it."
    raise ConfigError([Problem(SECTION, "there is no such section in this file", fix, source.file)])


def _proxy_in(base: Source | None) -> object:
    """The proxy's configuration, where the file is one: it has more than our section."""
    if base is None or not isinstance(base.data, dict):
        return None
    known = ("model_list", "router_settings", "litellm_settings", "general_settings")
    return base.data if any(key in base.data for key in known) else None


def _duplicates(source: Source, *, inside: bool) -> Iterator[Finding]:
    """Keys written twice: an error in our section, a warning in what is LiteLLM's."""
    for finding in source.duplicates:
        if not inside:
            yield replace(finding, loc=(SECTION, *finding.loc))
        else:
            yield replace(finding, warning=finding.loc[0] != SECTION)


def _loaded(found: Examined, file: str) -> Loaded:
    if found.section is None:
        raise ConfigError(found.problems)
    return Loaded(found.section, found.warnings, file)
