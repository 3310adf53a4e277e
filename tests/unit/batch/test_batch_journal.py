from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys

import pytest

from litellm_tiering.batch.answers import Answer, Failure
from litellm_tiering.batch.journal import Journal, JournalError, Part

LATE = Failure(500, "http_500", "late")
PART = Part(1, "small", "simple", "sim-small", "/v1/chat/completions")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "out.jsonl.journal"


@pytest.fixture
def journal(path):
    opened = Journal(path)
    yield opened
    opened.close()


def claimed(journal, count=5):
    return journal.claim((n, b"%d" % n) for n in range(1, count + 1))


def test_results_come_in_the_order_of_the_input(journal):
    journal.record([Answer(3, "c", 200, {}), Answer(1, None, 200, {})])
    journal.record([Answer(2, 2, failure=LATE)])
    lines = [json.loads(line) for line in journal.results()]
    assert [(x["line"], x["id"]) for x in lines] == [(1, 1), (2, 2), (3, "c")]
    assert lines[1]["error"] == {"status": 500, "type": "http_500", "message": "late"}


def test_a_line_has_one_result_the_last(journal):
    journal.record([Answer(1, None, failure=LATE)])
    journal.record([Answer(1, None, 200, {"a": 1})])
    (line,) = journal.results()
    assert json.loads(line)["response"] == {"status_code": 200, "body": {"a": 1}}


def test_an_answer_outlives_a_kill(path):
    program = f"""
import os, signal
from pathlib import Path
from litellm_tiering.batch.answers import Answer
from litellm_tiering.batch.journal import Journal
journal = Journal(Path({str(path)!r}))
for n in range(1, 21):
    journal.record([Answer(n, None, 200, {{}}, cost=5)])
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == -signal.SIGKILL
    again = Journal(path)
    assert again.answered() == set(range(1, 21))
    assert [(s.lines, s.priced, s.cost) for s in again.shares()] == [(20, 20, 100)]
    again.close()


def test_two_runs_do_not_share_a_journal(journal, path):
    with pytest.raises(JournalError, match="in use"):
        Journal(path)
    journal.close()
    Journal(path).close()


def test_nobody_else_may_read_it(journal, path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_no_journal_is_refused(path):
    path.write_bytes(b"a file of the owner's, of which nothing must be lost" * 100)
    before = path.read_bytes()
    with pytest.raises(JournalError, match="not a journal"):
        Journal(path)
    assert path.read_bytes() == before


def test_a_journal_that_cannot_be_made_says_so(tmp_path):
    with pytest.raises(JournalError, match="cannot be opened"):
        Journal(tmp_path / "nowhere" / "journal")


def test_the_same_input_goes_on_under_the_same_name(journal):
    name = claimed(journal)
    journal.record([Answer(2, None, 200, {})])
    assert claimed(journal) == name


def test_an_answered_line_that_changed_is_refused_and_nothing_is_noted(journal):
    claimed(journal)
    journal.record([Answer(2, None, 200, {})])
    with pytest.raises(JournalError, match="line 2"):
        journal.claim([(1, b"new"), (2, b"other"), (3, b"3")])
    claimed(journal)
    journal.record([Answer(1, None, 200, {})])
    claimed(journal)


def test_a_line_in_a_batch_may_not_change_either(journal):
    claimed(journal)
    journal.plan(PART, [3])
    with pytest.raises(JournalError, match="line 3"):
        journal.claim([(1, b"1"), (2, b"2"), (3, b"other")])


def test_an_answered_line_that_is_gone_is_refused(journal):
    claimed(journal)
    journal.record([Answer(5, None, 200, {})])
    with pytest.raises(JournalError, match="line 5"):
        claimed(journal, 4)


def test_lines_without_an_answer_may_be_mended_and_added(journal):
    claimed(journal)
    journal.record([Answer(1, None, 200, {}), Answer(2, None, failure=LATE)])
    journal.claim([(1, b"1"), (2, b"mended"), *((n, b"%d" % n) for n in range(3, 9))])


def test_failures_are_taken_up_again_and_answers_are_not(journal):
    journal.plan(PART, [1, 2, 3])
    journal.record([Answer(1, None, 200, {}, batch="b"), Answer(2, None, failure=LATE, batch="b")])
    journal.forget_failures()
    assert journal.recorded() == {1}
    assert set(journal.members()) == {1, 2, 3}, "its batch may still answer"
    journal.update(Part(1, "small", "simple", "sim-small", "/v1/chat/completions", state="done"))
    journal.forget_failures()
    assert set(journal.members()) == {1}, "its batch has said all that it will"


def test_parts_are_kept_as_they_were_last(journal):
    journal.plan(PART, [4, 5])
    journal.update(Part(1, "small", "simple", "sim-small", "/v1/x", "ended", "f", "b", "o", "e", "completed"))
    (part,) = journal.parts()
    assert (part.state, part.file, part.batch, part.output, part.errors, part.status) == (
        "ended",
        "f",
        "b",
        "o",
        "e",
        "completed",
    )
    assert journal.members(1) == {4: 1, 5: 1}
    journal.drop(part)
    assert (journal.parts(), journal.members()) == ([], {})


def test_shares_and_failures_are_counted(journal):
    journal.record(
        [
            Answer(1, None, 200, {}, tier="simple", cost=3),
            Answer(2, None, 200, {}, tier="simple", batch="b"),
            Answer(3, None, 200, {}, tier="complex"),
            Answer(4, None, failure=LATE),
            Answer(5, None, failure=LATE),
        ]
    )
    assert [tuple(s) for s in journal.shares()] == [("complex", 1, 0, 0, 0), ("simple", 2, 1, 1, 3)]
    assert journal.failures() == [("http_500", 2, 4)]
