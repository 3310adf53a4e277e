"""Mutation testing: small faults are planted in the code, one at a time, and the tests must notice.

A sample of the places that can be changed, drawn by seed and weighed towards what costs most when it is
wrong, is changed with cosmic-ray's operators, in a copy of the tree; the tests that cover the line are run.
What none of them notices is a survivor: a test is missing, or the change means nothing.

    python scripts/mutate.py core ledger gates --sample 40 --seed 1

Wants cosmic-ray in the interpreter that runs this; the tests run in `--python`, the same unless told.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "src/litellm_tiering"

TESTS = {
    "core": (
        "tests/unit/core",
        *(
            f"tests/property/test_{name}_properties.py"
            for name in ("cascade", "expected", "pacing", "policy")
        ),
    ),
    "ledger": tuple(
        f"tests/contract/test_{name}.py"
        for name in (
            "ledger",
            "ledger_model",
            "ledger_settling",
            "ledger_sqlite",
            "records",
            "segments",
            "threads",
        )
    ),
    "gates": ("tests/unit/gates",),
}
"""Where the tests of a package stand; those that cover a line are found by running them once."""

WEIGHTS = {"core/budget.py": 4, "core/cascade.py": 4, "core/policy.py": 4, "core/price.py": 4}
"""Modules of which more is looked at than of the others: those that move money and requests."""

DEADLINE_S = 120
"""A mutant that keeps its tests busy for so long is noticed: it would be in CI as well."""

PLUGIN = """
from hypothesis import Phase, settings

def pytest_collection(session):
    settings.register_profile(
        "mutation", settings.get_profile("patient"), derandomize=True, database=None,
        phases=[Phase.explicit, Phase.generate],
    )
    settings.load_profile("mutation")
"""
"""Examples are the same in every run, and a failing one is not made small: that it fails is all we ask."""


@dataclass(frozen=True)
class Mutant:
    """One change: which operator of cosmic-ray, its how-manieth place in the module, and where that is."""

    module: str
    line: int
    operator: str
    occurrence: int


@dataclass(frozen=True)
class Result:
    module: str
    line: int
    operator: str
    outcome: str
    seconds: float
    change: str


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
    """Every change that cosmic-ray knows of a module."""
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


def sample(
    tree: Path, package: str, size: int, rng: random.Random, only: str
) -> list[tuple[Mutant, str, str]]:
    """Mutants with the module's text before and after: at most one of a line, and none that means nothing."""
    places: dict[tuple[str, int], list[Mutant]] = defaultdict(list)
    for path in sorted((tree / PACKAGE / package).rglob("*.py")):
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
        after = mutate_code(before, get_operator(mutant.operator)(), mutant.occurrence)
        if after is not None and meaning(after) not in (None, meaning(before)):
            found.append((mutant, before, after))
    return found


class Bench:
    """A copy of the tree, and which tests cover which of its lines."""

    def __init__(self, tree: Path, python: str) -> None:
        self.tree = tree
        self.python = python
        for name in ("src", "tests", "pyproject.toml", "litellm_config", "deploy", "docs", "scripts"):
            source = ROOT / name
            ignored = shutil.ignore_patterns("__pycache__", ".*cache", ".hypothesis")
            if source.is_dir():
                shutil.copytree(source, tree / name, ignore=ignored)
            else:
                shutil.copy(source, tree / name)
        (tree / "mutation_profile.py").write_text(PLUGIN)

    def pytest(self, *arguments: str, deadline_s: float | None = None) -> subprocess.CompletedProcess[str]:
        command = [
            self.python,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "mutation_profile",
            *arguments,
        ]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(self.tree / "src"), str(self.tree))),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return subprocess.run(
            command,
            cwd=self.tree,
            env=environment,
            timeout=deadline_s,
            capture_output=True,
            text=True,
            check=False,
        )

    def covering(self, package: str) -> dict[tuple[str, int], list[str]]:
        """Which tests run which lines, by running them all once."""
        data = self.tree / f"coverage.{package}"
        rc = self.tree / "mutation.coveragerc"
        rc.write_text(f"[run]\ndata_file = {data}\nsource = litellm_tiering.{package}\n")
        ran = self.pytest(
            "--cov", f"--cov-config={rc}", "--cov-context=test", "--cov-report=", *TESTS[package]
        )
        if ran.returncode:
            raise SystemExit(
                f"the tests of {package} fail as they are:\n{ran.stdout[-3000:]}{ran.stderr[-1000:]}"
            )
        return self._lines(data)

    def _lines(self, data: Path) -> dict[tuple[str, int], list[str]]:
        # Read where coverage is: this interpreter may have none.
        code = (
            "import json, sys, coverage; d = coverage.CoverageData(sys.argv[1]); d.read();"
            "json.dump({f: d.contexts_by_lineno(f) for f in d.measured_files()}, sys.stdout)"
        )
        ran = subprocess.run([self.python, "-c", code, str(data)], capture_output=True, text=True, check=True)
        found: dict[tuple[str, int], list[str]] = {}
        for file, lines in json.loads(ran.stdout).items():
            module = str(Path(file).relative_to(self.tree / PACKAGE))
            for line, contexts in lines.items():
                tests = {c.split("|")[0].split("[")[0] for c in contexts if c}
                found[module, int(line)] = sorted(tests)
        return found

    def tests_of(self, mutant: Mutant, covered: dict[tuple[str, int], list[str]]) -> list[str]:
        """The tests that run a line; of one that runs at import only, all of its module's."""
        for line in (mutant.line, mutant.line - 1, mutant.line + 1):
            if tests := covered.get((mutant.module, line)):
                return tests
        return sorted({t for (m, _), tests in covered.items() if m == mutant.module for t in tests})

    def judge(self, mutant: Mutant, before: str, after: str, tests: list[str]) -> Result:
        path = self.tree / PACKAGE / mutant.module
        started = time.monotonic()
        path.write_text(after)
        try:
            ran = self.pytest("-x", "--no-cov", *tests, deadline_s=DEADLINE_S) if tests else None
            outcome = "uncovered" if ran is None else "survived" if ran.returncode == 0 else "killed"
        except subprocess.TimeoutExpired:
            outcome = "timeout"
        finally:
            path.write_text(before)
        spent = round(time.monotonic() - started, 1)
        return Result(mutant.module, mutant.line, mutant.operator, outcome, spent, changed(before, after))


def changed(before: str, after: str) -> str:
    """The first line that differs, before and after."""
    pairs = zip(before.splitlines(), after.splitlines(), strict=False)
    old, new = next(((a, b) for a, b in pairs if a != b), ("", ""))
    return f"{old.strip()}  =>  {new.strip()}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packages", nargs="*", default=list(TESTS), metavar="PACKAGE", help=", ".join(TESTS))
    parser.add_argument("--sample", type=int, default=40, help="how many mutants of each package")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="only modules whose path has this in it")
    parser.add_argument("--python", default=sys.executable, help="the interpreter with the tests' packages")
    parser.add_argument("--out", type=Path, help="write every result there, as JSON")
    options = parser.parse_args()
    if wrong := set(options.packages) - set(TESTS):
        parser.error(f"no such package: {', '.join(sorted(wrong))}; there are {', '.join(TESTS)}")
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        bench = Bench(Path(folder).resolve(), options.python)
        for package in options.packages:
            drawn = sample(bench.tree, package, options.sample, random.Random(options.seed), options.only)
            print(f"{package}: {len(drawn)} mutants; running its tests once …", flush=True)
            covered = bench.covering(package)
            for mutant, before, after in drawn:
                result = bench.judge(mutant, before, after, bench.tests_of(mutant, covered))
                results.append(result)
                if result.outcome in ("survived", "uncovered"):
                    print(f"  {result.outcome} {result.module}:{result.line} {result.operator}")
                    print(f"    {result.change}", flush=True)
            counts = Counter(r.outcome for r in results if r.module.startswith(f"{package}/"))
            print(f"{package}: {dict(counts)}", flush=True)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps([asdict(r) for r in results], indent=1))
    return 1 if any(r.outcome in ("survived", "uncovered") for r in results) else 0


if __name__ == "__main__":
    sys.exit(main())
