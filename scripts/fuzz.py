"""Hostile requests against a real proxy with everything switched on: `fuzz.py [--shots 10000] [--seed 1]`.

Each request is made by its seed and number alone, so that what is found can be sent again (`--only NUMBER`).
What came of each is a line of the file `--out`; what is there already is not asked again. What fails is then
sent to LiteLLM alone: only what LiteLLM alone does better is ours.

Ends with 1 where the proxy answered with an error that LiteLLM alone does not, wrote a request's text or a
fault of ours into its log, kept money held, went on with something in the background, or kept growing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from fuzz_shots import KEYS, Shot, shot

from litellm_tiering.testing.processes import serve_provider
from litellm_tiering.testing.proxy import Proxy, config_for, serve_proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

ASKED_AT_ONCE = 8
WITHIN_S = 60.0
SERVER_ERROR, CLIENT_ERROR = 500, 400
GROWTH_MB = 150.0
"""By how much the proxy may grow after its second thousand requests: LiteLLM fills caches meanwhile."""

TEAMS = {"sk-blue": "blue", "sk-red": "red", "sk-poor": "poor"}

AUTH = f"""
import os
from litellm.proxy._types import ProxyException, UserAPIKeyAuth

TEAMS = {TEAMS!r}

async def auth(request, api_key):
    if api_key == os.environ["LITELLM_MASTER_KEY"]:
        return UserAPIKeyAuth(api_key=api_key, user_role="proxy_admin")
    if api_key == "sk-nobody":
        return UserAPIKeyAuth(api_key=api_key, key_alias="nobody")
    if api_key not in TEAMS:
        raise ProxyException("unknown key", type="auth_error", param=None, code=401)
    return UserAPIKeyAuth(api_key=api_key, team_id=TEAMS[api_key], key_alias=TEAMS[api_key] + "-1")
"""

TIERING: dict[str, Any] = {
    "classifiers": [
        {
            "kind": "rules",
            "rules": [
                {"name": "gold", "when": {"tags": ["gold"]}, "min_tier": "moderate"},
                {"name": "code", "when": {"any_keyword": ["traceback", "refactor"]}, "min_tier": "moderate"},
                {"name": "odd", "when": {"any_regex": [r"(a+)+$|([^ ]+ )*x"]}, "min_tier": "moderate"},
            ],
        },
        {"kind": "heuristic", "abstain_below": 0.6},
        {"kind": "llm", "model": "small", "timeout_ms": 1000},
    ],
    "cascade": {
        "bypass_above": 1.0,
        "gates": [
            *({"kind": kind} for kind in ("not_empty", "finished", "refusal", "json_schema", "constraints")),
            *(
                {"kind": kind}
                for kind in ("arithmetic", "repetition", "unbalanced", "language", "acceptable")
            ),
            {"kind": "confidence", "path": "confidence", "min": 0.8},
            {"kind": "logprob", "min_mean": -5.0},
        ],
    },
    "budgets": [
        {"scope": "global", "limit_usd": 1000},
        {"scope": "team", "match": "blue", "limit_usd": 0.05, "at_ceiling": "cheapest"},
        {"scope": "team", "match": "poor", "limit_usd": 0.01, "at_ceiling": "block"},
        {"scope": "end_user", "match": "*", "limit_usd": 0.01, "pacing": "linear"},
        {"scope": "tag", "match": "*", "limit_usd": 0.05},
    ],
}


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a request: status 0 for none, `ours` where our headers or routes say so."""

    number: int
    kind: str
    status: int
    ours: bool
    ms: int
    said: str = ""


async def fire(base: str, admin: str, shots: Iterable[Shot], told: Callable[[Came], None]) -> None:
    """Send requests, a few at a time."""
    limits = httpx.Limits(max_connections=ASKED_AT_ONCE)
    waiting = iter(shots)
    async with httpx.AsyncClient(base_url=base, timeout=WITHIN_S, trust_env=False, limits=limits) as client:

        async def gunner() -> None:
            for one in waiting:
                told(await _fired(client, admin, one))

        await asyncio.gather(*(gunner() for _ in range(ASKED_AT_ONCE)))


async def _fired(client: httpx.AsyncClient, admin: str, one: Shot) -> Came:
    key = admin if one.key == KEYS[0] else one.key
    headers = {"authorization": f"Bearer {key}", **one.headers}
    began = time.monotonic()
    try:
        answer = await client.request(one.method, one.path, content=one.content, headers=headers)
    except httpx.HTTPError as error:
        # A stream that its provider cut, or no answer at all.
        return Came(one.number, one.kind, 0, ours=False, ms=_ms(began), said=type(error).__name__)
    said = "" if answer.status_code < CLIENT_ERROR else answer.text[:300].replace(one.word, "WORD")
    ours = "x-tiering-decision" in answer.headers
    return Came(one.number, one.kind, answer.status_code, ours, _ms(began), said)


def _ms(began: float) -> int:
    return int((time.monotonic() - began) * 1000)


@contextmanager
def house(tiering: dict[str, Any] | None, folder: Path) -> Iterator[Proxy]:
    """A proxy, with the plugin or LiteLLM alone, before the simulated provider."""
    if tiering is not None:
        store = {"store": {"url": f"sqlite:///{folder / 'tiering.db'}"}}
        tiering = {**tiering, **store, "capture": {"share": 0.2, "path": str(folder / "capture.jsonl")}}
    with serve_provider() as provider:
        config = config_for(provider.base_url, tiering)
        config["general_settings"]["custom_auth"] = "fuzz_keys.auth"
        config["router_settings"]["disable_cooldowns"] = True
        with serve_proxy(config, files={"fuzz_keys.py": AUTH}) as proxy:
            yield proxy


def resident_mb(pid: int) -> float:
    """What a process holds in memory; 0 where that cannot be told."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@dataclass(slots=True)
class Findings:
    """What is wrong, in words; empty is well."""

    wrong: list[str]

    def check(self, holds: bool, what: str) -> None:
        if not holds:
            self.wrong.append(what)


PLANTED = re.compile(
    r"classifier:llm(?::rests)?: ?(?:TimeoutError|\w*Error at \S*/litellm/|Unread at |(?:\w+Error|Unread) x)"
)
"""What is told of a model that was asked and failed, as some requests have the simulated provider do."""

WORD = re.compile(r"quokka\d+x(\d+)marmalade")


def words_in(log: str) -> set[int]:
    """The numbers of the requests whose text a log holds."""
    return {int(found) for found in WORD.findall(log)}


def faults_in(log: str) -> list[str]:
    """What a log says of faults of ours: our own lines, and tracebacks that end in our code."""
    own = [line for line in log.splitlines() if "fault in" in line and not PLANTED.search(line)]
    for block in log.split("Traceback (most recent call last):")[1:]:
        frames = re.findall(r'File "([^"]+)", line (\d+)', block)
        # A refusal is raised, and meant: LiteLLM logs it with what it stumbled over while it handled it.
        if frames and "litellm_tiering" in frames[-1][0] and "    raise refused\n" not in block:
            own.append(f"{Path(frames[-1][0]).name}:{frames[-1][1]}")
    return own


def settled(proxy: Proxy, within_s: float = 60.0) -> dict[str, Any]:
    """What `status` says once nothing is held, or after that long."""
    ends = time.monotonic() + within_s
    while True:
        found = proxy.status()
        idle = not any(b["reserved_usd"] for b in found["budgets"]) and not found["background"]
        if idle or time.monotonic() > ends:
            return found
        time.sleep(0.2)


def judge_status(found: dict[str, Any], wrong: Findings) -> None:
    """Nothing is held, nothing is owed, nothing runs on, and no fault was contained."""
    for budget in found["budgets"]:
        where = f"{budget['scope']}:{budget['id'][:40]!r}"
        wrong.check(budget["reserved_usd"] == 0, f"still held: {budget['reserved_usd']} of {where}")
        wrong.check(budget["spent_usd"] >= 0, f"spent less than nothing: {where}")
    wrong.check(found["background"] == 0, f"{found['background']} tasks still run")
    for alarm in found["alarms"]:
        wrong.check("fault" not in alarm or PLANTED.search(alarm) is not None, f"alarm: {alarm}")
    wrong.check(found["store"]["ok"], "the store is away")


def worse(ours: Came, alone: Came) -> bool:
    """Whether LiteLLM alone does better with the same request."""
    if ours.status == 0 or ours.status >= SERVER_ERROR:
        return alone.status != 0 and alone.status < SERVER_ERROR
    return ours.status >= CLIENT_ERROR and alone.status < CLIENT_ERROR and alone.status != 0


def doubtful(came: Came) -> bool:
    """Whether an answer is an error that is not plainly meant: a refusal of ours, or one of our routes'.

    A 5xx never is, though it comes with our headers.
    """
    if came.status == 0 or came.status >= SERVER_ERROR:
        return True
    if came.kind.startswith("/tiering"):
        return False
    return came.status >= CLIENT_ERROR and not came.ours and came.status not in {401, 429}


def attack(args: argparse.Namespace, folder: Path, wrong: Findings) -> tuple[list[Came], set[int]]:
    """Fire, and judge the proxy itself; what came of the shots, and whose text its log holds."""
    known = _known(args.out)
    numbers = args.only or [n for n in range(args.shots) if n not in known]
    came = list(known.values())
    with house(TIERING, folder) as proxy, args.out.open("a", encoding="utf-8") as out:

        def told(one: Came) -> None:
            came.append(one)
            out.write(json.dumps(asdict(one)) + "\n")
            out.flush()
            if len(came) % 1_000 == 0:
                print(f"{len(came):,} shots; {resident_mb(proxy.process.pid):.0f} MB", flush=True)

        grown = []
        for start in range(0, len(numbers), 1_000):
            batch = numbers[start : start + 1_000]
            asyncio.run(fire(proxy.base_url, proxy.key, (shot(args.seed, n) for n in batch), told))
            grown.append(resident_mb(proxy.process.pid))
        judge_status(settled(proxy), wrong)
        if len(grown) > 2:  # noqa: PLR2004 - before that it is still filling caches
            more = grown[-1] - grown[1]
            wrong.check(more <= GROWTH_MB, f"grew by {more:.0f} MB after the second thousand")
        log = proxy.process.text()
    kept = args.out.with_name(f"{args.out.name}.log")
    with kept.open("a", encoding="utf-8") as file:
        file.write(log)
    log = kept.read_text(encoding="utf-8")
    for fault, times in Counter(faults_in(log)).most_common(20):
        wrong.check(holds=False, what=f"in the log, x{times}: {fault}")
    return came, words_in(log)


def compare(seed: int, failed: Mapping[int, Came], words: set[int]) -> tuple[dict[int, list[Came]], set[int]]:
    """What LiteLLM alone makes of the same requests, and whose text it writes into its log.

    What is better there is sent to every tier's group as well: a provider that the router chose may be one
    for which LiteLLM cannot translate the request, and says so alike when it is asked for by name.
    """
    alone: dict[int, list[Came]] = {}

    def told(came: Came) -> None:
        alone.setdefault(came.number, []).append(came)

    with tempfile.TemporaryDirectory() as folder, house(None, Path(folder)) as proxy:
        made = [shot(seed, number) for number in sorted({*failed, *words})]
        asyncio.run(fire(proxy.base_url, proxy.key, made, told))
        doubts = [
            one for one in made if one.number not in failed or worse(failed[one.number], alone[one.number][0])
        ]
        asyncio.run(fire(proxy.base_url, proxy.key, [o for one in doubts for o in _by_name(one)], told))
        return alone, words_in(proxy.process.text())


def _by_name(one: Shot) -> list[Shot]:
    """The request to each group by its name, where it has the name of ours."""
    named = b'"model": "auto"'
    groups = (b"small", b"medium", b"large")
    if named not in one.content:
        return []
    return [replace(one, content=one.content.replace(named, b'"model": "' + g + b'"')) for g in groups]


def judge(seed: int, came: Sequence[Came], words: set[int], wrong: Findings) -> None:
    """Hold what failed against LiteLLM alone."""
    failed = {c.number: c for c in came if doubtful(c)}
    outside = {n: c for n, c in failed.items() if not c.kind.startswith("/tiering")}
    alone, theirs = compare(seed, outside, words)
    for number, one in sorted(failed.items()):
        others = alone.get(number, [])
        if all(worse(one, other) for other in others):
            than = "".join(f", and {other.status} alone" for other in others)
            wrong.check(holds=False, what=f"shot {number} ({one.kind}): {one.status}{than}: {one.said[:160]}")
    slow = [c for c in came if c.ms > WITHIN_S * 500]
    wrong.check(not slow, f"slow: {[(c.number, c.kind, c.ms) for c in slow[:10]]}")
    leaked = sorted(words - theirs)
    wrong.check(not leaked, f"text in the log that LiteLLM alone does not write: shots {leaked[:20]}")
    both = sum(c.status == 0 or c.status >= SERVER_ERROR for c in failed.values())
    print(f"{both} answers of 5xx or none, {len(words)} texts in the log; LiteLLM alone: {len(theirs)} texts")


def _known(path: Path) -> dict[int, Came]:
    if not path.exists():
        return {}
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.endswith("}"))
    return {row["number"]: Came(**row) for row in rows}


def main() -> int:
    """Fire, compare, tell."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--shots", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("bench/out/fuzz.jsonl"))
    parser.add_argument("--only", type=int, nargs="*", help="send these only, whatever came of them before")
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    wrong = Findings([])
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        came, words = attack(args, Path(folder), wrong)
    statuses = Counter(f"{c.status // 100}xx" if c.status else "none" for c in came)
    print(f"{len(came):,} requests in {time.monotonic() - began:.0f} s: {dict(sorted(statuses.items()))}")
    judge(args.seed, came, words, wrong)
    print("\n".join(wrong.wrong) or "nothing found")
    return 1 if wrong.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
