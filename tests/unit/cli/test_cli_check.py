from __future__ import annotations

import pytest

SOUND = """\
model_list:
  - model_name: small
    litellm_params: {model: openai/sim-small}
    model_info: {input_cost_per_token: 0.0000002, output_cost_per_token: 0.0000012}
  - model_name: large
    litellm_params: {model: openai/sim-large}
    model_info: {input_cost_per_token: 0.000005, output_cost_per_token: 0.00003}
litellm_settings: {callbacks: ["litellm_tiering.plugin.handler"]}
router_settings: {model_group_alias: {auto: large}}
tiering:
  tiers: [{name: simple, model: small}, {name: complex, model: large}]
  budgets: [{limit_usd: 5}]
"""


@pytest.fixture
def written(tmp_path):
    def _write(text, name="config.yaml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return _write


def test_a_sound_file_is_0(run, run_json, written):
    path = written(SOUND)
    assert run("check", "--config", path) == (0, f"{path}: nothing wrong, nothing risky\n", "")
    assert run_json("check", "--config", path) == (0, {"ok": True, "problems": [], "warnings": []})


def test_the_file_in_the_current_directory_is_found(run, written):
    written(SOUND)
    assert run("check")[:2] == (0, "config.yaml: nothing wrong, nothing risky\n")


def test_a_problem_is_told_with_place_and_fix(run, run_json, written):
    path = written(SOUND.replace("limit_usd: 5", "limit_usd: 5, windw: day"))
    status, found = run_json("check", "--config", path)
    assert (status, found["ok"], found["warnings"]) == (1, False, [])
    (problem,) = found["problems"]
    assert set(problem) == {"file", "path", "message", "fix"}
    assert problem["path"] == "tiering.budgets[0].windw"
    assert problem["file"].startswith(str(path))
    assert "window" in problem["fix"]
    status, out, _ = run("check", "--config", path)
    assert status == 1
    assert f"problem: {problem['file']}: {problem['path']}: {problem['message']}\n    fix: " in out
    assert out.endswith(f"{path}: 1 problem, 0 warnings\n")


def test_warnings_count_only_when_asked_to(run, run_json, written):
    path = written(SOUND.replace("  budgets: [{limit_usd: 5}]\n", ""))
    status, found = run_json("check", "--config", path)
    assert (status, found["ok"], found["problems"]) == (0, True, [])
    assert [w["path"] for w in found["warnings"]] == ["tiering.budgets"]
    assert run_json("check", "--strict", "--config", path) == (1, {**found, "ok": False})
    assert run("check", "--config", path)[1].endswith(f"{path}: 0 problems, 1 warning\n")


def test_prices_come_from_the_deployments_and_from_litellms_map(run_json, written):
    swapped = SOUND.replace("0.00003}", "0.0000001}").replace("0.000005,", "0.0000001,")
    _, found = run_json("check", "--config", written(swapped))
    assert [w["path"] for w in found["warnings"]] == ["tiering.tiers[1].model"]
    mapped = SOUND.replace("openai/sim-large}", "openai/gpt-4o}").replace(
        "    model_info: {input_cost_per_token: 0.000005, output_cost_per_token: 0.00003}\n", ""
    )
    assert run_json("check", "--config", written(mapped))[1]["warnings"] == []
    unknown = mapped.replace("openai/gpt-4o", "openai/nobody-knows-it")
    (warning,) = run_json("check", "--config", written(unknown))[1]["warnings"]
    assert "no price is known for 'large'" in warning["message"]


def test_a_file_that_cannot_be_read_is_2(run, tmp_path):
    status, out, err = run("check", "--config", "absent.yaml")
    assert (status, out) == (2, "")
    assert "absent.yaml cannot be read" in err
    assert run("check", "--config", tmp_path)[0] == 2
    status, _, err = run("check")
    assert status == 2
    assert "no config.yaml here" in err


@pytest.mark.parametrize(
    ("text", "said"),
    [("tiering: [", "not valid YAML"), ("a: 1\n", "no such section"), ("", "no such section")],
)
def test_a_file_without_sense_is_a_finding(run_json, written, text, said):
    status, found = run_json("check", "--config", written(text))
    assert (status, found["ok"]) == (1, False)
    assert said in found["problems"][0]["message"]


def test_a_litellm_that_must_not_be_used_is_a_problem(run_json, written, monkeypatch):
    monkeypatch.setattr("litellm_tiering.gateway.compat.version", lambda _: "1.107.0")
    status, found = run_json("check", "--config", written(SOUND))
    assert status == 1
    assert "1.107.0 must not be used" in found["problems"][0]["message"]


def test_the_environments_file_is_the_default(run, run_json, written, monkeypatch):
    own = written(
        "tiers: [{name: a, model: x}, {name: b, model: y}]\nbudgets: [{limit_usd: 1}]\n", "own.yaml"
    )
    written("tiering: {}\n")
    monkeypatch.setenv("LITELLM_TIERING_CONFIG", str(own))
    assert run_json("check")[1]["problems"] == []
    monkeypatch.setenv("LITELLM_TIERING_CONFIG", "gone.yaml")
    status, out, err = run("check")
    assert (status, out) == (2, "")
    assert "gone.yaml cannot be read" in err


def test_a_file_that_is_named_is_the_one_that_is_judged(run_json, written, monkeypatch):
    own = written("tiers: [{name: a, model: x}, {name: b, model: large}]\n", "own.yaml")
    monkeypatch.setenv("LITELLM_TIERING_CONFIG", str(own))
    assert run_json("check", "--config", written(SOUND))[0] == 0
    models_alone = written(SOUND[: SOUND.index("tiering:")])
    status, found = run_json("check", "--config", models_alone)
    assert status == 1
    assert "no model group 'x'" in found["problems"][0]["message"]
