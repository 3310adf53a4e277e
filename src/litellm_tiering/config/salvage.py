"""Reads as much of a section as can be read: what is sound is still judged while the rest is being mended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from litellm_tiering.config.schema import TieringSection
from litellm_tiering.config.translate import findings, place

if TYPE_CHECKING:
    from litellm_tiering.config.words import Finding, Loc, Words

_ROUNDS = 100
"""Each round takes out at least one part; more than this many rounds deep, nothing is worth judging."""


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What could be read.

    Attributes:
        section: The sound part; None when nothing can be read.
        findings: What is wrong with the rest.
        origins: For each list of the sound part, where its entries stood in the whole.
    """

    section: TieringSection | None
    findings: tuple[Finding, ...]
    origins: dict[Loc, list[int]]

    def written(self, loc: Loc) -> Loc:
        """A place in the sound part, below ``tiering``, as the place in what was written."""
        return (*loc[:1], *_restore(loc[1:], self.origins)) if loc[:1] == ("tiering",) else loc


def salvage(tree: dict[str, object], words: Words) -> Salvaged:
    """The section that ``tree`` describes, and every error of its parts."""
    wrong: set[Loc] = set()
    told: tuple[Finding, ...] | None = None
    for _ in range(_ROUNDS):
        origins: dict[Loc, list[int]] = {}
        sound = _prune(tree, wrong, (), (), origins)
        try:
            return Salvaged(TieringSection.model_validate(sound), told or (), origins)
        except ValidationError as error:
            # Later rounds only miss what earlier ones took out.
            told = tuple(findings(error, tree, words)) if told is None else told
            found = {
                _restore(place(e, sound), origins)
                for e in error.errors(include_url=False, include_input=False)
            }
            if () in found or found <= wrong:
                break
            wrong |= found
    return Salvaged(None, told or (), {})


def _prune(value: object, wrong: set[Loc], loc: Loc, new: Loc, origins: dict[Loc, list[int]]) -> object:
    if isinstance(value, dict):
        return {
            k: _prune(v, wrong, (*loc, k), (*new, k), origins)
            for k, v in value.items()
            if (*loc, k) not in wrong
        }
    if isinstance(value, list):
        kept = [i for i in range(len(value)) if (*loc, i) not in wrong]
        origins[new] = kept
        return [_prune(value[i], wrong, (*loc, i), (*new, n), origins) for n, i in enumerate(kept)]
    return value


def _restore(loc: Loc, origins: dict[Loc, list[int]]) -> Loc:
    whole: list[str | int] = []
    for n, part in enumerate(loc):
        kept = origins.get(loc[:n])
        whole.append(kept[part] if isinstance(part, int) and kept else part)
    return tuple(whole)
