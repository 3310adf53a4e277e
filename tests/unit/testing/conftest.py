"""One simulated provider, as a process, for all tests here; each test finds it healthy and its log empty."""

from __future__ import annotations

import anthropic
import openai
import pytest

from litellm_tiering.testing.processes import serve_provider


@pytest.fixture(scope="package")
def running():
    with serve_provider() as provider:
        yield provider


@pytest.fixture
def provider(running):
    running.clear()
    return running


@pytest.fixture
def oai(provider):
    with openai.OpenAI(base_url=provider.openai_url, api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture
def claude(provider):
    with anthropic.Anthropic(base_url=provider.base_url, api_key="any", max_retries=0) as client:
        yield client
