from __future__ import annotations

from litellm_tiering.core.features import PromptText


def test_text_does_not_reach_a_log_by_way_of_a_repr():
    prompt = PromptText(question="my secret", system="another one")
    assert repr(prompt) == str(prompt) == "PromptText(question=9 chars, system=11 chars)"
