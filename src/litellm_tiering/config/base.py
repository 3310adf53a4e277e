"""What the sections of the configuration share: their strictness, and the kinds of value they hold."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

NAME_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.\-]*$"
"""Names of tiers, routes and rules stand in response headers and metric labels, so they are plain."""


class Section(BaseModel):
    """A mapping in the configuration: unknown keys are errors, and nothing changes it once it is read.

    Where one is another's default it is made by ``model_construct``, which needs no validator.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        populate_by_name=False,
        allow_inf_nan=False,
        # Each section's validator would be built as it is imported, and again within all that hold it.
        defer_build=True,
    )


def _no_bool(value: Any) -> Any:  # noqa: ANN401 - a validator sees whatever was written
    if isinstance(value, bool):
        raise PydanticCustomError("number_not_bool", "must be a number")
    return value


def _off(value: Any) -> Any:  # noqa: ANN401 - a validator sees whatever was written
    """YAML 1.1 reads a bare ``off`` as false."""
    return "off" if value is False else value


Number = Annotated[float, BeforeValidator(_no_bool)]
"""A finite number; ``true`` is not 1."""

Whole = Annotated[int, BeforeValidator(_no_bool)]
"""A whole number; ``true`` is not 1."""

Share = Annotated[Number, Field(ge=0, le=1)]
"""A part of a whole, 0 to 1."""

Name = Annotated[str, Field(min_length=1, max_length=64, pattern=NAME_PATTERN)]
"""A short plain name: letters, digits, ``_``, ``-`` and ``.``."""

Text = Annotated[str, Field(min_length=1, max_length=2048)]
"""Any text but the empty one."""

OFF_IS_A_WORD = BeforeValidator(_off)
"""Lets ``off`` be written without quotes where it is one of the words allowed."""
