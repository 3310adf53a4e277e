from __future__ import annotations

from dataclasses import fields

from litellm_tiering.core.features import PromptText, RequestFeatures, ResponseFormat, Surface, TaskType


def test_text_does_not_reach_a_log_by_way_of_a_repr():
    prompt = PromptText(question="my secret", system="another one")
    assert repr(prompt) == str(prompt) == "PromptText(question=9 chars, system=11 chars)"


def test_of_a_request_that_nothing_is_told_of_there_is_nothing_but_one_plain_answer():
    told = {f.name: getattr(RequestFeatures(), f.name) for f in fields(RequestFeatures)}
    assert {name: value for name, value in told.items() if value} == {
        "surface": Surface.CHAT,
        "response_format": ResponseFormat.TEXT,
        "task_type": TaskType.CHAT,
        "choices": 1,
        "drafts": 1,
    }
