from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib.metadata
import queue
import sys
import threading

import pytest

import litellm_tiering
from litellm_tiering import Verdict, gate
from litellm_tiering.core.gate import Ruling
from litellm_tiering.faults import Faults
from litellm_tiering.gates import callback
from litellm_tiering.gates.callback import CallbackGate, load_target
from litellm_tiering.gates.target import safe_word
from litellm_tiering.owncode import call, workers
from litellm_tiering.testing.gates import exchange

SEEN = exchange("Paris.")
FOREVER = 1e9


def telling(target, **more):
    """A gate, and the list of the faults that it reports."""
    faults = []
    asked = CallbackGate(target, **more)
    asked.on_fault = lambda where, error: faults.append((where, type(error).__name__))
    return asked, faults


@contextlib.contextmanager
def hanging():
    """A function that hangs until the block ends, and what counts the calls of it."""
    let_go, began = threading.Event(), []

    def hang(_):
        began.append(1)
        let_go.wait(60)
        return True

    try:
        yield hang, began
    finally:
        let_go.set()


@pytest.mark.parametrize(
    "case", ["a function", "a coroutine", "a partial", "an object", "one that is late", "one that raises"]
)
def test_the_log_names_the_function_whose_fault_it_is(case, caplog):
    def liar(exchange, more=None):
        return "yes"

    async def later(exchange):
        return None

    async def slow(exchange):
        await asyncio.get_running_loop().create_future()

    class Liar:
        def __call__(self, exchange):
            return 1

    def raises(exchange):
        raise ZeroDivisionError

    home = f"{__name__}.{test_the_log_names_the_function_whose_fault_it_is.__qualname__}.<locals>"
    target, named = {
        "a function": (liar, f"_WrongReturn at {home}.liar;"),
        "a coroutine": (later, f"_WrongReturn at {home}.later;"),
        "a partial": (functools.partial(liar, more=1), f"_WrongReturn at {home}.liar;"),
        "an object": (Liar(), f"_WrongReturn at {home}.Liar;"),
        "one that is late": (slow, f"TimeoutError at {home}.slow;"),
        "one that raises": (raises, f"ZeroDivisionError at {__file__}:"),
    }[case]
    asked = CallbackGate(target, name="mine", timeout_ms=1 if case == "one that is late" else 10_000)
    asked.on_fault = Faults().fault
    asyncio.run(asked.judge(SEEN))
    (said,) = caplog.messages
    assert said.startswith(f"fault in gate:mine: {named}")


def test_what_an_error_says_of_itself_is_not_logged(caplog):
    class Talks(ValueError):
        place = "the whole prompt"

    Faults().fault("gate:mine", Talks("the whole prompt"))
    assert caplog.messages == ["fault in gate:mine: Talks at ?; requests go on unchanged"]


def test_the_decorator_leaves_a_function_as_it_is():
    @gate
    def bare(exchange):
        return Verdict.accept()

    @gate(name="named one", prefix=True)
    def named(exchange):
        return Verdict.accept()

    assert bare(SEEN) == named(SEEN) == Verdict.accept()
    assert (CallbackGate(bare).name, CallbackGate(bare).judges_prefix) == ("bare", False)
    assert (CallbackGate(named).name, CallbackGate(named).judges_prefix) == ("named_one", True)
    assert CallbackGate(named, name="other", prefix=False).name == "other"
    assert not CallbackGate(named, prefix=False).judges_prefix


def test_a_gate_may_be_any_callable():
    class Asked:
        def __call__(self, exchange):
            return False

    class AskedLater:
        async def __call__(self, exchange):
            return False

    async def later(exchange, word):
        return word not in exchange.answer

    for target in (Asked(), AskedLater(), functools.partial(later, word="Paris"), lambda _: False):
        assert asyncio.run(CallbackGate(target).judge(SEEN)).rejects
    assert CallbackGate(Asked()).name == "Asked"
    assert CallbackGate(functools.partial(later, word="x")).name == "later"


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        (True, Verdict.accept()),
        (False, Verdict.reject()),
        (Verdict.abstain("later"), Verdict.abstain("later")),
        (Verdict.reject("Dear Ms Müller, no"), Verdict.reject("Dear_Ms_M_ller_no")),
        (Verdict.reject("a:b.c-d_1"), Verdict.reject("a:b.c-d_1")),
        (Verdict.reject("x" * 10_000_000), Verdict.reject("x" * 64)),
        (Verdict.reject("\ud800\r\nset-cookie: a"), Verdict.reject("set-cookie:_a")),
        (Verdict.reject(7), Verdict.reject()),
        (Verdict.reject(p_bad=float("nan")), Verdict.reject()),
        (Verdict.accept(p_bad=7.0), Verdict.accept()),
        (Verdict.accept(p_bad="x"), Verdict.accept()),
        (Verdict.accept(p_bad=1), Verdict.accept(p_bad=1.0)),
    ],
)
async def test_what_it_returns_is_made_fit_to_be_recorded(returned, expected):
    async def later(_):
        return returned

    for target in (lambda _: returned, later):
        asked, faults = telling(target)
        assert await asked.judge(SEEN) == expected
        assert faults == []


@pytest.mark.parametrize("on_error", ["accept", "reject"])
@pytest.mark.parametrize(
    ("returned", "reason", "kind"),
    [
        (None, "wrong_return", "_WrongReturn"),
        ("accept", "wrong_return", "_WrongReturn"),
        (1, "wrong_return", "_WrongReturn"),
        (Verdict("reject"), "wrong_return", "_WrongReturn"),
        (ZeroDivisionError(), "raised", "ZeroDivisionError"),
        (SystemExit(), "raised", None),
        (TimeoutError(), "raised", "TimeoutError"),
        (asyncio.CancelledError(), "raised", None),
    ],
)
async def test_a_fault_counts_as_configured_and_is_told(on_error, returned, reason, kind):
    def now(_):
        if isinstance(returned, BaseException):
            raise returned
        return returned

    async def later(_):
        return now(_)

    for target in (now, later):
        asked, faults = telling(target, name="mine", on_error=on_error)
        verdict = await asked.judge(SEEN)
        assert (verdict.ruling.value, verdict.reason) == (on_error, reason)
        assert [where for where, _ in faults] == ["gate:mine"]
        assert kind is None or faults[0][1] == kind


async def test_an_async_function_that_raises_at_once_is_contained():
    asked = CallbackGate(lambda: None)  # it takes no argument
    assert (await asked.judge(SEEN)).reason == "raised"


async def test_a_function_that_returns_an_awaitable_is_awaited():
    async def later():
        return False

    assert (await CallbackGate(lambda _: later()).judge(SEEN)).rejects


async def test_an_async_function_that_hangs_is_cancelled_in_time():
    cancelled = []

    async def hang(_):
        try:
            await asyncio.sleep(FOREVER)
        except asyncio.CancelledError:
            cancelled.append(1)
            raise

    asked, faults = telling(hang, timeout_ms=5, on_error="reject")
    assert await asked.judge(SEEN) == Verdict.reject("timeout")
    assert faults == [("gate:hang", "TimeoutError")]
    await asyncio.sleep(0)
    assert cancelled == [1]


async def test_an_async_function_that_ignores_its_cancellation_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(call, "_MAX_LINGERING", 2)
    let_go = asyncio.Event()

    async def hang(_):
        while not let_go.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await let_go.wait()
        raise ZeroDivisionError

    asked = CallbackGate(hang, timeout_ms=5)
    assert [(await asked.judge(SEEN)).reason for _ in range(3)] == ["timeout", "timeout", "busy"]
    let_go.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert (await asked.judge(SEEN)).reason == "raised"


async def test_a_function_that_hangs_is_left_behind():
    with hanging() as (hang, began):
        asked, faults = telling(hang, timeout_ms=5)
        assert await asked.judge(SEEN) == Verdict.accept("timeout")
        assert began == [1]
        assert faults == [("gate:hang", "TimeoutError")]


async def test_when_all_threads_hang_further_calls_are_busy_at_once(monkeypatch):
    monkeypatch.setattr(call, "_THREADS", 2)
    with hanging() as (hang, began):
        asked, faults = telling(hang, timeout_ms=5, on_error="reject")
        verdicts = [await asked.judge(SEEN) for _ in range(5)]
        assert [v.reason for v in verdicts] == ["timeout", "timeout", "busy", "busy", "busy"]
        assert began == [1, 1]
        assert faults[-1] == ("gate:hang", "WorkersBusy")


async def test_a_gate_whose_threads_are_free_again_works_again(monkeypatch):
    monkeypatch.setattr(call, "_THREADS", 1)
    let_go, ended = threading.Event(), threading.Event()

    def once(_):
        if not let_go.is_set():
            let_go.wait(60)
        ended.set()
        return True

    asked = CallbackGate(once, timeout_ms=20)
    assert (await asked.judge(SEEN)).reason == "timeout"
    assert (await asked.judge(SEEN)).reason == "busy"
    let_go.set()
    assert await asyncio.to_thread(ended.wait, 60)
    verdict = await asked.judge(SEEN)
    while verdict.reason == "busy":  # the thread has yet to say that it is free
        await asyncio.sleep(0)
        verdict = await asked.judge(SEEN)
    assert verdict == Verdict.accept()


async def test_many_calls_at_once_wait_for_a_thread_and_are_all_answered():
    asked = CallbackGate(lambda _: True, name="many", timeout_ms=60_000)
    verdicts = await asyncio.gather(*(asked.judge(SEEN) for _ in range(300)))
    assert {v.ruling for v in verdicts} == {Ruling.ACCEPT}
    assert sum(t.name.startswith("tiering-gate-many") for t in threading.enumerate()) <= 8


async def test_a_plain_function_never_runs_on_the_event_loops_thread():
    threads = []
    await CallbackGate(lambda _: threads.append(threading.current_thread()) or True).judge(SEEN)
    assert threads[0] is not threading.current_thread()
    assert threads[0].daemon


async def test_a_client_that_goes_cancels_the_call():
    began, cancelled = asyncio.Event(), []

    async def hang(_):
        began.set()
        try:
            await asyncio.sleep(FOREVER)
        except asyncio.CancelledError:
            cancelled.append(1)
            raise

    asked, faults = telling(hang, timeout_ms=60_000)
    task = asyncio.ensure_future(asked.judge(SEEN))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0)
    assert cancelled == [1]
    assert faults == []


async def test_a_call_that_is_given_up_while_it_waits_is_never_made(monkeypatch):
    monkeypatch.setattr(call, "_THREADS", 1)
    let_go, began = threading.Event(), asyncio.Event()
    loop, calls = asyncio.get_running_loop(), []

    def hang(seen):
        calls.append(seen.answer)
        loop.call_soon_threadsafe(began.set)
        let_go.wait(60)
        return True

    asked = CallbackGate(hang, timeout_ms=60_000)
    first = asyncio.ensure_future(asked.judge(exchange("first")))
    await began.wait()
    second = asyncio.ensure_future(asked.judge(exchange("second")))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    let_go.set()
    assert await first == await asked.judge(exchange("third")) == Verdict.accept()
    assert calls == ["first", "third"]


def test_a_thread_with_nothing_to_do_ends_and_another_begins(monkeypatch):
    monkeypatch.setattr(workers, "_IDLE_S", 0.001)
    crew = workers.Workers(1, "idle")
    first = crew.submit(threading.current_thread, limit_s=60).result(60)
    first.join(60)
    assert not first.is_alive()
    assert crew.submit(threading.current_thread, limit_s=60).result(60) is not first


def test_a_thread_does_not_end_when_something_came_at_the_last_moment():
    class Late(queue.SimpleQueue):
        waited = 0

        def get(self, *args, **more):
            self.waited += 1
            if self.waited == 1:
                raise queue.Empty
            return super().get(*args, **more)

    crew = workers.Workers(1, "late")
    crew._jobs = Late()
    assert crew.submit(lambda: 7, limit_s=60).result(60) == 7
    assert crew._jobs.waited > 1


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """A directory on the Python path, whose modules are forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        del sys.modules[name]


def test_a_target_is_found_by_its_name(modules):
    (modules / "some_gates.py").write_text(
        "def check(e): return False\nclass A:\n    b = staticmethod(check)\n"
    )
    for target in ("some_gates:check", "some_gates.check", "some_gates:A.b"):
        assert asyncio.run(CallbackGate(target).judge(SEEN)).rejects


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("nowhere_gates:check", "no module 'nowhere_gates'"),
        ("nowhere_gates.check", "no module 'nowhere_gates'"),
        ("some_gates:absent", "'some_gates' has no 'absent'"),
        ("some_gates:number", "is a int, not a function"),
        ("needy_gates:check", "'needy_gates' needs 'nothing_of_that_name'"),
        ("broken_gates:check", "it raised SyntaxError"),
        ("leaving_gates:check", "it raised ZeroDivisionError"),
        ("placeholder", "no installed package offers a gate 'placeholder'"),
        (":check", "not of the form package.module:function"),
        ("some_gates:", "not of the form package.module:function"),
        ("", "no installed package"),
        (".check", "not of the form"),
    ],
)
def test_a_target_that_cannot_be_loaded_is_named(modules, target, words):
    (modules / "some_gates.py").write_text("number = 7\n")
    (modules / "needy_gates.py").write_text("import nothing_of_that_name\n")
    (modules / "broken_gates.py").write_text("def\n")
    (modules / "leaving_gates.py").write_text("1 / 0\n")
    with pytest.raises(ValueError, match=words):
        load_target(target)


@pytest.fixture
def offered(modules, monkeypatch):
    """Entry points as packages would offer them."""
    (modules / "offered_gates.py").write_text("def check(e): return False\nnumber = 7\n")
    points = []

    def offer(name, value):
        points.append(importlib.metadata.EntryPoint(name, value, "litellm_tiering.gates"))

    def entry_points(*, group):
        return tuple(p for p in points if p.group == group)

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    return offer


def test_a_package_offers_a_gate_by_a_bare_name(offered):
    offered("acme", "offered_gates:check")
    offered("acme", "offered_gates:check")
    offered("acme.dotted", "offered_gates:check")
    assert load_target("acme")(SEEN) is load_target("acme.dotted")(SEEN) is False


def test_what_a_package_offers_must_be_a_function_and_one_only(offered):
    offered("twice", "offered_gates:check")
    offered("twice", "offered_gates:other")
    offered("number", "offered_gates:number")
    offered("absent", "offered_gates:absent")
    with pytest.raises(ValueError, match="several packages offer a gate 'twice'"):
        load_target("twice")
    with pytest.raises(ValueError, match="is a int, not a function"):
        load_target("number")
    with pytest.raises(
        ValueError, match=r"'absent' \(offered_gates:absent\) cannot be imported: AttributeError"
    ):
        load_target("absent")


@pytest.mark.parametrize(
    ("text", "word"),
    [("a b", "a_b"), ("", "callback"), ("<lambda>", "lambda"), ("é", "callback"), ("x" * 99, "x" * 64)],
)
def test_a_word_is_safe_in_a_header(text, word):
    assert safe_word(text) == word


def test_the_package_exports_what_users_type():
    assert litellm_tiering.gate is gate is callback.gate
    assert litellm_tiering.Verdict is Verdict
    assert {"gate", "Verdict", "TieredRouter"} <= set(dir(litellm_tiering))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        litellm_tiering.nothing  # noqa: B018 - asking is the test


def test_importing_the_package_imports_nothing_else_of_it():
    code = "import sys, litellm_tiering; print([m for m in sys.modules if m.startswith('litellm')])"
    import subprocess  # noqa: PLC0415 - for this test alone

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['litellm_tiering']"
