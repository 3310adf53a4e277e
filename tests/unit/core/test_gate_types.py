from __future__ import annotations

from litellm_tiering.core.features import PromptText
from litellm_tiering.core.gate import Demand, Exchange, Said, ToolCall


def test_what_is_shown_of_an_exchange_holds_no_text():
    call = ToolCall("lookup", '{"who": "zebra"}')
    said = Said("a zebra", (call,), (-0.1,), "stop", "no zebra")
    demand = Demand(json=True, schema={"title": "zebra"}, tools={"zebra": None})
    exchange = Exchange(said, prompt=PromptText("zebra?"), demand=demand)
    shown = f"{exchange!r} {said!r} {call!r} {demand!r}"
    assert "zebra" not in shown
    assert "Said(text=7 chars, tool_calls=1, 'stop')" in shown
    assert "ToolCall(16 chars)" in shown
    assert "Demand(json=True, tools=1)" in shown


def test_a_gate_reads_an_answer_by_its_short_names():
    said = Said("yes", (), (-0.5,), "stop")
    exchange = Exchange(said)
    assert (exchange.answer, exchange.tool_calls) == ("yes", ())
    assert (exchange.logprobs, exchange.finish_reason) == ((-0.5,), "stop")
