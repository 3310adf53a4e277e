"""Half an hour of everything at once: does memory stay flat, is anything left open, are the books equal?

Two workers on a real Redis, asked on all four APIs, by plain HTTP and by OpenAI's and Anthropic's clients:
streams, clients that leave, escalations, a second model beside the first, a classifier that asks a model,
conversations, long prompts, failing and cut upstreams. Meanwhile Redis is restarted and paused, the
configuration is reloaded, a team's budget is crossed and its window turns, routing is switched off and on,
and a worker is killed.

    python bench/soak.py [--minutes 30] [--rate 8] [--workers 2] [--alone]

Every request is somebody's of its own, so what the provider served is held against what the ledger settled,
request by request, to the nano-dollar; where a client left in the middle, against what LiteLLM logged. Ends
with 1 where they differ, requests fail without a reason, or memory, tasks or open files grow. What was seen
is in bench/out/soak: soak.json, soak.png and the proxy's log. ``--alone`` asks the same of LiteLLM without
the plugin, and leaves it in bench/out/soak-alone: a later run holds its workers' growth against that.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import datetime as dt
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import soak_report as report
from chaos_kit import LOST_WITH_WORKER_S, Books, Store, all_settled, by_a_kill, end_when_told, served
from litellm_tiering.ledger.open import open_ledger
from litellm_tiering.testing.processes import free_port, serve_provider
from litellm_tiering.testing.proxy import serve_proxy
from soak_load import LEAVING, Asked, Load
from soak_plan import AUTH, TURNS_AT, Chaos, config_of, write_section
from soak_watch import PROBE, Watch

OUT = Path(__file__).resolve().parent / "out" / "soak"
ALONE = OUT.with_name("soak-alone")
SAMPLE_S = 15.0
LATENCY_MS = 30.0
START_WITHIN_S = 300.0
OURS = re.compile(r"litellm[_-]tiering|\btiering |budget store|the spool|costs from the spool")


def main() -> int:
    options = _options()
    out = ALONE if options.alone else OUT
    out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="tiering-soak-") as made,
        serve_provider(latency_ms=LATENCY_MS) as provider,
        contextlib.ExitStack() as stack,
    ):
        folder = Path(made)
        (folder / "redis").mkdir()
        store = Store(folder / "redis", free_port(), stack)
        store.start()
        section = folder / "tiering.yaml"
        write_section(section, store.url)
        env = {"SOAK_FOLDER": made, "SOAK_EVERY_S": str(SAMPLE_S / 2), "LITELLM_LOG": "INFO"}
        # A busy machine is not a dead worker: without it the process manager kills one after 5 s.
        env["TIMEOUT_WORKER_HEALTHCHECK"] = "60"
        if not options.alone:
            env["LITELLM_TIERING_CONFIG"] = str(section)
        files = {"soak_probe.py": PROBE, "soak_auth.py": AUTH}
        config = config_of(provider.base_url, alone=options.alone)
        more: dict[str, Any] = {"files": files, "env": env, "workers": options.workers}
        with serve_proxy(config, **more, deadline_s=START_WITHIN_S) as proxy:
            load = Load(proxy.base_url, proxy.key, options.rate)
            watch = Watch(proxy, provider, store, load, folder, SAMPLE_S)
            chaos = Chaos(proxy, store, load, section, options.alone)
            asyncio.run(_soak(load, watch, chaos, options))
            log = proxy.process.text()
            (out / "proxy.log").write_text(log, encoding="utf-8")
            books = None if options.alone else asyncio.run(_books(load, watch, chaos))
        return _verdict(load, watch, chaos, books, log, out)


async def _soak(load: Load, watch: Watch, chaos: Chaos, options: argparse.Namespace) -> None:
    seconds = 60 * options.minutes
    await load.warm(8 * options.workers)
    watching = asyncio.create_task(watch.run())
    disturbing = asyncio.create_task(chaos.run(seconds))
    try:
        await load.run(seconds)
        await disturbing
        if not options.alone:
            await all_settled(watch.proxy)
        # What is let go of is let go of within moments, and then there is a last look.
        await asyncio.sleep(2)
        watch.samples.append(await asyncio.to_thread(watch.look))
        await asyncio.to_thread(watch.listen)
    finally:
        watching.cancel()
        await load.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30.0, help="of load (30)")
    parser.add_argument("--workers", type=int, default=2, help="of the proxy (2)")
    parser.add_argument("--rate", type=float, default=8.0, help="requests a second (8)")
    parser.add_argument("--alone", action="store_true", help="LiteLLM without the plugin, for comparison")
    return parser.parse_args()


# ---------------------------------------------------------------------- books


async def _books(load: Load, watch: Watch, run: Chaos) -> Books:
    """What was served and what was settled; a run may go past midnight."""
    days = {
        f"{dt.datetime.fromtimestamp(at, dt.timezone.utc):%Y-%m-%d}" for at in (load.epoch_s, time.time())
    }
    users = [a.user for a in load.asked]
    ledger = open_ledger(run.store.url)
    settled: dict[str, int] = {}
    try:
        for day in days:
            window = f"day:{day}@UTC"
            for at in range(0, len(users), 200):
                some = users[at : at + 200]
                keys = [f"end_user|{user}|{window}" for user in some]
                found = await ledger.balances(keys, time.time())
                for user, balance in zip(some, found, strict=True):
                    if balance.spent:
                        settled[user] = settled.get(user, 0) + balance.spent
        totals = await ledger.balances([f"global|*|day:{day}@UTC" for day in days], time.time())
    finally:
        await ledger.close()
    in_hand = {
        a.user
        for a in load.asked
        for killed_s in run.killed
        if a.at_s <= killed_s <= a.ended_s + LOST_WITH_WORKER_S
    }
    left = frozenset(a.user for a in load.asked if a.kind in LEAVING)
    of_ours = [call for call in watch.calls.values() if int(str(call["seed"])) >= 0]
    total = sum(b.spent for b in totals)
    return Books(served(of_ours), settled, total, frozenset(in_hand), left, watch.logged())


def _unexplained(load: Load, run: Chaos) -> list[Asked]:
    """Requests that failed, and nothing that was done to the proxy says why."""

    def explained(a: Asked) -> bool:
        if a.kind == "looking" and run.alone:
            return True  # at what is not there
        if a.status in (200, 499) or (a.status == 429 and a.key == "sk-red"):
            return True
        if a.kind in {"broken", "cut"}:
            return True
        if a.kind == "looking" and a.status == 503:
            return a.phase.startswith("redis")  # the decisions are in the store, which is away
        return by_a_kill(a.at_s, a.ended_s, broke=a.status == -1, killed=run.killed)

    return [a for a in load.asked if not explained(a)]


def _verdict(  # noqa: PLR0913, PLR0917 - all that there is to say something of
    load: Load, watch: Watch, run: Chaos, books: Books | None, log: str, out: Path
) -> int:
    """Say what was seen; 1 where anything is not as it should be."""
    inside, wrong, told = watch.inside(), [], {}
    print(f"\n{len(load.asked)} requests in {load.now_s() / 60:.1f} minutes")
    for kind, ended in load.outcomes().items():
        print(f"  {kind:16}" + "  ".join(f"{status}: {count}" for status, count in sorted(ended.items())))
    print("\n".join(report.latencies(watch.samples)))
    if report.is_slower(watch.samples):
        wrong.append("latency rises")
    for pid in sorted({p for s in watch.samples for p in s.workers}):
        wrong += _of_worker(pid, watch, inside.get(pid, []), told, 0.0 if run.alone else report.grew(ALONE))
    if books is not None:
        print(books.text())
        told["books"] = {name: getattr(books, name) for name in ("wrong", "unserved", "lost", "odd", "total")}
        wrong += [] if books.equal else ["the books differ"]
    failed = _unexplained(load, run)
    print(f"requests that failed without a reason: {len(failed)}")
    for a in failed[:20]:
        print(f"  {a.kind} {a.user}, {a.status} at {a.at_s:.1f} s, {a.phase}")
    broke = log.count("OpenAIException - Connection error.\n")
    print(f"lines of LiteLLM's that tell of a connection to the provider that broke: {broke}")
    wrong += [f"{len(failed)} requests failed"] if failed else []
    wrong += run.troubles
    told.update(_logged(log, len(load.asked)))
    told.update(
        {
            "wrong": wrong,
            "events": run.events,
            "outcomes": load.outcomes(),
            "failed": [(a.number, a.kind, a.status, round(a.at_s, 1), a.phase) for a in failed],
        }
    )
    path = report.write(out, told, watch.samples)
    picture = report.plot(out, watch.samples, run.events)
    print(f"{path}\n{picture or 'no plot: pip install litellm-tiering[plots]'}")
    print("all is well" if not wrong else "NOT as it should be: " + "; ".join(wrong))
    return 1 if wrong else 0


def _of_worker(
    pid: int, watch: Watch, rows: list[dict[str, Any]], told: dict[str, Any], alone: float
) -> list[str]:
    wrong = []
    memory = report.slope(report.of_worker(watch.samples, pid, "rss_mb"))
    files = report.slope(report.of_worker(watch.samples, pid, "fds"))
    tasks = report.leaking_tasks(rows)
    growing = report.growing(rows)
    faults = next((row["faults"] for row in reversed(rows) if "faults" in row), {})
    told[f"worker {pid}"] = {"memory": memory, "files": files, "tasks": tasks, "growing": growing}
    told[f"worker {pid}"] |= {"faults": faults, "last": rows[-1] if rows else None}
    told[f"worker {pid}"]["mb_an_hour"] = None if memory is None else memory.an_hour
    said = "too short a run to say" if memory is None or files is None else memory.text("MB")
    print(f"worker {pid}: memory {said}" + (f", LiteLLM alone {alone:+.1f}" if alone else ""))
    if memory is not None and memory.low > report.MB_AN_HOUR + alone:
        wrong.append(f"memory of worker {pid} grows")
    if files is not None:
        print(f"  open files {files.text('')}; tasks {tasks}")
        if files.low > 0 and files.last > files.first + 5:
            wrong.append(f"open files of worker {pid} grow")
    if tasks is not None and tasks[1] > 1.5 * tasks[0] + 10:
        wrong.append(f"tasks of worker {pid} grow")
    for way, sizes in growing.items():
        print(f"  grows: {way} {sizes[0]} -> {sizes[1]}")
    if faults:
        print(f"  faults: {faults}")
        wrong.append(f"faults in worker {pid}")
    return wrong


def _logged(log: str, requests: int) -> dict[str, Any]:
    """How much of the proxy's log is ours, and what it says."""
    ours = [line for line in log.splitlines() if OURS.search(line)]
    kinds = Counter(re.sub(r"[\d.]+", "N", re.sub(r"\x1b\[[\d;]*m", "", line))[:160] for line in ours)
    print(f"lines of ours in the log: {len(ours)} of {len(log.splitlines())}, in {requests} requests")
    for line, count in kinds.most_common(15):
        print(f"  {count:>5}  {line}")
    return {"log_lines": len(ours), "log": kinds.most_common(40)}


if __name__ == "__main__":
    # A zone that this machine does not know is to be found out before half an hour is gone.
    for name, _ in TURNS_AT:
        ZoneInfo(name)
    end_when_told()
    sys.exit(main())
