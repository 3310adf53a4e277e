from __future__ import annotations

import csv
import gzip
import io
import json

import pytest

EASY = "What is the capital of France?"
HARD = (
    "Prove that every finite integral domain is a field, then derive the asymptotic running time of the "
    "algorithm below, refactor it so that it is O(n log n), and explain the trade-offs step by step."
)
PRICES = {"small": (2e-7, 1.2e-6), "medium": (2e-6, 1.2e-5), "large": (5e-6, 3e-5)}


def row(i, text, model="large", prompt=5_000, completion=1_000, **more):
    """A row of LiteLLM_SpendLogs."""
    one, other = PRICES[model]
    return {
        "request_id": f"chatcmpl-{i}",
        "call_type": "acompletion",
        "api_key": "hash",
        "spend": prompt * one + completion * other,
        "total_tokens": prompt + completion,
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "startTime": f"2026-11-{1 + i // 24 % 28:02d}T{i % 24:02d}:00:00.000Z",
        "model": f"openai/sim-{model}",
        "model_group": model,
        "metadata": json.dumps({"user_api_key_team_alias": "red" if i % 2 else "blue"}),
        "status": "success",
        "messages": "{}",
        "proxy_server_request": json.dumps({"messages": [{"role": "user", "content": text}]} if text else {}),
        **more,
    }


@pytest.fixture
def log(tmp_path):
    """Writes rows as JSON lines, a JSON array or CSV, by the file's name."""

    def _write(rows, name="spend.jsonl"):
        path = tmp_path / name
        out = io.StringIO()
        if ".csv" in name:
            writer = csv.DictWriter(out, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
        elif name.endswith(".json"):
            json.dump(rows, out)
        else:
            out.writelines(json.dumps(r) + "\n" for r in rows)
        raw = out.getvalue().encode()
        path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
        return path

    return _write


@pytest.fixture
def given(config):
    return config("memory://")


def test_easy_traffic_on_the_dearest_model_is_worth_routing(run, log, given):
    path = log([row(i, EASY if i % 4 else HARD) for i in range(200)])
    status, out, err = run("analyze", path, "--config", given)
    assert (status, err) == (0, "")
    assert out.startswith("worth it: ")
    assert "200 with their request" in out
    assert "small < medium < large (configured)" in out
    assert "capital" not in out
    assert "asymptotic" not in out


def test_the_classes_are_those_that_score_gives(run, run_json, log, given, tmp_path):
    texts = [
        EASY,
        HARD,
        "hi",
        "Translate 'good morning' to French.",
        "Summarise the plot of Hamlet in a line.",
    ]
    path = log([row(i, t) for i, t in enumerate(texts)])
    lines = tmp_path / "lines.jsonl"
    lines.write_text("".join(json.dumps({"id": i, "prompt": t}) + "\n" for i, t in enumerate(texts)))
    _, out, _ = run("score", "--input", lines, "--config", given)
    tiers = [json.loads(line)["tier"] for line in out.splitlines()]
    status, found = run_json("analyze", path, "--config", given)
    assert status == 0
    assert {c["tier"]: c["calls"] for c in found["classes"]} == {
        t: tiers.count(t) for t in ("simple", "moderate", "complex")
    }


def test_a_request_goes_to_a_tier_that_can_serve_it(run_json, log, given):
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    body = {"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}, picture]}]}
    path = log([row(0, "", proxy_server_request=json.dumps(body)), row(1, "hi")])
    _, found = run_json("analyze", path, "--config", given)
    assert [c["calls"] for c in found["classes"]] == [1, 1, 0]  # the small model sees nothing


@pytest.mark.parametrize("name", ["spend.csv", "spend.json", "spend.jsonl.gz", "spend.csv.gz"])
def test_every_form_gives_the_same_figures(run_json, log, given, name):
    rows = [row(i, EASY if i % 2 else HARD) for i in range(60)]
    _, plain = run_json("analyze", log(rows), "--config", given)
    _, other = run_json("analyze", log(rows, name), "--config", given)
    for found in (plain, other):
        del found["files"], found["router_tax"]
    assert other == plain


def test_several_files_and_standard_input_are_one_log(run_json, log, given, stdin):
    stdin(json.dumps(row(1, EASY)).encode())
    path = log([row(0, EASY)])
    status, found = run_json("analyze", "-", "--input", path, "--config", given)
    assert (status, found["calls"]["all"]) == (0, 2)
    assert found["files"] == ["standard input", str(path)]


def test_the_figures_by_model_team_and_hour(run_json, log, given):
    rows = [row(i, EASY, "large" if i < 30 else "small") for i in range(48)]
    rows += [row(i, None, call_type="aembedding") for i in range(3)] + [row(9, None, status="failure")]
    _, found = run_json("analyze", log(rows), "--config", given)
    assert found["calls"] == {
        **dict.fromkeys(("from_cache", "cut", "unserved", "faults", "unpriced"), 0),
        "all": 52,
        "routable": 48,
        "failed": 1,
        "other": 3,
        "with_text": 48,
        "stands_for": 48,
    }
    assert [(m["model"], m["calls"]) for m in found["models"]] == [("large", 30), ("small", 18)]
    assert {t["team"]: t["calls"] for t in found["teams"]} == {"red": 24, "blue": 24}
    assert [h["calls"] for h in found["hours"]] == [2] * 24
    assert found["span"]["days"] == pytest.approx(47 / 24)
    large = found["models"][0]
    assert large["paid_usd"] == pytest.approx(30 * (5_000 * 5e-6 + 1_000 * 3e-5))
    assert found["savings"]["saved_share"] > 0.5
    low, high = found["savings"]["low"], found["savings"]["high"]
    assert low < found["savings"]["saved_share"] < high


def test_a_log_without_text_gives_bounds_and_says_so(run, log, given):
    status, out, _ = run("analyze", log([row(i, None) for i in range(100)]), "--config", given)
    assert status == 0
    assert out.startswith("cannot be told from this: no call's text was kept")
    assert "store_prompts_in_spend_logs" in out
    assert "saves at most" in out
    assert "by class" not in out


def test_mostly_complex_traffic_is_told_not_to_bother(run, log, given):
    path = log([row(i, HARD, prompt=90_000) for i in range(100)])
    rule = "{name: long, when: {min_tokens: 50000}, min_tier: complex}"
    rules = f"  classifiers: [{{kind: rules, rules: [{rule}]}}]\n"
    given.write_text(given.read_text() + rules)
    status, out, _ = run("analyze", path, "--config", given)
    assert status == 0
    assert out.startswith("don't bother: 100 % of the calls need the dearest tier")


def test_without_a_configuration_only_the_mix_is_told(run, log):
    status, out, _ = run("analyze", log([row(i, EASY) for i in range(40)]))
    assert status == 0
    assert "by class" in out
    assert "name a configuration with a model_list" in out
    assert "ladder" not in out


def test_a_configuration_without_models_or_prices_is_told_of(run, log, config, tmp_path):
    path = log([row(i, EASY) for i in range(40)])
    bare = tmp_path / "bare.yaml"
    bare.write_text("tiers: [{name: a, model: small}, {name: b, model: large}]\nstore: {url: 'memory://'}\n")
    status, _, err = run("analyze", path, "--config", bare)
    assert (status, "has no model_list" in err) == (0, True)
    unpriced = tmp_path / "unpriced.yaml"
    unpriced.write_text(
        config("memory://")
        .read_text()
        .replace("input_cost_per_token: 0.000002, output_cost_per_token: 0.000012, ", "")
    )
    status, out, err = run("analyze", path, "--config", unpriced)
    assert (status, "without a known price: moderate" in err) == (0, True)
    assert out.startswith("cannot be told from this")


def test_another_model_of_the_proxy_is_tried_as_the_cheap_tier(run_json, log, given):
    more = (
        "  - model_name: tiny\n    litellm_params: {model: openai/sim-tiny}\n"
        "    model_info: {input_cost_per_token: 0.00000002, output_cost_per_token: 0.0000001}\n"
        "  - model_name: embedder\n    litellm_params: {model: openai/text-embedding-3-small}\n"
    )
    given.write_text(given.read_text().replace("litellm_settings:", f"{more}litellm_settings:"))
    _, found = run_json("analyze", log([row(i, "hi") for i in range(40)]), "--config", given)
    ladders = [o["models"] for o in found["ladders"]]
    assert ladders[0] == ["small", "medium", "large"]
    assert ["tiny", "large"] in ladders
    assert not any("embedder" in o for o in ladders)


def test_rows_that_cannot_be_used_are_counted_and_their_content_is_not_repeated(run, log, given):
    path = log([row(0, EASY)])
    with path.open("a") as file:
        file.write('{"secret": \n{"a": "secret"}\n')
    status, out, err = run("analyze", path, "--config", given)
    assert status == 1
    assert "2 rows could not be used" in err
    assert "secret" not in out + err


def test_captures_are_read_and_feedback_among_them_is_no_call(run, log, given):
    answer = {
        "text": "Paris",
        "cost": 0.05,
        "prompt_tokens": 5_000,
        "completion_tokens": 1_000,
        "served": True,
    }
    asked = {"captured": 1, "share": 0.05, "model": "large", "messages": [{"role": "user", "content": EASY}]}
    lines = [
        {**asked, "id": str(i), "at": 1.795e9 + 3600 * i, "responses": {"large": answer}} for i in range(50)
    ]
    path = log([*lines, {"captured": 1, "id": "3", "feedback": 0.2}], "capture.jsonl")
    status, out, err = run("analyze", path, "--config", given)
    assert (status, err) == (0, "")
    assert "50 with their request" in out
    assert "stand for about 1,000 calls" in out


def test_hostile_names_are_shown_as_text(run, log, given):
    status, out, _ = run("analyze", log([row(0, EASY, model_group="\x1b[31mred\nrow")]), "--config", given)
    assert status == 0
    assert "\x1b" not in out
    assert "\\x1b[31mred" in out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "name a spend log"),
        (("none.jsonl",), "cannot be read"),
        (("-", "-"), "read once"),
        (("EMPTY",), "is empty"),
        (("PROSE",), "neither JSON objects nor CSV"),
        (("NOTHING",), "there is no call in"),
    ],
)
def test_wrong_usage_is_told_plainly(run, tmp_path, words, why):
    held = {"EMPTY": "", "PROSE": "dear diary\n", "NOTHING": '{"a": 1}\n'}
    for name, text in held.items():
        (tmp_path / name).write_text(text)
    status, _, err = run("analyze", *words)
    assert (status, why in err) == (2, True)


def test_a_damaged_archive_is_told_of(run, tmp_path, log):
    path = log([row(i, EASY) for i in range(300)], "spend.jsonl.gz")
    path.write_bytes(path.read_bytes()[:-200])
    status, _, err = run("analyze", path)
    assert status == 2
    assert "spend.jsonl.gz" in err


def test_a_terminal_sees_how_far_it_is(run, log, given, monkeypatch, terminal):
    monkeypatch.setattr("litellm_tiering.cli.analyze.EVERY", 1)
    path = log([row(i, None) for i in range(3)])
    assert "reading" not in run("analyze", path)[2]
    terminal()
    status, _, err = run("analyze", path)
    assert (status, "reading: 3 rows" in err) == (0, True)
