"""LiteLLM calls hooks by name and keyword, and ignores what it does not know: so names are checked."""

from __future__ import annotations

import inspect
from types import SimpleNamespace

import pytest
from litellm.integrations.custom_logger import CustomLogger

from litellm_tiering.errors import IncompatibleLiteLLM
from litellm_tiering.faults import Faults
from litellm_tiering.gateway import compat
from litellm_tiering.gateway.compat import check_version
from litellm_tiering.gateway.hooks import TieringHandler

OURS = [n for n, m in vars(TieringHandler).items() if inspect.isfunction(m) and not n.startswith("_")]


@pytest.mark.parametrize("name", OURS)
def test_every_hook_is_one_of_litellms_with_its_parameters(name):
    theirs = getattr(CustomLogger, name, None)
    assert theirs is not None, f"LiteLLM has no hook {name}"
    ours = inspect.signature(getattr(TieringHandler, name))
    assert list(ours.parameters) == list(inspect.signature(theirs).parameters)


def test_the_hooks_that_are_looked_up_in_the_leaf_class_are_defined_on_it():
    assert {"async_pre_call_hook", "async_post_call_response_headers_hook"} <= set(OURS)
    assert "async_should_run_agentic_loop" not in OURS


@pytest.mark.parametrize("bad", ["1.107.0", "1.107.3", "1.82.7", "1.82.8"])
def test_a_compromised_release_is_refused(bad):
    with pytest.raises(IncompatibleLiteLLM, match=bad):
        check_version(bad)


@pytest.mark.parametrize(
    ("version", "warned"), [("1.100.5", 0), ("1.109.9", 0), ("1.110.0", 1), ("1.99.1", 1)]
)
def test_an_untested_release_gives_one_warning(version, warned, caplog):
    check_version(version)
    assert len(caplog.records) == warned


class Serving:
    """A gateway that serves something else than it was given."""

    def __init__(self):
        self.engine = Faults()
        self.debts = SimpleNamespace(answered=lambda data, served: None)

    def beside(self, key, data):
        """Nobody else is asked."""

    async def answered(self, data, response):
        return "better"


async def test_where_guardrails_cannot_be_found_the_answer_that_they_have_seen_is_served(monkeypatch):
    # A release of LiteLLM that calls them something else must neither fail requests nor open a way past them.
    def moved(data):
        raise ImportError("unified_guardrail")

    monkeypatch.setattr(compat, "guardrails", moved)
    handler = TieringHandler(Serving())
    found = await handler.async_post_call_success_hook(
        data={}, user_api_key_dict=None, response="the one they saw"
    )
    assert found is None
    assert handler.gateway.engine.faults == {"guardrails:ImportError": 1}


async def test_what_a_guardrail_says_of_a_better_answer_is_for_the_client(monkeypatch):
    class Minds:
        async def async_post_call_success_hook(self, data, user_api_key_dict, response):
            raise PermissionError(response)

    class Masks:
        async def async_post_call_success_hook(self, data, user_api_key_dict, response):
            return f"masked {response}"

    handler = TieringHandler(Serving())
    asked = {"data": {}, "user_api_key_dict": None, "response": "first"}
    monkeypatch.setattr(compat, "guardrails", lambda data: [(Masks(), None)])
    assert await handler.async_post_call_success_hook(**asked) == "masked better"
    monkeypatch.setattr(compat, "guardrails", lambda data: [(Minds(), None)])
    with pytest.raises(PermissionError, match="better"):
        await handler.async_post_call_success_hook(**asked)
