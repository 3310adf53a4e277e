"""An evaluation as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_tiering.cli.common import table, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_tiering.evals.report_blocks import Block
    from litellm_tiering.evals.report_result import Evaluation


def text_of(found: Evaluation) -> str:
    """The whole evaluation, one block after the other; names from the file are made harmless."""
    from litellm_tiering.evals.report_blocks import blocks_of, headline  # noqa: PLC0415 - numpy, only when used

    return "\n\n".join([visible(headline(found)), *("\n".join(_lines(b)) for b in blocks_of(found))])


def _lines(block: Block) -> Iterator[str]:
    yield visible(block.title)
    if block.rows:
        yield table(block.rows)
    yield from map(visible, block.sentences)
