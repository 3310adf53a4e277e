"""Progress, as it is seen: on a real terminal, on one that can little, and nowhere else."""

from __future__ import annotations

import gzip
import importlib.util
import os
import pty
import re
import select
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

import litellm_tiering
from litellm_tiering.cli import progress as module
from litellm_tiering.cli.progress import lines_in, progress

SOURCE = str(Path(litellm_tiering.__file__).parents[1])
LINE = b'{"id": 1, "prompt": "What is the capital of France?"}\n'


class Terminal:
    """A process whose standard error is a terminal, and what it has shown so far."""

    def __init__(self, *words, **env):
        self.screen, end = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "litellm_tiering.cli", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=end,
            env={**os.environ, "PYTHONPATH": SOURCE, "TERM": "xterm", "COLUMNS": "100", **env},
        )
        os.close(end)
        self.shown = ""

    def until(self, text, again=None):
        """Reads on until the text has been shown, or there is nothing more to read.

        Where nothing comes for a while ``again`` is called: a finalizer may swallow the first Ctrl-C.
        """
        while text not in self.shown:
            while again is not None and not select.select([self.screen], [], [], 5)[0]:
                again()
            try:
                piece = os.read(self.screen, 65_536)
            except OSError:
                break  # Linux: the other end is closed
            if not piece:
                break
            self.shown += piece.decode()
        return self.shown

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()
        os.close(self.screen)


needs_rich = pytest.mark.skipif(importlib.util.find_spec("rich") is None, reason="rich is not installed")


@needs_rich
def test_a_terminal_shows_a_bar_messages_above_it_and_results_beside_it():
    with Terminal("score", "--input", "-") as seen:
        assert "scoring" in seen.until("scoring")
        out, _ = seen.process.communicate(LINE + b"nonsense\n" + LINE)
        shown = seen.until("never")
    assert seen.process.returncode == 1
    assert out.count(b'"tier"') == 2
    assert '"tier"' not in shown
    assert "litellm-tiering: line 2 is not JSON" in shown
    assert shown.rstrip().endswith("litellm-tiering: 1 of 3 lines could not be scored")


@needs_rich
def test_ctrl_c_takes_the_bar_away_and_ends_with_130():
    with Terminal("score", "--input", "-") as seen:
        seen.until("scoring")
        interrupt = partial(seen.process.send_signal, signal.SIGINT)
        interrupt()
        shown = seen.until("interrupted", interrupt)
        assert seen.process.wait(60) == 130
    assert "Traceback" not in shown
    assert "\x1b[?25h" in shown, "the cursor is back"


@needs_rich
def test_no_color_is_heeded_and_ascii_is_enough():
    with Terminal("score", "--input", "-", NO_COLOR="1", PYTHONIOENCODING="ascii") as seen:
        seen.until("scoring")
        seen.process.communicate(LINE)
        shown = seen.until("never")
    assert seen.process.returncode == 0
    assert shown.isascii()
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", shown)


def test_a_terminal_that_can_little_gets_lines(monkeypatch, capsys):
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    times = iter([0.0, 5.0, 11.0, 11.0, 12.0, 30.0, 30.0])
    with progress("scoring", 9, clock=lambda: next(times)) as bar:
        bar.at(1)  # after 5 s: too soon
        bar.at(2)
        bar.doing("fitting")  # a second later: too soon
        bar.doing("fitting on")
    said = capsys.readouterr().err.splitlines()
    assert said == ["litellm-tiering: scoring: 2 of 9 lines", "litellm-tiering: fitting on"]


def test_nobody_looking_means_nothing_shown(capsys):
    with progress("scoring", 9) as bar:
        bar.at(9)
        bar.doing("more")
    assert capsys.readouterr() == ("", "")


@needs_rich
def test_a_bar_forgets_its_end_when_something_else_begins(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with progress("reading", 3) as bar:
        bar.at(2)
        bar.doing("fitting [bold]\x1b[31m")
        bar.at(3, "as it says")
    assert "\x1b[31m" not in capsys.readouterr().err


def test_lines_are_counted_only_where_somebody_looks_and_twice_is_possible(tmp_path, monkeypatch):
    plain, packed, damaged = (tmp_path / name for name in ("a.jsonl", "a.jsonl.gz", "bad.gz"))
    plain.write_bytes(LINE * 3)
    packed.write_bytes(gzip.compress(LINE * 5))
    damaged.write_bytes(gzip.compress(LINE * 999)[:-20])
    assert lines_in(str(plain)) is None
    monkeypatch.setattr(module, "watched", lambda: True)
    assert (lines_in(str(plain)), lines_in(str(packed))) == (3, 5)
    os.mkfifo(tmp_path / "pipe")
    for name in ("-", str(tmp_path), str(tmp_path / "absent"), str(damaged), str(tmp_path / "pipe"), "\0"):
        assert lines_in(name) is None
    monkeypatch.setattr(module, "_COUNTED_BYTES", 10)
    assert lines_in(str(plain)) is None, "what may be without end is not read to its end"
