"""What a client sends as LiteLLM's own parameters does not take the place of them."""

from __future__ import annotations

import pytest

from litellm_tiering.gateway.apply import ATTEMPT_KEY, attempt_of, mark, scrub

FORGED = {ATTEMPT_KEY: "0123456789abcdef:0"}


@pytest.mark.parametrize(
    "inner", [{"metadata": FORGED}, {"litellm_metadata": FORGED}, {"metadata": {}}, {}, [], "x", None]
)
def test_parameters_of_litellms_own_are_taken_out_of_a_request(inner):
    """On /v1/responses they were logged in place of LiteLLM's, and the mark of the call was lost."""
    data = {"model": "auto", "litellm_params": inner, "metadata": dict(FORGED)}
    scrub(data)
    assert "litellm_params" not in data
    assert attempt_of(data) == ""
    mark(data, "mine")
    assert attempt_of(data) == "mine"
