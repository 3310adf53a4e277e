"""Mutation testing: small faults are planted in the code, one at a time, and the tests must notice.

A sample of the places that can be changed, drawn by seed and weighed towards what costs most when it is
wrong, is changed with cosmic-ray's operators, in a copy of the tree; the tests that cover the line are run.
What none of them notices is a survivor: a test is missing, or the change means nothing. `lua` stands for the
ledger's scripts on Redis, with operators of our own.

    python scripts/mutate.py core ledger gates lua --sample 40 --seed 1

Wants cosmic-ray in the interpreter that runs this; the tests run in `--python`, the same unless told.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import sys
import tempfile
from collections import Counter, defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import mutate_lua
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names
from mutate_bench import PACKAGE, TESTS, Bench, Mutant, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

WEIGHTS = {
    **dict.fromkeys(("core/budget.py", "core/cascade.py", "core/policy.py", "core/price.py"), 4),
    **dict.fromkeys(("ledger/lib.lua", "ledger/marks.lua", "ledger/reserve.lua", "ledger/settle.lua"), 4),
}
"""Modules of which more is looked at than of the others: those that move money and requests."""


LIVED = ("survived", "uncovered")


class Bare(ast.NodeTransformer):
    """A module without what does not run: annotations (they are strings here) and docstrings."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant("-")
        return self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | None:
        if "TYPE_CHECKING" in ast.unparse(node.test):
            return None
        return self.generic_visit(node)


def meaning(source: str) -> str | None:
    """What a module does, as far as its text tells; None where it is no Python."""
    try:
        return ast.dump(Bare().visit(ast.parse(source)))
    except SyntaxError:
        return None


def mutants_of(path: Path, module: str) -> Iterator[Mutant]:
    """Every change that we know of a module."""
    if path.suffix == ".lua":
        for occurrence, (line, name, _) in enumerate(mutate_lua.changes(path.read_text())):
            yield Mutant(module, line, name, occurrence)
        return
    tree = get_ast(path.read_text())
    nodes = list(ast_nodes(tree))
    for name in operator_names():
        kind = get_operator(name)
        if kind.arguments():
            continue
        operator = kind()
        places = ((start, end) for node in nodes for start, end in operator.mutation_positions(node))
        for occurrence, (start, _) in enumerate(places):
            yield Mutant(module, start[0], name, occurrence)


def mutated(mutant: Mutant, before: str) -> str | None:
    """A module's text after the change; None when that means nothing."""
    if mutant.module.endswith(".lua"):
        return [after for _, _, after in mutate_lua.changes(before)][mutant.occurrence]
    after = mutate_code(before, get_operator(mutant.operator)(), mutant.occurrence)
    return after if after is not None and meaning(after) not in (None, meaning(before)) else None


def sample(
    tree: Path, package: str, size: int, rng: random.Random, only: str
) -> list[tuple[Mutant, str, str]]:
    """Mutants with the module's text before and after: at most one of a line, and none that means nothing."""
    places: dict[tuple[str, int], list[Mutant]] = defaultdict(list)
    folder, pattern = ("ledger", "*.lua") if package == "lua" else (package, "*.py")
    for path in sorted((tree / PACKAGE / folder).rglob(pattern)):
        module = str(path.relative_to(tree / PACKAGE))
        if only in module:
            for mutant in mutants_of(path, module):
                places[module, mutant.line].append(mutant)
    order = sorted(places)
    # Efraimidis and Spirakis: a weighted order without replacement.
    keys = {place: rng.random() ** (1 / WEIGHTS.get(place[0], 1)) for place in order}
    found: list[tuple[Mutant, str, str]] = []
    for place in sorted(order, key=keys.__getitem__, reverse=True):
        if len(found) == size:
            break
        mutant = rng.choice(places[place])
        before = (tree / PACKAGE / mutant.module).read_text()
        after = mutated(mutant, before)
        if after is not None:
            found.append((mutant, before, after))
    return found


def again(mutant: Mutant, file: Path) -> bool:
    """Whether nobody noticed a mutant in an earlier run."""
    lived = [r for r in json.loads(file.read_text()) if r["outcome"] in LIVED]
    return (mutant.module, mutant.line, mutant.operator) in {
        (r["module"], r["line"], r["operator"]) for r in lived
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    kinds = (*TESTS, "ledger", "lua")
    parser.add_argument("packages", nargs="*", default=list(kinds), metavar="PACKAGE", help=", ".join(kinds))
    parser.add_argument("--sample", type=int, default=40, help="how many mutants of each package")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="only modules whose path has this in it")
    parser.add_argument("--again", type=Path, help="of these only what survived before, as written by --out")
    parser.add_argument("--python", default=sys.executable, help="the interpreter with the tests' packages")
    parser.add_argument("--out", type=Path, help="write every result there, as JSON")
    options = parser.parse_args()
    if wrong := set(options.packages) - set(kinds):
        parser.error(f"no such package: {', '.join(sorted(wrong))}; there are {', '.join(kinds)}")
    results: list[Result] = []
    with (
        tempfile.TemporaryDirectory(prefix="mutation-") as folder,
        Bench(Path(folder).resolve(), options.python) as bench,
    ):
        for package in options.packages:
            drawn = sample(bench.tree, package, options.sample, random.Random(options.seed), options.only)
            if options.again:
                drawn = [m for m in drawn if again(m[0], options.again)]
            if package in TESTS:
                print(f"{package}: {len(drawn)} mutants; running its tests once …", flush=True)
                bench.cover(package)
            counts: Counter[str] = Counter()
            for number, (mutant, before, after) in enumerate(drawn, 1):
                result = bench.judge(package, mutant, before, after)
                results.append(result)
                counts[result.outcome] += 1
                if result.outcome in LIVED:
                    print(f"  {number}: {result.outcome} {result.module}:{result.line} {result.operator}")
                    print(f"    {result.change}", flush=True)
            print(f"{package}: {dict(counts)}", flush=True)
            if options.out:
                options.out.parent.mkdir(parents=True, exist_ok=True)
                options.out.write_text(json.dumps([asdict(r) for r in results], indent=1))
    return 1 if any(r.outcome in LIVED for r in results) else 0


if __name__ == "__main__":
    sys.exit(main())
