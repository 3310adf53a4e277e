"""Which change of LiteLLM's broke us: one test for each of its names that it does not document."""

from __future__ import annotations

import ast
from pathlib import Path

import litellm
import pytest

import litellm_tiering.gateway
from litellm_tiering.gateway import bill, names
from litellm_tiering.gateway.names import HOOKS, NAMES, Name, complaints

GATEWAY = Path(litellm_tiering.gateway.__file__).parent

DOCUMENTED = {
    *("litellm.Router", "litellm.BadRequestError", "litellm.PermissionDeniedError", "litellm.RateLimitError"),
    *("litellm.ServiceUnavailableError", "litellm.integrations.custom_logger.CustomLogger"),
}
"""What LiteLLM's own documentation tells people to use."""


@pytest.mark.parametrize("name", NAMES, ids=lambda n: n.path.removeprefix("litellm."))
def test_litellm_still_has_it(name):
    assert list(complaints(name)) == []


@pytest.mark.parametrize("name", NAMES, ids=lambda n: n.path.removeprefix("litellm."))
def test_it_is_used_where_the_list_says(name):
    words = {name.path.rpartition(".")[2], *name.holds, *(w.removeprefix("self.") for w in name.says)}
    for module in name.used_in.split(", "):
        path = GATEWAY / f"{module}.py" if module != "plugin" else GATEWAY.parent / "plugin.py"
        source = path.read_text()
        # A whole module's import stands for what is read of it, which another of our modules may pass on.
        assert any(word in source for word in words), f"{module} uses nothing of {name.path}"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (Name("litellm.nothing_such", "x"), "litellm.nothing_such is gone"),
        (Name("litellm.nothing.such", "x"), "litellm.nothing.such is gone"),
        (
            Name("litellm.get_model_info", "catalog", ("model", "colour")),
            "lost the parameter 'colour'; used in gateway/ by catalog",
        ),
        (Name("litellm.Router.get_model_list", "x", holds=("sung",)), "lost 'sung'"),
        (
            Name("litellm.router", "x", says=("no word of " + "it",)),
            "says nothing of 'no word of it' any more",
        ),
    ],
    ids=["attribute", "module", "parameter", "field", "word"],
)
def test_a_complaint_says_what_changed_and_who_needs_it(name, said):
    (complaint,) = complaints(name)
    assert said in complaint
    assert complaint.startswith("litellm 1.")


def test_a_hook_must_have_each_parameter_by_name_while_a_call_may_pass_more(monkeypatch):
    class Logger:
        def hook(self, **kwargs):
            pass

    monkeypatch.setattr(litellm, "a_logger_of_a_test", Logger, raising=False)
    called = Name("litellm.a_logger_of_a_test.hook", "x", ("data",))
    assert list(complaints(called)) == []
    monkeypatch.setattr(names, "HOOKS", (*HOOKS, called))
    assert "lost the parameter 'data'" in next(complaints(called))


def test_the_command_says_what_is_missing_and_that_nothing_is(monkeypatch, capsys):
    monkeypatch.setattr(names, "NAMES", HOOKS[:2])
    assert names.main() == 0
    assert "all 2 names are as they were" in capsys.readouterr().out
    monkeypatch.setattr(names, "NAMES", (Name("litellm.nothing_such", "x"),))
    assert names.main() == 1
    assert "litellm.nothing_such is gone" in capsys.readouterr().out


def used() -> dict[str, set[str]]:
    """What of LiteLLM's our modules import or take from ``litellm`` itself, and which modules do."""
    found: dict[str, set[str]] = {}
    for path in (*GATEWAY.glob("*.py"), GATEWAY.parent / "plugin.py"):
        if path.name == "names.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "litellm":
                paths = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                module = {"litellm": "litellm", "proxy_server": "litellm.proxy.proxy_server"}
                paths = [f"{module[node.value.id]}.{node.attr}"] if node.value.id in module else []
            else:
                continue
            for one in paths:
                found.setdefault(one, set()).add(path.stem)
    return found


def test_whatever_is_used_of_litellm_is_in_the_list():
    known = {f"{name.path}.{held}" for name in NAMES for held in name.holds} | {n.path for n in NAMES}
    listed = {path for path in used() if any(k == path or k.startswith(f"{path}.") for k in known)}
    assert set(used()) - listed - DOCUMENTED == set()
    assert len(listed) > 20  # the reading above finds them


async def test_an_answer_of_a_router_says_its_cost_its_deployment_and_its_group():
    # Private keys of an answer, in `_hidden_params`: `bill` reads the first attempt's price and place there.
    params = {"model": "openai/gpt-4o-mini", "api_key": "x", "mock_response": "Paris."}
    router = litellm.Router(model_list=[{"model_name": "small", "litellm_params": params}])
    try:
        answer = await router.acompletion(model="small", messages=[{"role": "user", "content": "Hello"}])
        deployments = {d["model_info"]["id"] for d in router.get_model_list(model_name="small")}
    finally:
        router.discard()
    assert bill.cost_in(answer) > 0
    assert bill.deployment_of(answer) in deployments
    assert bill.answering_group(answer) == "small"
    assert not bill.from_cache(answer)
