"""The keys of a policy that have more than one form: ``cascade:`` and ``requirements:``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from litellm_tiering.config.base import OFF_IS_A_WORD, Name, Section, Whole
from litellm_tiering.config.schema_gates import CascadeSection


class CapabilitySection(Section):
    """What the models of one tier can do, where LiteLLM's model map does not know it or is wrong."""

    vision: bool | None = Field(default=None, description="Images in the prompt.")
    audio: bool | None = Field(default=None, description="Audio in the prompt.")
    files: bool | None = Field(default=None, description="Documents in the prompt.")
    tools: bool | None = Field(default=None, description="Tool calls.")
    response_format: bool | None = Field(default=None, description="Answers held to a JSON schema.")
    max_input_tokens: Whole | None = Field(
        default=None, ge=1, description="The context window for input, in tokens."
    )


def _cascade_form(value: object) -> str:
    return "~off" if isinstance(value, bool) else "~on"


Cascade = Annotated[
    Annotated[Literal[False], Tag("~off")] | Annotated[CascadeSection, Tag("~on")],
    Discriminator(_cascade_form),
]
"""The cascade's section, or ``false`` for none."""


def _requirements_form(value: object) -> str:
    return "~word" if isinstance(value, (str, bool)) else "~table"


Requirements = Annotated[
    Annotated[Literal["auto", "off"], OFF_IS_A_WORD, Tag("~word")]
    | Annotated[dict[Name, CapabilitySection], Tag("~table")],
    Discriminator(_requirements_form),
]
"""``auto``, ``off``, or what each tier can do."""
