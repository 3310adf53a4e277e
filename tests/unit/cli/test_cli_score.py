from __future__ import annotations

import gzip
import json
import sys

import pytest

from litellm_tiering.cli.score import Scorer
from litellm_tiering.cli.settings import settings_of

EASY = "hi"
HARD = (
    "Prove that the algorithm terminates, and refactor the distributed scheduler so that no deadlock occurs. "
    * 6
)
RANKS = ["simple", "moderate", "complex"]


@pytest.fixture
def lines(tmp_path):
    def _write(*values, name="in.jsonl"):
        path = tmp_path / name
        raw = b"".join(v if isinstance(v, bytes) else json.dumps(v).encode() + b"\n" for v in values)
        path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
        return path

    return _write


@pytest.fixture
def scored(run):
    """Scores a file: exit status, the output lines, standard error."""

    def _score(path, *more):
        status, out, err = run("score", "--input", path, *more)
        return status, [json.loads(line) for line in out.splitlines()], err

    return _score


@pytest.fixture
def ruled(config):
    """A configuration with rules of the owner's."""

    def _write(*rules, chain=("heuristic",)):
        listed = "".join(f"        - {rule}\n" for rule in rules)
        others = "".join(f"    - {{kind: {kind}}}\n" for kind in chain)
        return config("memory://", f"  classifiers:\n    - kind: rules\n      rules:\n{listed}{others}")

    return _write


def test_lines_come_out_in_order_with_a_score_and_a_tier(scored, lines):
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": HARD}]
    path = lines({"id": "b", "prompt": HARD}, {"id": 2, "prompt": EASY}, {"id": "a", "messages": messages})
    status, found, err = scored(path)
    assert (status, err) == (0, "")
    assert [f["id"] for f in found] == ["b", 2, "a"]
    assert [f["tier"] for f in found] == ["complex", "simple", "complex"]
    assert all(set(f) == {"id", "score", "tier"} and isinstance(f["score"], float) for f in found)
    assert found[1]["score"] < min(found[0]["score"], found[2]["score"])


def test_the_score_is_the_one_that_explain_tells(scored, lines, run_json):
    prompts = [EASY, HARD, "What is the capital of France?"]
    found = scored(lines(*({"id": i, "prompt": p} for i, p in enumerate(prompts))))[1]
    explained = [run_json("explain", p)[1] for p in prompts]
    assert [(f["score"], f["tier"]) for f in found] == [(e["score"], e["tier"]) for e in explained]


def test_gz_and_standard_input(scored, lines, stdin):
    one = {"id": 1, "prompt": EASY}
    assert scored(lines(one, name="in.jsonl.gz"))[1] == scored(lines(one))[1]
    stdin(json.dumps(one).encode())
    assert scored("-")[1] == scored(lines(one))[1]


def test_bad_lines_are_told_by_number_and_the_others_are_scored(scored, lines):
    good = {"id": "good", "prompt": EASY}
    bad = [
        b"zebra\n",
        b"[1]\n",
        {"prompt": EASY},
        {"id": None, "prompt": EASY},
        {"id": True, "prompt": EASY},
        {"id": ["x"], "prompt": EASY},
        b'{"id": NaN, "prompt": "hi"}\n',
        {"id": 1},
        {"id": 1, "prompt": 5},
        {"id": 1, "messages": []},
        {"id": 1, "messages": ["hi"]},
        {"id": 1, "messages": "hi"},
        b'{"id": 1, "prompt": "\xff"}\n',
        b'{"id": 1, "prompt": "' + b"[" * 9 + b"\n",
        b'{"id": 1, "prompt": "a"} {"id": 2}\n',
    ]
    status, found, err = scored(lines(good, b"\n", *bad, good))
    assert status == 1
    assert [f["id"] for f in found] == ["good", "good"]
    told = err.splitlines()
    assert [t.split()[:3] for t in told[:-1]] == [["litellm-tiering:", "line", str(n)] for n in range(3, 18)]
    assert told[-1] == "litellm-tiering: 15 of 17 lines could not be scored"
    assert "zebra" not in err


def test_hostile_values_are_scored(scored, lines):
    status, found, err = scored(
        lines(
            {"id": "huge", "prompt": "word " * 1_000_000},
            {"id": "empty", "prompt": ""},
            {"id": "\ud800", "prompt": "lone \ud800 surrogate \x00 and null"},
            {
                "id": "odd",
                "messages": [{}, {"role": 5, "content": {"a": [1]}}, {"role": "user", "content": None}],
            },
            {
                "id": "own",
                "prompt": EASY,
                "model": "large",
                "tools": 7,
                "metadata": [],
                "responses": {"m": {}},
            },
        )
    )
    assert (status, err) == (0, "")
    assert [f["id"] for f in found] == ["huge", "empty", "\ud800", "odd", "own"]
    assert all(isinstance(f["score"], float) and f["tier"] in RANKS for f in found)
    assert (found[0]["tier"], found[4]["tier"]) == ("complex", "simple")


def test_a_line_of_too_many_bytes_is_refused(scored, lines):
    status, found, err = scored(lines({"id": 1, "prompt": "x" * 33_000_000}, {"id": 2, "prompt": EASY}))
    assert (status, [f["id"] for f in found]) == (1, [2])
    assert "line 1 is longer than 32 MB" in err


def test_where_rules_move_requests_scores_still_order_them(scored, lines, ruled):
    path = ruled(
        "{name: up, when: {any_keyword: [tower]}, tier: complex}",
        "{name: least, when: {any_keyword: [bridge]}, min_tier: moderate}",
        "{name: most, when: {any_keyword: [hut]}, max_tier: simple}",
    )
    prompts = {
        "plain easy": EASY,
        "plain hard": HARD,
        "named": "tower",
        "named, longer": "a tower of some more words than one",
        "raised": "bridge",
        "lowered": HARD + " hut",
    }
    found = scored(lines(*({"id": i, "prompt": p} for i, p in prompts.items())), "--config", path)[1]
    tiers = {f["id"]: f["tier"] for f in found}
    score = {f["id"]: f["score"] for f in found}
    assert tiers == {
        "plain easy": "simple",
        "plain hard": "complex",
        "named": "complex",
        "named, longer": "complex",
        "raised": "moderate",
        "lowered": "simple",
    }
    by_score = [RANKS.index(f["tier"]) for f in sorted(found, key=lambda f: f["score"])]
    assert by_score == sorted(by_score)
    assert score["named"] < score["named, longer"]
    assert score["plain easy"] == scored(lines({"id": 0, "prompt": EASY}))[1][0]["score"]


def test_without_any_opinion_the_default_tiers_range_is_meant(scored, lines, ruled):
    path = ruled("{name: never, when: {min_tokens: 9000000}, tier: complex}", chain=())
    found = scored(lines({"id": 1, "prompt": EASY}, {"id": 2, "prompt": HARD}), "--config", path)[1]
    edges = Scorer(settings_of(None)).edges
    assert [f["tier"] for f in found] == ["moderate", "moderate"]
    assert edges[1] <= found[0]["score"] < found[1]["score"] < edges[2]


@pytest.mark.parametrize("thresholds", [{"moderate": -2, "complex": -1}, {"moderate": 3, "complex": 4.5}])
def test_ranges_follow_the_owners_thresholds(scored, lines, config, thresholds):
    named = zip(["low", "mid", "top"], RANKS, strict=True)
    listed = ", ".join(f"{{name: {w}, when: {{any_keyword: [{w}]}}, tier: {t}}}" for w, t in named)
    rules = f"    - {{kind: rules, rules: [{listed}]}}\n"
    path = config(
        "memory://",
        f"  classifiers:\n{rules}    - {{kind: heuristic, thresholds: {json.dumps(thresholds)}}}\n",
    )
    prompts = ["low", "mid", "top", EASY]
    found = scored(lines(*({"id": p, "prompt": p} for p in prompts)), "--config", path)[1]
    assert [f["tier"] for f in found[:3]] == RANKS
    assert (
        found[0]["score"]
        < thresholds["moderate"]
        <= found[1]["score"]
        < thresholds["complex"]
        <= found[2]["score"]
    )
    assert found[3]["tier"] == ("complex" if thresholds["complex"] < 0 else "simple")


def test_the_mode_and_the_budgets_do_not_matter(scored, lines, config, spend):
    path = lines({"id": 1, "prompt": EASY}, {"id": 2, "prompt": HARD})
    plain = scored(path)[1]
    spend(9.9)
    assert scored(path, "--config", config())[1] == plain
    assert scored(path, "--config", config(more="  mode: shadow\n"))[1] == plain
    explicit = "  routes: [{name: all, models: ['*'], classify: false, tier: complex}]\n"
    assert scored(path, "--config", config(more=explicit))[1] == plain


def test_a_classifier_that_fails_is_a_bad_line(scored, lines, monkeypatch):
    def boom(self, subject):
        raise KeyError(subject.prompt.question)

    monkeypatch.setattr("litellm_tiering.classifiers.chain.Chain.classify", boom)
    status, found, err = scored(lines({"id": 1, "prompt": "zebra"}))
    assert (status, found) == (1, [])
    assert "line 1 makes the classifiers fail (KeyError)" in err
    assert "zebra" not in err


def test_a_counter_is_shown_on_a_terminal_only(scored, lines, monkeypatch, terminal):
    path = lines(*({"id": i, "prompt": EASY} for i in range(5)))
    monkeypatch.setattr("litellm_tiering.cli.score.EVERY", 2)
    assert scored(path)[2] == ""
    terminal()
    told = ["litellm-tiering: scoring: 2 of 5 lines", "litellm-tiering: scoring: 4 of 5 lines"]
    assert scored(path)[2].splitlines() == told
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert scored(path)[2] == "", "the scores themselves go by"


def test_lines_are_printed_as_they_are_read(monkeypatch, run):
    """Constant memory: a line is asked for only when the one before it is printed."""
    printed = []
    monkeypatch.setattr("builtins.print", lambda *words, **_: printed.append(words[0]))

    def trickle(name):
        for n in range(1, 4):
            assert len(printed) == n - 1
            yield n, b'{"id": 1, "prompt": "hi"}'

    monkeypatch.setattr("litellm_tiering.cli.score.numbered", trickle)
    run("score", "--input", "x")
    assert len(printed) == 3


def test_a_file_or_configuration_that_is_not_there_is_2(run, lines, config):
    assert run("score", "--input", "absent.jsonl")[:2] == (2, "")
    path = lines({"id": 1, "prompt": EASY})
    assert run("score", "--input", path, "--config", "absent.yaml")[:2] == (2, "")
    status, out, err = run("score", "--input", path, "--config", config(more="  modus: off\n"))
    assert (status, out) == (2, "")
    assert "unknown key 'modus'" in err
