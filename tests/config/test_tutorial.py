"""`docs/tutorial.md` and the commands of every other page, followed as written."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import re
import time

import furniture
import httpx
import openai
import pytest
from docpages import Terminal, blocks
from followed import FOLLOWED, NOT_RUN, STATUSES

from litellm_tiering.evals.outcomes import read_outcomes

PAGE = "docs/tutorial.md"
OUTCOMES = "python -m litellm_tiering.testing.outcomes --rows 1500"
NUMBER = re.compile(r"[+-]?\d[\d,.]*(?:-\d\d)*")


def plain(line):
    """A line of output without what may differ from machine to machine: figures, and widths of columns."""
    return " ".join(NUMBER.sub("0", line).split())


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """A terminal in which the tutorial has been followed: its proxy runs, its files are there."""
    with contextlib.ExitStack() as stack:
        terminal = Terminal(tmp_path_factory.mktemp("tutorial"), stack)
        told, configurations = [], []
        for block in blocks("sh", "yaml", page=PAGE):
            if block.language == "yaml":
                configurations.append(terminal.own_ports(block.text))
                save(terminal.folder, configurations)
            else:
                said = [terminal.run(c) for c in block.commands() if not c.startswith("pip ")]
                told.append((block, "\n".join(said)))
        terminal.told = told
        yield terminal


def save(folder, configurations):
    """The first configuration is whole, the second stands in place of the first one's section."""
    if len(configurations) == 1:
        (folder / "config.yaml").write_text(configurations[0])
    else:
        head, _, _ = configurations[0].partition("tiering:\n")
        (folder / "tuned.yaml").write_text(head + configurations[1])


pytestmark = pytest.mark.timeout(1200)  # a dozen commands and a proxy: a minute on an idle machine


def test_the_tutorials_commands_print_what_it_shows(reader):
    for block, told in reader.told:
        printed = {plain(line) for line in told.splitlines()}
        # The shape of an outcome line is explained in words, not printed by a command.
        shown = [] if block.text.startswith(OUTCOMES) else block.below.splitlines()
        for line in shown:
            if line.startswith("    "):
                assert plain(line) in printed, f"{block.id} shows {line!r}"
    assert [block for block, _ in reader.told if "\n    " in block.below]


def test_the_tutorials_promise_of_quality_holds_on_other_questions(reader):
    (told,) = [told for block, told in reader.told if "fresh.jsonl --config" in block.text]
    quality = {}
    for line in told.splitlines():
        if found := re.match(r"(always complex|tuned.yaml with gates) +(\d\.\d+) ", line):
            quality[found[1]] = float(found[2])
    assert quality["tuned.yaml with gates"] / quality["always complex"] >= 0.95


@pytest.fixture
def client(reader):
    with openai.OpenAI(
        base_url=f"http://127.0.0.1:{reader.ports['4000']}/v1",
        api_key=reader.env["LITELLM_MASTER_KEY"],
        http_client=httpx.Client(trust_env=False),
    ) as asking:
        yield asking


def test_the_tutorials_own_functions_make_an_outcome_of_a_logged_request(reader, client):
    names = {}
    for block in blocks("python", page=PAGE):
        exec(compile(block.text, PAGE, "exec"), names)
    log = {"request_id": "r1", "messages": [{"role": "user", "content": "What is 12 + 7?"}]}
    line = names["outcome"](log, client, lambda _, said: float("19" in said))
    file = reader.folder / "own.jsonl"
    file.write_text(json.dumps(line) + "\n")
    (found,) = read_outcomes(str(file))
    assert {model: answer.quality for model, answer in found.answers.items()} == dict.fromkeys(
        ("small", "medium", "large"), 1.0
    )
    costs = [found.answers[model].cost_usd for model in ("small", "medium", "large")]
    assert costs == sorted(costs)
    assert costs[0] > 0


def test_the_answer_that_is_shown_has_the_headers_of_an_answer(client):
    (shown,) = blocks("http", page="README.md")
    asked = client.chat.completions.with_raw_response.create(
        model="auto", messages=[{"role": "user", "content": "What is the capital of France?"}]
    )
    told = {name: value for name, value in asked.headers.items() if name.startswith("x-tiering-")}
    lines = dict(line.split(": ") for line in shown.text.splitlines())
    assert set(lines) == set(told)
    for name in ("tier", "model", "attempts"):
        assert lines[f"x-tiering-{name}"] == told[f"x-tiering-{name}"]
    for name in ("decision", "cost-usd", "baseline-usd"):
        shape = re.sub(r"[0-9a-f]", "0", told[f"x-tiering-{name}"])
        assert re.sub(r"[0-9a-f]", "0", lines[f"x-tiering-{name}"]) == shape


def decided(client, terminal):
    """The id of a decision of the running proxy's, once it is in the store."""
    ends, id_ = time.monotonic() + 30, ""
    while not id_:  # an earlier page may have switched routing off, and on again a moment ago
        asked = client.chat.completions.with_raw_response.create(
            model="auto", messages=[{"role": "user", "content": "What is the capital of France?"}]
        )
        id_ = asked.headers.get("x-tiering-decision", "")
        assert id_ or time.monotonic() < ends, "routing is off"
    explained = f"litellm-tiering explain --decision {id_} --config config.yaml"
    while "no decision" in (told := terminal.run(explained, statuses=(0, 1))):
        assert time.monotonic() < ends, told
    return id_


def filled_in(command, known):
    """The command with what stands for something else in it: an id, a moment that is past by now."""
    now = dt.datetime.now(dt.timezone.utc)
    tomorrow = f'"{now + dt.timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"'
    command = re.sub(r'"20\d\d-\d\d-\d\dT[\d:]+\+\d\d:\d\d"', tomorrow, command)
    command = command.replace("--records yesterday", f"--records {now:%Y-%m-%d}")
    if " init " in command:
        command += " --write"  # nobody is there to say yes
    for shown, real in known.items():
        command = command.replace(shown, real)
    return command


@pytest.mark.parametrize("page", FOLLOWED)
def test_a_pages_commands_do_what_they_say(page, reader, client, tmp_path):
    folder = furniture.furnish(tmp_path, reader, page)
    terminal = Terminal(folder, reader.stack)
    terminal.ports = reader.ports
    key = reader.env["LITELLM_MASTER_KEY"]
    terminal.env |= {"LITELLM_MASTER_KEY": key, "LITELLM_API_KEY": key, "KEY": key}
    terminal.env |= furniture.ENVIRONMENT
    url = f" --url http://127.0.0.1:{reader.ports['4000']}"
    known = {}
    if any(shown in block.text for block in blocks("sh", page=page) for shown in furniture.DECISIONS):
        known = dict.fromkeys(furniture.DECISIONS, decided(client, terminal))
    for block in blocks("sh", page=page):
        for command in block.commands():
            if any(command.startswith(begin) for begin in NOT_RUN):
                continue
            typed = filled_in(command, known) + (url if command.startswith("litellm-tiering batch ") else "")
            begins = [begin for begin in STATUSES if command.startswith(begin)]
            said = terminal.run(typed, statuses=STATUSES[begins[0]] if begins else (0,))
            assert said or " > " in command, f"{block.id}: {command} prints nothing"
            assert '"error":{' not in said, f"{block.id}: {command}\n{said}"
            if found := re.search(r"\b[0-9a-f]{12}\b", said if "exempt add" in command else ""):
                known["3f2a9c01b7de"] = found[0]
    if any("litellm-tiering switch" in block.text for block in blocks("sh", page=page)):
        back = "litellm-tiering switch '*' configured --reason 'as it was' --config config.yaml"
        terminal.run(back)
