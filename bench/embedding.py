"""The `embedding` classifier: how long it takes, what it occupies, and what a trained head is worth.

    python bench/embedding.py [--rounds N] [--data DIR] [--sets a,b]

Times are of a whole decision, its reading included, never twice for the same text: by the clock, and
of the processor, which a busy machine hardly lengthens. The figures are those of `train --embedding`: APGR
by five folds, beside counting words.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import os
import resource
import statistics
import time
from pathlib import Path

from decision import prompts
from kept import Kept
from litellm_tiering.classifiers.chain import Chain
from litellm_tiering.classifiers.embedding import EmbeddingClassifier, Looks, embed
from litellm_tiering.classifiers.embedding_local import encoder
from litellm_tiering.classifiers.embedding_space import Examples
from litellm_tiering.core.classification import Classification, Subject
from litellm_tiering.core.features import Caller, Surface
from litellm_tiering.core.ladder import Ladder, Tier
from litellm_tiering.evals.metrics import Pair, Ranking, interval, resamples
from litellm_tiering.evals.train_head import held_out, read
from litellm_tiering.intake import read_request

LADDER = Ladder([Tier("simple", "small"), Tier("moderate", "medium"), Tier("complex", "large")])
KEPT = Kept(__file__)
GOALS_MS = {50: 3.0, 2_000: 12.0, 100_000: 15.0}
PAIRS = {
    "routellm_gsm8k": ("mixtral-8x7b-instruct-v0.1", "gpt-4-1106-preview"),
    "routellm_mmlu": ("mixtral-8x7b-instruct-v0.1", "gpt-4-1106-preview"),
    "zeroeval_gsm": ("gpt-3.5-turbo-0125", "claude-3-5-sonnet-20241022"),
    "zeroeval_mathl5": ("gpt-4o-mini-2024-07-18", "o1-mini-2024-09-12"),
    "zeroeval_crux": ("gpt-4o-mini-2024-07-18", "gpt-4o-2024-08-06"),
    "mmlupro": ("meta-llama-3.1-8b-instruct", "gemini-1.5-pro-002"),
    "ifeval": ("mistral-7b-instruct-v0.3", "gpt-4o-2024-08-06"),
    "llmrouter": ("mistral-7b-instruct-v0.3", "llama-3.1-nemotron-51b-instruct"),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    data = os.environ.get("TIERING_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--data", type=Path, default=Path(data))
    parser.add_argument("--sets", default=",".join(PAIRS))
    options = parser.parse_args()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    encoder()
    took = time.perf_counter() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    KEPT.table("loading", ("loading, s", ".2f"), ("memory, MB", ".0f")).row(took, grown)
    print(f"loading: {took:.2f} s, {grown:.0f} MB\n")
    asyncio.run(times(options.rounds))
    if not options.data.is_dir():
        print("\nno data: set TIERING_DATA for the figures")
        return
    print("\nset                 rows  words   head (95 %)             difference")
    for name in filter(None, options.sets.split(",")):
        figures(options.data, name)


async def times(rounds: int) -> None:
    print("characters   median     95 %      CPU     goal   (ms)")
    reader = Examples([[v] for v in embed(["Where is my parcel?", "Summarise this", "Prove the theorem"])])
    for size, goal in GOALS_MS.items():
        taken, busy = [], []
        for number in range(rounds):
            # A new classifier for each round: it remembers.
            chain = Chain(
                [EmbeddingClassifier(LADDER, Looks(reader), local=encoder(), timeout_s=5.0)], LADDER
            )
            for text in prompts(size):
                began, worked = time.perf_counter(), time.process_time()
                body = {"messages": [{"role": "user", "content": f"{number} {text}"}]}
                features, prompt = read_request(body, Surface.CHAT)
                found = chain.classify(Subject(features, Caller(), prompt, dt.datetime.now(dt.timezone.utc)))
                found = found if isinstance(found, Classification) else await found
                taken.append((time.perf_counter() - began) * 1000)
                busy.append((time.process_time() - worked) * 1000)
        taken.sort()
        late = taken[int(len(taken) * 0.95)]
        middle, cpu = statistics.median(taken), statistics.median(busy)
        kept = KEPT.table(
            "times", ("characters", ",d"), ("median, ms", ".2f"), ("95 in 100, ms", ".2f"), ("CPU, ms", ".2f")
        )
        kept.row(size, middle, late, cpu)
        KEPT.goal(f"asking `embedding` at {size:,} characters, ms", middle, at_most=goal)
        print(f"{size:10,} {middle:8.2f} {late:8.2f} {cpu:8.2f} {goal:8.1f}")


def figures(data: Path, name: str) -> None:
    table = read(str(data / f"outcomes_{name}.jsonl.gz"), *PAIRS[name], encoder().embed)
    pair = Pair(table.weak, table.strong)
    head, words = Ranking(held_out(table)), Ranking(table.words)
    drawn = list(resamples(len(pair), 200))
    mine = [head.figures(pair, w)["APGR"] for w in drawn]
    above = [a - words.figures(pair, w)["APGR"] for a, w in zip(mine, drawn, strict=True)]
    apgr, plain = head.figures(pair)["APGR"], words.figures(pair)["APGR"]
    low, high = interval(mine)
    least, most = interval(above)
    kept = KEPT.table(
        "sets",
        "set",
        ("questions", ",d"),
        ("words", ".3f"),
        ("trained head", ".3f"),
        ("more than words", "+.3f"),
    )
    kept.row(name, len(pair), plain, (apgr, low, high), (apgr - plain, least, most))
    print(
        f"{name:17s} {len(pair):6,}  {plain:.3f}   {apgr:.3f} ({low:.3f} to {high:.3f})  "
        f"{apgr - plain:+.3f} ({least:+.3f} to {most:+.3f})",
        flush=True,
    )


if __name__ == "__main__":
    KEPT.run(main)
