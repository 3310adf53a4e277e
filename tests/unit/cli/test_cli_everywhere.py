"""What every verb does alike: JSON, wrong files, readers that leave, Ctrl-C, terminals that can little."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import sys
from pathlib import Path

import pytest

from conftest import CONFIG
from litellm_tiering.cli import VERBS, main
from litellm_tiering.testing.outcomes import outcome, questions

ROOT = Path(__file__).parents[3]
NUMPY = {"eval", "train", "train --gate", "tune"}
LATER = ("--until", "2h", "--reason", "a test", "--by", "me")
PAIR = ("--outcomes", "outcomes.jsonl", "--weak", "small", "--strong", "large")

OWN = """\
tiers: [{name: simple, model: small}, {name: moderate, model: medium}, {name: complex, model: large}]
store: {url: "sqlite:///ledger.db"}
"""
"""A section of its own, without models: for whoever needs no price LiteLLM need not be imported."""

WORKING = {
    "analyze": ("analyze", "spend.jsonl", "--config", "own.yaml"),
    "check": ("check", "--config", "config.yaml"),
    "completion": ("completion", "bash"),
    "eval": ("eval", *PAIR, "--no-litellm", "--bootstrap", "0"),
    "exempt add": ("exempt", "add", "team", "blue", *LATER, "--config", "config.yaml"),
    "exempt list": ("exempt", "list", "--config", "config.yaml"),
    "explain": ("explain", "What is 12 + 7?", "--config", "own.yaml"),
    "gate": ("gate", "--input", "answers.jsonl"),
    "init": ("init", "plain.yaml"),
    "replay": ("replay", "--trace", "trace.csv", "--config", "config.yaml"),
    "report": ("report", "--config", "config.yaml"),
    "score": ("score", "--input", "prompts.jsonl"),
    "status": ("status", "--config", "config.yaml"),
    "switch": ("switch", "auto", "shadow", *LATER, "--config", "config.yaml"),
    "train": ("train", *PAIR, "--out", "router.json", "--no-curve", "--force"),
    "train --gate": ("train", "--gate", *PAIR, "--out", "gate.json", "--no-curve", "--force"),
    "tune": ("tune", *PAIR, "--target", "0.5"),
}
"""A command of each verb that can do what it is asked."""

READING = {
    "analyze": ("analyze", "{}"),
    "batch": ("batch", "--input", "{}", "--output", "out.jsonl"),
    "check": ("check", "--config", "{}"),
    "eval": ("eval", "--outcomes", "{}", "--weak", "small", "--strong", "large"),
    "exempt": ("exempt", "list", "--config", "{}"),
    "explain": ("explain", "--request", "{}"),
    "gate": ("gate", "--input", "{}"),
    "init": ("init", "{}"),
    "replay": ("replay", "--trace", "{}", "--config", "config.yaml"),
    "report": ("report", "--config", "{}"),
    "score": ("score", "--input", "{}"),
    "status": ("status", "--config", "{}"),
    "switch": ("switch", "auto", "off", *LATER, "--config", "{}"),
    "train": ("train", "--outcomes", "{}", "--weak", "small", "--strong", "large", "--out", "r.json"),
    "tune": ("tune", "--outcomes", "{}", "--weak", "small", "--strong", "large"),
}
"""A command of each verb that reads a file, with a place for its name."""


@pytest.fixture(autouse=True)
def _house(tmp_path, monkeypatch, spend):
    """Whatever the commands need, in this test's directory."""
    monkeypatch.setenv("LITELLM_API_KEY", "sk-dummy")
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    (tmp_path / "config.yaml").write_text(f"{CONFIG}  store: {{url: 'sqlite:///ledger.db'}}\n")
    (tmp_path / "own.yaml").write_text(OWN)
    (tmp_path / "plain.yaml").write_text(CONFIG.partition("litellm_settings:")[0])
    rows = [outcome(i, kind, text) for i, (kind, text) in enumerate(questions(120))]
    written("outcomes.jsonl", rows)
    written("prompts.jsonl", [{"id": i, "prompt": "caf\xe9?"} for i in range(3)])
    written("answers.jsonl", [{"id": 1, "prompt": "hi", "answer": "Hello!"}])
    call = {
        "model": "large",
        "prompt_tokens": 9,
        "completion_tokens": 5,
        "spend": 1e-4,
    }
    written("spend.jsonl", [{**call, "request_id": str(i), "messages": "hello"} for i in range(9)])
    Path("trace.csv").write_text(
        "t_s,prompt_tokens,completion_tokens,tier\n1,10,10,simple\n2,10,10,complex\n"
    )
    spend(0.25)


def written(name, rows):
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def works(table):
    """The commands of a table that this machine can run."""
    return [
        pytest.param(name, words, id=name)
        for name, words in table.items()
        if name not in NUMPY or importlib.util.find_spec("numpy")
    ]


def test_no_verb_is_left_out():
    assert {words[0] for words in WORKING.values()} | {"batch"} == set(VERBS)
    assert {words[0] for words in READING.values()} | {"completion"} == set(VERBS)


@pytest.fixture(scope="module")
def shapes():
    spec = importlib.util.spec_from_file_location("cli_shapes", ROOT / "scripts" / "cli_shapes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.SHAPES


@pytest.mark.parametrize(("name", "words"), works(WORKING))
def test_json_has_the_keys_that_the_reference_tells_of(run, shapes, name, words):
    status, out, err = run(*words, "--json")
    assert status in {0, 1}, err
    assert out.isascii()
    told = json.loads(out.splitlines()[0] if name in {"score", "gate"} else out)
    assert set(told) == set(shapes[name])
    assert "\x1b" not in err
    assert "\r" not in err


@pytest.mark.parametrize("named", ["absent", "folder", "garbage", "null\0byte"])
@pytest.mark.parametrize(("name", "words"), works(READING))
def test_a_file_that_cannot_be_used_is_told_of_in_a_sentence(run, name, words, named):
    Path("folder").mkdir()
    Path("garbage").write_bytes(b"\x00\xff\xfe{" * 99)
    status, out, err = run(*(named if w == "{}" else w for w in words))
    # A line that is no JSON is skipped, told of and counted where other lines could be good.
    skipped = named == "garbage" and name in {"score", "gate"}
    if (name, named) in {("check", "garbage"), ("batch", "garbage")}:
        pytest.skip("`check` tells of it as of any other problem; `batch` asks the proxy first")
    assert status == (1 if skipped else 2), err
    assert out == ""
    assert err.startswith(("litellm-tiering: ", "usage: "))
    if not skipped and named != "null\0byte":
        assert named in err


@pytest.mark.parametrize(("name", "words"), works(READING))
def test_programs_get_an_error_as_json(run, name, words):
    status, out, err = run(*("absent" if w == "{}" else w for w in words), "--json")
    assert status == 2
    error = json.loads(out)["error"]
    assert set(error) == {"kind", "message", "problems"}
    assert error["kind"] in {"usage", "configuration"}
    assert "absent" in error["message"]
    assert "absent" in err, "people are told as well"


@pytest.mark.parametrize(("name", "words"), works(READING))
def test_ctrl_c_ends_a_command_with_130_and_no_traceback(run, monkeypatch, name, words):
    def pressed(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "open", pressed)
    monkeypatch.setattr(Path, "read_bytes", pressed)
    given = ["config.yaml" if w == "{}" else w for w in words]
    assert run(*given) == (130, "", "litellm-tiering: interrupted\n")
    status, out, _ = run(*given, "--json")
    assert (status, json.loads(out)["error"]["kind"]) == (130, "interrupted")


class Unread(io.TextIOWrapper):
    """Standard output into a pipe whose reader has gone."""

    def __init__(self):
        reader, writer = os.pipe()
        os.close(reader)
        super().__init__(os.fdopen(writer, "wb"), encoding="utf-8")


@pytest.mark.parametrize("more", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize(("name", "words"), works(WORKING))
def test_a_reader_that_leaves_ends_a_command_quietly(monkeypatch, capsys, name, words, more):
    with Unread() as unread:
        monkeypatch.setattr(sys, "stdout", unread)
        assert main([*words, *more]) == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "Broken pipe" not in said


@pytest.mark.parametrize(("name", "words"), works(WORKING))
def test_a_full_disk_is_told_of(monkeypatch, capsys, name, words):
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123 - a device
        monkeypatch.setattr(sys, "stdout", full)
        assert main([*words]) == 2
    assert "standard output cannot be written (No space left on device)" in capsys.readouterr().err


def test_streams_that_are_closed_are_done_without(monkeypatch):
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    assert main(["score", "--input", "-"]) == 0
    assert main(["score", "--input", "absent"]) == 2
    assert (sys.stdin, sys.stdout, sys.stderr) == (None, None, None)


def test_wrong_usage_is_json_too_where_that_is_asked_for(run):
    status, out, err = run("tune", "--json", "--nonsense")
    assert status == 2
    assert json.loads(out)["error"]["kind"] == "usage"
    assert err.startswith("usage: litellm-tiering")


def test_a_wrong_configuration_lists_its_problems_as_json(run):
    Path("config.yaml").write_text(CONFIG.replace("limit_usd: 10", "limit_usd: many"))
    status, out, _ = run("status", "--json")
    error = json.loads(out)["error"]
    assert (status, error["kind"]) == (2, "configuration")
    (problem,) = error["problems"]
    assert problem["file"].startswith("config.yaml")
    assert problem["path"] == "tiering.budgets[0].limit_usd"
    assert problem["message"]


def test_what_cannot_be_seen_is_1_and_json(run):
    Path("config.yaml").write_text(f"{CONFIG}  store: {{url: 'memory://'}}\n")
    status, out, err = run("report", "--json")
    assert (status, json.loads(out)["error"]["kind"]) == (1, "unavailable")
    assert "lives inside the proxy" in err
