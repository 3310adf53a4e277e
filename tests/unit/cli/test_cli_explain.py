from __future__ import annotations

import json
from pathlib import Path

import pytest

from litellm_tiering.core.budget import Scope

SECRET = "zebra-crossing-7741"
FIELDS = {"tier", "model", "score", "reasons", "steps", "features"}
STEP = {"stage", "reason", "from", "to", "enforced", "detail"}
TIERS = {"simple": "small", "moderate": "medium", "complex": "large"}


def test_without_a_configuration_there_is_a_ladder(run_json):
    status, found = run_json("explain", "hi")
    assert status == 0
    assert set(found) >= FIELDS
    assert TIERS[found["tier"]] == found["model"]
    assert isinstance(found["score"], float)
    assert found["reasons"][0].startswith("heuristic")
    assert [set(step) for step in found["steps"]] == [STEP]
    assert found["refusal"] is None
    assert "store" not in found


@pytest.mark.parametrize(
    "more", [(), ("--json",), ("--config", "given.yaml"), ("--config", "given.yaml", "--json")]
)
def test_the_prompt_is_never_repeated(run, config, more):
    config()
    status, out, err = run("explain", f"Explain {SECRET} at length", *more)
    assert status == 0
    assert SECRET not in out + err
    assert "zebra" not in out + err


def test_people_get_the_tier_first_and_then_the_steps(run, run_json):
    found = run_json("explain", "hi")[1]
    status, out, err = run("explain", "hi")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == f"{found['tier']} ({found['model']}), score {found['score']:.3f}, route auto"
    assert lines[2].split() == ["STAGE", "REASON", "FROM", "TO"]
    assert lines[3].split() == ["classify", found["reasons"][0], "-", found["tier"]]
    assert lines[3].index(found["tier"]) == lines[2].index("TO")
    assert "question words" in out


@pytest.mark.parametrize(
    ("spent", "tier", "to"), [(8.5, "moderate", "budget:global:0.85"), (9.6, "simple", "budget:global:0.96")]
)
def test_the_budgets_are_those_of_the_store_and_nothing_is_held(
    run_json, config, spend, ledger, spent, tier, to
):
    spend(spent)
    status, found = run_json("explain", "hi", "--model", "large", "--config", config())
    assert (status, found["tier"], found["reasons"]) == (0, tier, ["requested", to])
    assert found["store"] == {"kind": "sqlite", "ok": True}
    (balance,) = ledger(lambda book: book.active(0)).values()
    assert (balance.spent, balance.reserved) == (round(spent * 1e9), 0)


def test_who_asks_matters(run_json, config, spend):
    spend(0.85, Scope.TEAM, "blue")
    base = config().read_text()
    critical = base.replace('match: "*", ', 'match: "*", critical: {tags: [vip], key_aliases: [night-*]}, ')
    Path("given.yaml").write_text(critical)

    def reasons(*words):
        return run_json("explain", "hi", "--model", "large", "--config", "given.yaml", *words)[1]["reasons"]

    assert reasons() == ["requested"]
    assert reasons("--team", "red") == ["requested"]
    assert reasons("--team", "blue") == ["requested", "budget:team:blue:0.85"]
    assert reasons("--team", "blue", "--tag", "x", "--tag", "vip") == ["requested", "critical:team:blue"]
    assert reasons("--team", "blue", "--key-alias", "night-shift") == ["requested", "critical:team:blue"]


def test_a_users_budget_is_his_own(run_json, config, spend):
    spend(0.85, Scope.USER, "ann")
    path = config(base=config().read_text().split("  store:")[0].replace("scope: team", "scope: user"))
    asked = ("explain", "hi", "--model", "large", "--config", path)
    assert run_json(*asked, "--user", "ann")[1]["tier"] == "moderate"
    assert run_json(*asked, "--user", "bob")[1]["tier"] == "complex"


def test_capabilities_come_from_the_model_list(run_json, config, stdin):
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    text = {"type": "text", "text": "hi"}
    body = {"model": "small", "messages": [{"role": "user", "content": [text, image]}]}
    stdin(json.dumps(body).encode())
    status, found = run_json("explain", "--request", "-", "--config", config())
    assert (status, found["tier"], found["reasons"]) == (0, "moderate", ["requested", "requirement:vision"])
    assert found["features"]["images"] == 1


def test_a_refusal_is_explained_too(run, run_json, config, spend):
    spend(10.5)
    base = (
        config()
        .read_text()
        .split("  store:")[0]
        .replace("limit_usd: 10,", "limit_usd: 10, at_ceiling: block,")
    )
    path = config(base=base)
    status, found = run_json("explain", "hi", "--config", path)
    assert (status, found["refusal"]["status"]) == (0, 429)
    assert run("explain", "hi", "--config", path)[1].startswith(
        "refused with 429: The month budget of global"
    )


def test_a_body_in_a_file(run_json, tmp_path):
    path = tmp_path / "body.json"
    path.write_text(json.dumps({"prompt": "hi there", "max_tokens": 7}))
    features = run_json("explain", "--request", path)[1]["features"]
    assert (features["question_words"], features["max_tokens"], features["model"]) == (2, 7, "auto")
    path.write_text(json.dumps({"input": "hi there", "model": "large"}))
    found = run_json("explain", "--request", path)[1]
    assert (found["features"]["surface"], found["reasons"]) == ("responses", ["requested"])
    assert found["features"]["question_words"] == 2


@pytest.mark.parametrize("surface", ["chat", "completion", "messages", "responses"])
def test_a_prompt_on_every_surface(run_json, surface):
    features = run_json("explain", "one two three", "--surface", surface)[1]["features"]
    assert (features["surface"], features["question_words"]) == (surface, 3)


def test_the_prompt_may_come_by_standard_input(run_json, stdin):
    stdin("one two thr\xe9e".encode("latin-1"))
    assert run_json("explain", "-")[1]["features"]["question_words"] == 3


@pytest.mark.parametrize("words", [(), ("hi", "--request", "-")])
def test_there_is_one_request(run, words):
    status, out, err = run("explain", *words)
    assert (status, out) == (2, "")
    assert "either a PROMPT or --request" in err


def test_a_model_without_a_route_is_said_to_be_left_alone(run):
    status, out, err = run("explain", "hi", "--model", "other")
    assert (status, out) == (2, "")
    assert "no route serves the model 'other'" in err
    assert "--model auto" in err


def test_a_body_that_is_none(run, stdin):
    stdin(b"[1]")
    status, _, err = run("explain", "--request", "-")
    assert status == 2
    assert "standard input is not a JSON object" in err


def test_a_store_that_is_away_leaves_budgets_out_and_says_so(run_json, run, config):
    path = config("sqlite:///no/such/folder/x.db")
    status, found = run_json("explain", "hi", "--model", "large", "--config", path)
    assert (status, found["tier"], found["store"]) == (1, "complex", {"kind": "sqlite", "ok": False})
    assert "budgets are left out" in run("explain", "hi", "--config", path)[2]


def test_looking_creates_no_store(run_json, config):
    assert run_json("explain", "hi", "--config", config())[0] == 0
    assert not Path("ledger.db").exists()


def test_the_file_in_the_current_directory_counts_only_if_it_has_our_section(run_json, run, config):
    config(name="config.yaml")
    assert run_json("explain", "hi")[1]["store"]["kind"] == "sqlite"
    Path("config.yaml").write_text("model_list: []\n")
    assert "store" not in run_json("explain", "hi")[1]
    status, _, err = run("explain", "hi", "--config", "config.yaml")
    assert status == 2
    assert "no such section" in err


def test_shadow_mode_shows_what_would_be_done(run_json, run, config, spend):
    spend(8.5)
    path = config(more="  mode: shadow\n")
    found = run_json("explain", "hi", "--model", "large", "--config", path)[1]
    assert (found["tier"], found["reasons"]) == ("complex", ["shadow:requested", "shadow:budget:global:0.85"])
    assert [s["enforced"] for s in found["steps"]] == [True, False, False]
    assert run("explain", "hi", "--model", "large", "--config", path)[1].count("not enforced") == 2
    elsewhere = Path(path).read_text().replace("{auto: large}", "{auto: medium}")
    path.write_text(elsewhere)
    assert run_json("explain", "hi", "--config", path)[1]["tier"] == "moderate"
    assert "mode is off" in run("explain", "hi", "--config", config(more="  mode: off\n"))[2]


def test_an_arm_decides_by_its_own_policy_and_an_unknown_one_is_told(run, run_json, tmp_path):
    rules = [{"kind": "rules", "rules": [{"name": "all", "tier": "complex", "when": {"min_tokens": 0}}]}]
    arms = [{"name": "now", "share": 0.5}, {"name": "dear", "share": 0.3, "classifiers": rules}]
    section = {
        "tiers": [{"name": "simple", "model": "small"}, {"name": "complex", "model": "large"}],
        "experiment": {"arms": arms},
        "store": {"url": "memory://"},
    }
    file = tmp_path / "arms.yaml"
    file.write_text(json.dumps({"tiering": section}), "utf-8")
    found = {}
    for arm in ("now", "dear", "base"):
        told = run_json("explain", "Hi!", "--config", str(file), "--arm", arm)[1]
        found[arm] = (told["arm"], told["tier"], f"arm:{arm}" in told["reasons"])
    assert found == {
        "now": ("now", "simple", True),
        "dear": ("dear", "complex", True),
        "base": ("base", "simple", True),
    }
    status, _, err = run("explain", "Hi!", "--config", str(file), "--arm", "bold")
    assert (status, "no arm is called 'bold'; there are: now, dear, base" in err) == (2, True)
    status, _, err = run("explain", "Hi!", "--arm", "base")
    assert (status, "there are: none" in err) == (2, True)
