"""What a client sends as LiteLLM's own parameters does not take the place of them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from litellm_tiering.core.features import Surface
from litellm_tiering.gateway.apply import ATTEMPT_KEY, attempt_of, mark, scrub
from litellm_tiering.gateway.gateway import Gateway

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


@pytest.mark.parametrize(
    ("body", "cascades"),
    [
        ({}, True),
        *(({"stream": value}, True) for value in (True, False, None)),
        *(({"stream": value}, False) for value in ("yes", "", 1, 0, [], {}, 0.5)),
    ],
)
def test_a_stream_of_no_kind_has_no_cascade(body, cascades):
    """Of two providers one took it for a stream, and the other answered with a whole: its hold was kept."""
    gateway = SimpleNamespace(cascade=lambda *_: "a cascade", heard=None)
    journey = SimpleNamespace(features=SimpleNamespace(surface=Surface.RESPONSES), added=frozenset())
    found = Gateway._cascade_of(gateway, journey, {"model": "auto", **body})
    assert (found == "a cascade") is cascades
