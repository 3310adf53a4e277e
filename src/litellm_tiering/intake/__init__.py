"""From a request's body, whatever it holds, to numbers and bounded text: pure, quick, never raising."""

from __future__ import annotations

from litellm_tiering.intake.read import read_request

__all__ = ["read_request"]
