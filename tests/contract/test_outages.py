"""The engine over a real Redis that goes away in every way it can: requests go on, no cost is lost."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import redis

from litellm_tiering.core.budget import Budget, Scope
from litellm_tiering.core.catalog import Price, TierFacts
from litellm_tiering.core.classification import Classification
from litellm_tiering.core.features import Caller, PromptText, RequestFeatures
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.core.policy import Policy, Route
from litellm_tiering.engine import Engine
from litellm_tiering.ledger.known_redis import TURN
from litellm_tiering.ledger.open import open_ledger
from litellm_tiering.ledger.spool import DiskSpool
from litellm_tiering.plan import Inquiry, Terms
from litellm_tiering.testing.redis import serve_redis
from litellm_tiering.units import NanoUSD

LADDER = Ladder([Tier("simple", "small"), Tier("complex", "large")])
FACTS = tuple(TierFacts(Price(prompt=0.0, completion=float(p))) for p in (1, 100))
BUDGETS = (Budget(limit=NanoUSD(10**12)), Budget(scope=Scope.END_USER))
WITHIN_S = 20.0


class Clock:
    def now(self):
        return time.time()


class Says:
    def classify(self, subject):
        return Classification(rank=1, by="heuristic")


class Worker:
    """An engine as a proxy's worker has it."""

    def __init__(self, url, spool, on_error="open"):
        terms = Terms(Policy(LADDER), BUDGETS, Says(), on_error=on_error)
        self.engine = Engine(terms, open_ledger(url), Clock(), DiskSpool(spool, url))
        self.books = self.engine.books

    async def plan(self, user=""):
        inquiry = Inquiry(
            features=RequestFeatures(max_tokens=10),
            prompt=PromptText("Hello."),
            caller=Caller(end_user=user),
            route=Route("auto", ("auto",)),
            asked=1,
            facts=FACTS,
        )
        return await self.engine.plan(inquiry)

    async def serve(self, cost=100, user=""):
        """One request, answered and paid for; its plan."""
        plan = await self.plan(user)
        if plan.flight is not None:
            await self.books.settle(plan.flight, cost, baseline=cost)
        return plan

    async def spent(self):
        live = await self.engine.ledger.active(time.time())
        whole = [b for key, b in live.items() if key.startswith("global")]
        return sum(b.spent for b in whole), sum(b.reserved for b in whole)

    async def of_each(self):
        live = await self.engine.ledger.active(time.time())
        return {key: b.spent for key, b in live.items()}

    async def greeted(self):
        """Wait until the store has said who it is."""

        async def known():
            return self.books.payments.recollection.identity

        await eventually(known, "the store has said who it is")

    async def back(self):
        """Wait until the store is back for requests, and nothing is owed."""

        async def all_paid():
            return self.books.store_ok and not await self.books.payments.recount()

        await eventually(all_paid, "the store is back, and all is paid")


async def eventually(check, what):
    async def poll():
        while not await check():  # noqa: ASYNC110 - a real server sets no event
            await asyncio.sleep(0.01)

    try:
        await asyncio.wait_for(poll(), WITHIN_S)
    except asyncio.TimeoutError:
        pytest.fail(f"not within {WITHIN_S} s: {what}")


@contextlib.asynccontextmanager
async def worker(url, spool, on_error="open"):
    made = Worker(url, spool, on_error)
    try:
        yield made
    finally:
        await made.engine.close()


@contextlib.contextmanager
def admin(server, **options):
    client = redis.Redis(port=server.port, **options)
    try:
        yield client
    finally:
        client.close()


class Paused:
    def __enter__(self):
        self.server.pause()
        return self

    def __exit__(self, *_):
        self.server.resume()

    def __init__(self, server):
        self.server = server


class Configured:
    """A Redis whose configuration makes it refuse; undone afterwards."""

    def __init__(self, server, option, bad, good, *, cut=False):
        self.server, self.option, self.bad, self.good, self.cut = server, option, bad, good, cut

    def __enter__(self):
        with admin(self.server) as client:
            client.config_set(self.option, self.bad)
            if self.cut:
                # Those who are connected stay logged in.
                client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def __exit__(self, *_):
        password = {"password": self.bad} if self.option == "requirepass" else {}
        with admin(self.server, **password) as client:
            client.config_set(self.option, self.good)


class ReadOnly:
    """A master that has become a replica, as after a failover that its clients have not heard of."""

    def __init__(self, server):
        self.server = server

    def __enter__(self):
        with admin(self.server) as client, socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            client.config_set("replica-serve-stale-data", "yes")
            client.execute_command("REPLICAOF", "127.0.0.1", nobody.getsockname()[1])

    def __exit__(self, *_):
        with admin(self.server) as client:
            client.execute_command("REPLICAOF", "NO", "ONE")


OUTAGES = {
    "paused": Paused,
    "out of memory": lambda server: Configured(server, "maxmemory", "1", "0"),
    "wrong password": lambda server: Configured(server, "requirepass", "other", "", cut=True),
    "too few replicas": lambda server: Configured(server, "min-replicas-to-write", "1", "0"),
    "read-only": ReadOnly,
}


def major(server) -> int:
    with redis.Redis(port=server.port) as client:
        return int(client.info("server")["redis_version"].partition(".")[0])


@pytest.mark.parametrize("outage", OUTAGES)
async def test_requests_go_on_and_every_cost_is_counted_once_when_the_store_is_back(outage, tmp_path):
    with serve_redis("--maxmemory-policy", "noeviction") as server:
        if outage == "too few replicas" and major(server) < 7:
            pytest.skip("before Redis 7 a script writes however few replicas there are")
        async with worker(server.url, tmp_path / "spool.db") as w:
            before = [await w.plan() for _ in range(3)]
            for _ in range(4):
                await w.serve()
            with OUTAGES[outage](server):
                for plan in before:
                    # Held while the store was there, paid while it is not.
                    await w.books.settle(plan.flight, 100, baseline=100)
                during = [await w.serve() for _ in range(12)]
                assert w.books.owed == 15
            assert [p.decision.reasons[-1] for p in during] == ["store:open"] * 12
            await w.back()
            assert await w.spent() == (1_900, 0)
            assert (await w.serve()).decision.reasons == ("heuristic",)


@pytest.mark.parametrize(("on_error", "tier"), [("open", "complex"), ("cheap", "simple"), ("closed", None)])
async def test_a_killed_store_is_gone_for_as_long_as_it_is_and_then_all_is_paid(on_error, tier, tmp_path):
    folder = tmp_path / "redis"
    folder.mkdir()
    durable = ("--appendonly", "yes", "--appendfsync", "always")
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(serve_redis(*durable, folder=folder))
        async with worker(server.url, tmp_path / "spool.db", on_error) as w:
            await w.serve()
            server.kill()
            during = [await w.serve() for _ in range(10)]
            assert [None if p.flight is None else p.record.tier for p in during] == [tier] * 10
            assert w.books.owed == (0 if tier is None else 10)
            stack.enter_context(serve_redis(*durable, folder=folder, port=server.port))
            await w.back()
            assert await w.spent() == (100 if tier is None else 1_100, 0)


async def test_a_store_that_comes_back_empty_is_filled_again_by_every_worker_once(tmp_path, caplog):
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(serve_redis())
        async with (
            worker(server.url, tmp_path / "spool.db") as one,
            worker(server.url, tmp_path / "spool.db") as other,
        ):
            for w in (one, other, one):
                await w.serve()
            in_hand = await one.plan()
            server.kill()
            await one.serve()
            await other.serve()
            stack.enter_context(serve_redis(port=server.port))
            await one.back()
            await other.back()
            await one.books.settle(in_hand.flight, 100, baseline=100)
            assert await one.spent() == (600, 0)
        assert "came back empty" in caplog.text


async def test_an_emptied_store_is_noticed_although_no_request_failed(tmp_path):
    with serve_redis() as server:
        async with worker(server.url, tmp_path / "spool.db") as w:
            for _ in range(3):
                await w.serve()
            await w.greeted()
            with admin(server) as client:
                client.flushall()
            await w.serve()
            w.books.guard._greeted_s = float("-inf")
            await w.serve()

            async def restored():
                return (await w.spent())[0] == 500

            await eventually(restored, "what was known is there again")


CHILD = """
    import asyncio, sys
    sys.path.insert(0, {here!r})
    from test_outages import Worker
    from pathlib import Path

    async def main():
        w = Worker({url!r}, Path({spool!r}))
        if {greeted}:
            await w.serve()
            await w.greeted()
        for _ in range(7):
            await w.serve(user="killed")
        print(w.books.owed, flush=True)
        await asyncio.Event().wait()

    asyncio.run(main())
"""


def served_seven_and_was_killed(url, spool, *, greeted=False):
    """A process serves seven requests, and is killed as soon as it has; how many costs it owed then."""
    here = str(Path(__file__).parent)
    script = textwrap.dedent(CHILD).format(url=url, spool=str(spool), here=here, greeted=greeted)
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    try:
        return int(child.stdout.readline())
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate()


async def test_what_was_owed_survives_kill_minus_9_of_its_process(tmp_path):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    url, spool = f"redis://127.0.0.1:{port}/0", tmp_path / "spool.db"
    assert await asyncio.to_thread(served_seven_and_was_killed, url, spool) == 7
    with serve_redis(port=port):
        async with worker(url, spool) as heir:
            await heir.serve()
            await heir.greeted()
            await heir.back()
            assert await heir.spent() == (800, 0)


async def read_back(server, heir):
    """Wait until ``heir`` has learnt what the store says of its counters, without serving anything more."""
    with admin(server) as client:
        client.delete(TURN)
    heir.books.guard.greet()

    async def learnt():
        return any("killed" in key for key in heir.books.payments.recollection.known)

    await eventually(learnt, "what the killed worker had settled is known to another")


@pytest.mark.parametrize("same_machine", [True, False])
async def test_what_a_worker_settled_just_before_kill_minus_9_is_not_forgotten_with_the_store(
    same_machine, tmp_path
):
    spool = tmp_path / "spool.db"
    lost = spool if same_machine else tmp_path / "gone_with_its_container.db"
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(serve_redis())
        async with worker(server.url, spool) as heir:
            await heir.serve()
            await heir.greeted()
            owed = await asyncio.to_thread(served_seven_and_was_killed, server.url, lost, greeted=True)
            assert owed == 0
            await read_back(server, heir)
            before = await heir.of_each()
            server.kill()
            await heir.serve()
            stack.enter_context(serve_redis(port=server.port))
            await heir.back()
            after = await heir.of_each()
        assert after == {key: spent + 100 * key.startswith("global") for key, spent in before.items()}
        assert sorted(after.values()) == [700, 1000]
