"""A copy of the tree, in which faults are planted and tests run; see mutate.py."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "src/litellm_tiering"

TESTS: Mapping[str, Sequence[str]] = {
    "core": (
        "tests/unit/core",
        "tests/unit/engine/test_agreement_engine.py",
        "tests/unit/engine/test_conversations.py",
        *(
            f"tests/property/test_{name}_properties.py"
            for name in ("adaptive", "cascade", "expected", "pacing", "policy")
        ),
    ),
    "gates": ("tests/unit/gates",),
}
"""pytest's arguments for the tests of a package; those that cover a line are found by running them once."""

STORE_TESTS = {
    "board": ("board",),
    "day": ("ledger_totals",),
    "marks": ("ledger_marks", "ledger_settling", "ledger"),
    "open": ("ledger_open",),
    "records": ("records",),
    "redis": ("ledger", "ledger_open", "ledger_settling", "ledger_emptied", "ledger_redis"),
    "batch": ("ledger", "ledger_redis"),
    "segment": ("segments",),
    "spool": ("outages",),
    "sqlite": ("ledger", "ledger_sqlite", "ledger_settling", "ledger_emptied", "threads", "ledger_model"),
    "tally": ("ledger_totals", "ledger_settling"),
    "tell": ("ledger_totals",),
    "thread": ("threads", "ledger"),
    "totals": ("ledger_totals",),
    "": ("ledger", "ledger_settling", "ledger_emptied", "threads", "ledger_redis", "ledger_model"),
}
"""Where the tests of a module of the ledger stand, by how its name begins; each runs on every store."""


def store_tests(name: str) -> list[str]:
    """pytest's arguments for a module or script of the ledger: its tests on the store that it is for."""
    kinds = {"memory": "memory", "sqlite": "sqlite", "redis": "redis", "batch": "redis", ".lua": "redis"}
    own = {kinds[part] for part in kinds if part in name} or {"memory", "sqlite"}
    if name in ("marks.py", "open.py", "redis_url.py", "spool.py"):
        own = {"memory", "sqlite", "redis"}
    # Said by what is left out: tests of one store alone have no name of it.
    others = sorted({"cluster", "memory", "redis", "sqlite"} - own)
    files = next(tests for begin, tests in STORE_TESTS.items() if name.startswith(begin))
    return ["-k", f"not ({' or '.join(others)})", *(f"tests/contract/test_{file}.py" for file in files)]


OUTCOMES = {None: "uncovered", 0: "survived", -1: "timeout"}
"""What pytest's exit codes mean; of all others, that a test or an import has failed."""

NOT_FOUND = 4
"""pytest's exit code when there is no test of a name."""

DEADLINE_S = 300
"""A mutant that keeps its tests busy for so long is noticed: it would be in CI as well."""

PLUGIN = """
import json
import os

from hypothesis import Phase, is_hypothesis_test, settings

TIMES = {}
MEASURED = os.environ.get("MUTATION_TIMES")

def pytest_collection(session):
    settings.register_profile(
        "mutation", settings.get_profile("patient"), derandomize=True, database=None,
        phases=[Phase.explicit, Phase.generate],
    )
    settings.load_profile("mutation")

def pytest_collection_modifyitems(items):
    for item in items:
        test = getattr(getattr(item, "obj", None), "hypothesis", None)
        known = getattr(item.obj, "_hypothesis_internal_use_settings", None) if test else None
        if MEASURED and known:
            item.obj._hypothesis_internal_use_settings = settings(known, max_examples=5)

def pytest_runtest_logreport(report):
    TIMES[report.nodeid] = TIMES.get(report.nodeid, 0) + report.duration

def pytest_sessionfinish():
    if MEASURED:
        with open(MEASURED, "w") as file:
            json.dump(TIMES, file)
"""
"""Examples are the same in every run, and a failing one is not made small: that it fails is all we ask.

Few of them are run where only the lines that tests run are looked for, and for how long.
"""

COMMON = ("-q", "--assert=plain", "-p", "no:cacheprovider", "-p", "mutation_profile")

LINES = (
    "import json, sys, coverage; d = coverage.CoverageData(sys.argv[1]); d.read();"
    "json.dump({f: d.contexts_by_lineno(f) for f in d.measured_files()}, sys.stdout)"
)
"""Run where coverage is: this interpreter may have none."""


@dataclass(frozen=True)
class Mutant:
    """One change: of which kind, the how-manieth of that kind in the module, and where that is."""

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
    code: int | None
    seconds: float
    change: str


class Bench:
    """The copy, which tests cover which of its lines, and an interpreter that runs them."""

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
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(tree / "src"), str(tree))),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.lines: dict[tuple[str, int], list[str]] = {}
        self.times: dict[str, float] = {}
        fork = Path(__file__).with_name("mutate_fork.py")
        self.runner = subprocess.Popen(
            [python, str(fork), str(DEADLINE_S)],
            cwd=tree,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Bench:  # noqa: PYI034 - Python 3.10 has no Self
        return self

    def __exit__(self, *_: object) -> None:
        for end in (self.runner.stdin, self.runner.stdout):
            if end is not None:
                end.close()
        self.runner.wait()

    def run(self, *arguments: str) -> int:
        """pytest's exit code, or -1 when it had to be ended."""
        sent, answered = self.runner.stdin, self.runner.stdout
        if sent is None or answered is None:
            raise RuntimeError("there is no pipe to the runner")
        print(json.dumps([*COMMON, *arguments]), file=sent, flush=True)
        return int(answered.readline())

    def cover(self, package: str) -> None:
        """Find out which tests run which lines, and for how long, by running them all once."""
        data, times = self.tree / f"coverage.{package}", self.tree / f"times.{package}"
        rc = self.tree / "mutation.coveragerc"
        rc.write_text(f"[run]\ndata_file = {data}\nsource = litellm_tiering.{package}\n")
        measured = ("--cov", f"--cov-config={rc}", "--cov-context=test", "--cov-report=")
        ran = subprocess.run(
            [self.python, "-m", "pytest", *COMMON, *measured, *TESTS[package]],
            cwd=self.tree,
            env={**self.environment, "MUTATION_TIMES": str(times)},
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode:
            raise SystemExit(
                f"the tests of {package} fail as they are:\n{ran.stdout[-3000:]}{ran.stderr[-1000:]}"
            )
        self.times = json.loads(times.read_text())
        told = subprocess.run(
            [self.python, "-c", LINES, str(data)], capture_output=True, text=True, check=True
        )
        self.lines = {}
        for file, lines in json.loads(told.stdout).items():
            module = str(Path(file).relative_to(self.tree / PACKAGE))
            for line, contexts in lines.items():
                self.lines[module, int(line)] = [c.rpartition("|")[0] for c in contexts if "|" in c]

    def tests_of(self, package: str, mutant: Mutant) -> list[str]:
        """The tests that run a line, the quickest first; of one that runs at import only, all."""
        if package not in TESTS:
            return store_tests(Path(mutant.module).name)
        for line in (mutant.line, mutant.line - 1, mutant.line + 1):
            if tests := self.lines.get((mutant.module, line)):
                return self._in_order(set(tests))
        found = (tests for (module, _), tests in self.lines.items() if module == mutant.module)
        return [*self._in_order(set().union(*found)), *TESTS[package]]

    def _in_order(self, tests: set[str]) -> list[str]:
        files: dict[str, list[str]] = defaultdict(list)
        for test in sorted(tests, key=lambda test: self.times.get(test, 0)):
            files[test.split("::")[0]].append(test)
        spent = {file: sum(self.times.get(t, 0) for t in tests) for file, tests in files.items()}
        return [test for file in sorted(files, key=spent.__getitem__) for test in files[file]]

    def judge(self, package: str, mutant: Mutant, before: str, after: str) -> Result:
        path = self.tree / PACKAGE / mutant.module
        tests = self.tests_of(package, mutant)
        started = time.monotonic()
        path.write_text(after)
        try:
            code = self._code(tests) if tests else None
        finally:
            path.write_text(before)
        outcome = OUTCOMES.get(code, "killed")
        spent = round(time.monotonic() - started, 1)
        return Result(
            mutant.module, mutant.line, mutant.operator, outcome, code, spent, changed(before, after)
        )

    def _code(self, tests: list[str]) -> int:
        code = self.run("-x", "--no-cov", *tests)
        if code != NOT_FOUND:
            return code
        # The change did that, or the test's name is a strange one.
        return self.run("-x", "--no-cov", *dict.fromkeys(test.partition("[")[0] for test in tests))


def changed(before: str, after: str) -> str:
    """The first line that differs, before and after."""
    pairs = zip(before.splitlines(), after.splitlines(), strict=False)
    old, new = next(((a, b) for a, b in pairs if a != b), ("", ""))
    return f"{old.strip()}  =>  {new.strip()}"
