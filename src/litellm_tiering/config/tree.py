"""The section as plain values: bounded, with text for keys, and the environment's values filled in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from litellm_tiering.config.words import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_tiering.config.words import Loc

ENV_PREFIX = "os.environ/"
"""What LiteLLM writes before a variable's name where a value comes from the environment."""

MAX_DEPTH = 40
MAX_VALUES = 100_000

_YAML_WORDS = {True: "`on`, `yes` or `true`", False: "`off`, `no` or `false`"}


class Tree:
    """A copy of a section that is safe to walk.

    Attributes:
        value: The section with variables filled in; None where it is too large to be one.
        secrets: What came from the environment, with the ``os.environ/NAME`` it was written as.
        findings: What is wrong with keys, variables and size.
    """

    def __init__(self, section: object, env: Mapping[str, str] | None) -> None:
        self.findings: list[Finding] = []
        self.secrets: dict[str, str] = {}
        self._env = env
        self._left = MAX_VALUES
        self._cut = False
        value = self._copy(section, ("tiering",))
        self.value = None if self._cut else value

    def _copy(self, value: object, loc: Loc) -> object:
        self._left -= 1
        if self._left < 0 or len(loc) > MAX_DEPTH:
            if not self._cut:
                much = "holds too many values" if self._left < 0 else "is nested too deeply"
                fix = "write it out without aliases that hold themselves."
                self.findings = [Finding(loc[:1] if self._left < 0 else loc[:8], much, fix)]
                self._cut = True
            return None
        if self._cut:
            return None
        if isinstance(value, dict):
            return {
                key: self._copy(inner, (*loc, key)) for key, inner in value.items() if self._is_text(key, loc)
            }
        if isinstance(value, (list, tuple)):
            return [self._copy(inner, (*loc, i)) for i, inner in enumerate(value)]
        if isinstance(value, str) and value.startswith(ENV_PREFIX) and self._env is not None:
            return self._from_env(value, loc)
        return value

    def _is_text(self, key: object, loc: Loc) -> bool:
        if isinstance(key, str):
            if not re.search("[\ud800-\udfff]", key):
                return True
            self.findings.append(Finding(loc, f"the key {key[:60]!r} is not valid Unicode", "remove it."))
            return False
        if isinstance(key, bool):
            self.findings.append(
                Finding(
                    loc,
                    f"a key is {str(key).lower()}: YAML reads a bare {_YAML_WORDS[key]} as that",
                    'put the key in quotes, such as `"on": auto`.',
                )
            )
        else:
            self.findings.append(
                Finding(loc, f"a key is a {type(key).__name__}, not text", "put the key in quotes.")
            )
        return False

    def _from_env(self, text: str, loc: Loc) -> str | None:
        name = text.removeprefix(ENV_PREFIX)
        found = (self._env or {}).get(name)
        if found is None:
            self.findings.append(
                Finding(
                    loc, f"the environment has no variable {name[:60]!r}", "set it, or write the value here."
                )
            )
        elif found:
            self.secrets[found] = text
        return found
