from __future__ import annotations

import asyncio
import errno
import json
import os
import stat
import subprocess
import sys

import pytest

from litellm_tiering.telemetry import capture
from litellm_tiering.telemetry.capture import OLDER, QUEUE_MAX, CaptureFile


def lines_in(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "capture.jsonl"


async def test_lines_are_written_in_order_and_off_the_event_loop(path, monkeypatch):
    threads = []
    real = capture.os.write
    monkeypatch.setattr(
        capture.os, "write", lambda *a: threads.append(__import__("threading").current_thread()) or real(*a)
    )
    file = CaptureFile(str(path), 10**7)
    for i in range(100):
        file.put({"id": i, "text": "ä\nb\ud800"})
    await file.close()
    assert [line["id"] for line in lines_in(path)] == list(range(100))
    assert __import__("threading").main_thread() not in threads
    assert (file.written, file.lost, file.alarms()) == (100, 0, [])
    assert len(threads) < 10, "one batch, not a hundred writes"


async def test_only_the_owner_may_read_it_whatever_the_umask(path):
    before = os.umask(0)
    try:
        file = CaptureFile(str(path), 10**7)
        file.put({"id": 1})
        await file.close()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_older_lines_make_room_and_both_files_stay_below_the_cap(path):
    file = CaptureFile(str(path), 10_000)
    for i in range(200):
        file.write([{"id": i, "text": "x" * 200}])
    older = path.with_name(path.name + OLDER)
    assert path.stat().st_size <= 5_000
    assert older.stat().st_size <= 5_000
    kept = [line["id"] for line in (*lines_in(older), *lines_in(path))]
    assert kept == list(range(kept[0], 200))
    assert stat.S_IMODE(older.stat().st_mode) == 0o600


async def test_a_line_larger_than_the_cap_is_written_all_the_same(path):
    file = CaptureFile(str(path), 1_000)
    file.write([{"text": "x" * 5_000}])
    file.write([{"text": "y"}])
    assert lines_in(path) == [{"text": "y"}]


async def test_a_disk_that_is_full_leaves_no_torn_line_and_is_an_alarm_until_it_is_not(path, monkeypatch):
    file = CaptureFile(str(path), 10**7)
    file.put({"id": "before"})
    await asyncio.wait_for(file._task, 10)
    real = os.write

    def full(fd, data):
        if len(data) > 5:
            return real(fd, bytes(data[:5]))
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(capture.os, "write", full)
        file.put({"id": "lost", "text": "SECRET"})
        await asyncio.wait_for(file._task, 10)
    (alarm,) = file.alarms()
    assert "No space left on device" in alarm
    assert "1 lines are lost" in alarm
    assert "SECRET" not in alarm
    assert lines_in(path) == [{"id": "before"}]
    file.put({"id": "after"})
    await file.close()
    assert lines_in(path) == [{"id": "before"}, {"id": "after"}]
    assert file.alarms() == []
    assert file.lost == 1


@pytest.mark.parametrize("what", ["directory", "pipe", "nowhere"])
async def test_what_is_no_file_is_an_alarm_and_nothing_waits_for_it(path, what):
    if what == "directory":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    target = path / "deeper" / "capture.jsonl" if what == "nowhere" else path
    file = CaptureFile(str(target), 10**7)
    file.put({"id": 1})
    await asyncio.wait_for(file.close(), 10)
    assert file.lost == 1
    assert file.alarms()[0].startswith(f"capture: {target} cannot be written (")


async def test_a_line_too_many_is_lost_and_counted(path):
    file = CaptureFile(str(path), 10**7)
    for i in range(QUEUE_MAX + 10):
        file.put({"id": i})
    assert file.lost == 10
    assert "the disk is too slow" in file.alarms()[0]
    await file.close()
    assert len(lines_in(path)) == QUEUE_MAX
    file.put({"id": "too late"})
    assert file.lost == 11


def test_without_an_event_loop_a_line_waits_for_the_end(path):
    file = CaptureFile(str(path), 10**7)
    file.put({"id": 1})
    assert not path.exists()
    asyncio.run(file.close())
    assert lines_in(path) == [{"id": 1}]


async def test_a_fault_of_ours_costs_its_lines_only(path):
    faults = []
    file = CaptureFile(str(path), 10**7, on_fault=lambda where, error: faults.append((where, error)))
    file.put({("no", "key"): 1})
    await asyncio.wait_for(file._task, 10)
    file.put({"id": 2})
    await file.close()
    assert [(w, type(e)) for w, e in faults] == [("capture", TypeError)]
    assert lines_in(path) == [{"id": 2}]


def test_a_torn_line_of_a_killed_process_spoils_no_other(path):
    path.write_text('{"id": 1}\n{"id": 2, "te')
    CaptureFile(str(path), 10**7).write([{"id": 3}])
    assert path.read_text().splitlines()[2] == '{"id":3}'


def test_a_lock_that_is_never_let_go_is_an_alarm(path, monkeypatch):
    monkeypatch.setattr(capture, "LOCK_WITHIN_S", 0.0)
    file, other = CaptureFile(str(path), 10**7), os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        capture.fcntl.flock(other, capture.fcntl.LOCK_EX)
        file.write([{"id": 1}])
    finally:
        os.close(other)
    assert "another process holds its lock" in file.alarms()[0]


WORKER = """
import sys
from litellm_tiering.telemetry.capture import CaptureFile
file = CaptureFile(sys.argv[1], int(sys.argv[3]))
for i in range(150):
    file.write([{"worker": sys.argv[2], "i": i, "text": "x" * 300}, {"worker": sys.argv[2], "i": i, "b": 1}])
assert file.lost == 0, file.alarms()
"""


@pytest.mark.parametrize("cap", [10**8, 60_000], ids=["one file", "renamed while others write"])
def test_several_workers_share_a_file_and_no_line_is_torn(path, cap):
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, str(path), str(w), str(cap)]) for w in range(4)
    ]
    assert [w.wait(60) for w in workers] == [0] * 4
    older = path.with_name(path.name + OLDER)
    found = [*(lines_in(older) if older.exists() else []), *lines_in(path)]
    assert all(set(line) >= {"worker", "i"} for line in found)
    if cap == 10**8:
        assert len(found) == 4 * 300
        for worker in range(4):
            mine = [line["i"] for line in found if line["worker"] == str(worker)]
            assert mine == sorted(mine)
    else:
        assert path.stat().st_size + older.stat().st_size <= cap
