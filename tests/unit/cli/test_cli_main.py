from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import litellm_tiering
from litellm_tiering import __version__
from litellm_tiering.cli import VERBS

# The tests run elsewhere, so a relative PYTHONPATH would not do.
HERE = os.environ | {"PYTHONPATH": str(Path(litellm_tiering.__file__).parents[1])}


def entry(*words, **more):
    env = HERE | more.pop("env", {})
    command = [sys.executable, "-W", "error", "-m", "litellm_tiering.cli", *words]
    return subprocess.run(command, capture_output=True, check=False, env=env, **more)


def test_help_lists_what_works_and_nothing_else(run):
    status, out, _ = run("--help")
    assert status == 0
    listed = [line.split()[0] for line in out.splitlines() if line[:4].isspace() and line[4:5].strip()]
    assert listed == sorted(VERBS)
    assert len(listed) == 16


@pytest.mark.parametrize("words", [(), ("nonsense",), ("score",), ("explain", "hi", "--surface", "telex")])
def test_wrong_usage_is_2(run, words):
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert "usage: litellm-tiering" in err


def test_the_version(run):
    assert run("--version")[:2] == (0, f"litellm-tiering {__version__}\n")


def test_the_entry_point_is_this_function():
    project = Path(__file__).parents[3] / "pyproject.toml"
    assert '[project.scripts]\nlitellm-tiering = "litellm_tiering.cli:main"\n' in project.read_text()


def test_a_real_process_scores_standard_input():
    done = entry("score", "--input", "-", input=b'{"id": 1, "prompt": "hi"}\n')
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b'{"id": 1, "score": ')


def test_scoring_and_explaining_without_a_configuration_never_import_litellm():
    code = (
        "import sys\n"
        "from litellm_tiering.cli import main\n"
        "assert main(['score', '--input', '-']) == 0\n"
        "assert main(['explain', 'hi']) == 0\n"
        "assert 'litellm_tiering.engine' in sys.modules\n"
        "sys.exit('litellm' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], input=b"", capture_output=True, check=False, env=HERE
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_output_that_nobody_reads_ends_quietly(tmp_path):
    lines = b'{"id": 1, "prompt": "hi"}\n' * 5000
    (tmp_path / "many.jsonl").write_bytes(lines)
    command = [sys.executable, "-m", "litellm_tiering.cli", "score", "--input", tmp_path / "many.jsonl"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=HERE) as process:
        first = process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
    assert first.startswith(b'{"id": 1')
    assert (process.returncode, said) == (1, b"")


OWN = "tiers: [{name: simple, model: sm\xe5ll}, {name: complex, model: large}]\n"


def test_text_that_standard_output_cannot_show_is_escaped(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(
        OWN + "routes: [{name: r, models: [\xf6dd], classify: false, tier: simple}]\n", encoding="utf-8"
    )
    done = entry("explain", "hi", "--config", path, "--model", "\xf6dd", env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert done.stdout.startswith(b"simple (sm\\xe5ll), ")


def test_what_the_engine_logs_stays_off_the_terminal(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(OWN + "store: {url: 'sqlite:///no/such/folder/x.db'}\n", encoding="utf-8")
    done = entry("explain", "hi", "--config", path)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        b"litellm-tiering: the budget store is away: budgets are left out of this decision"
    ]
