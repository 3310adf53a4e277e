"""Every exception this package raises on purpose.

::

    TieringError
    ├── ConfigError           the owner's configuration is wrong; lists every problem at once
    ├── BadModel              a model file cannot be used, or not be written
    ├── IncompatibleLiteLLM   this LiteLLM release must not be used
    └── StoreError
        └── StoreUnavailable  the ledger's store did not answer in time, or at all

Expected outcomes (over budget, no tier can serve this) are values, not exceptions:
see :class:`litellm_tiering.core.decision.Refusal`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class TieringError(Exception):
    """The base of everything below."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a configuration: where it is, what is wrong, how to mend it.

    Attributes:
        path: The place in the file, such as ``tiering.budgets[0].downgrade[1].to``.
        message: What is wrong there.
        fix: What to write instead; empty where the message says it all.
        file: The file it was read from; empty when the configuration did not come from a file.
    """

    path: str
    message: str
    fix: str = ""
    file: str = ""

    def __str__(self) -> str:
        place = f"{self.file}: {self.path}" if self.file else self.path
        return f"{place}: {self.message}" + (f" Fix: {self.fix}" if self.fix else "")


class ConfigError(TieringError):
    """The configuration cannot be used; ``problems`` holds everything that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"litellm-tiering: {count} problem{'s' if count != 1 else ''} in the configuration"
        super().__init__("\n".join([head, *(f"  - {p}" for p in self.problems)]))


class BadModel(TieringError):
    """A file of trained weights cannot be used, or not be written.

    Attributes:
        file: The file.
        message: What is wrong with it.
        fix: What to do about it.
    """

    def __init__(self, file: str, message: str, fix: str) -> None:
        self.file, self.message, self.fix = file, message, fix
        super().__init__(f"{file} {message}. Fix: {fix}")


class IncompatibleLiteLLM(TieringError):
    """The installed LiteLLM release is known to be bad and is refused."""


class StoreError(TieringError):
    """The ledger's store answered with something it should not have."""


class StoreUnavailable(StoreError):
    """The ledger's store did not answer in time, or at all."""
