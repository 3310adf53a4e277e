"""Completion in real shells, where they are installed, by the scripts as they are printed."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from litellm_tiering.cli import VERBS
from litellm_tiering.cli.completion import SHELLS

ROOT = Path(__file__).parents[3]


@pytest.fixture
def script(run, tmp_path):
    def _script(shell):
        status, out, err = run("completion", shell)
        assert (status, err) == (0, "")
        path = tmp_path / f"litellm-tiering.{shell}"
        path.write_text(out)
        return path

    return _script


def typed(shell, path, code, *more):
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    done = subprocess.run(
        [shell, *more, "-c", code, shell, str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "TERM": "dumb"},
    )
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout.split()


@pytest.fixture
def in_bash(script):
    path = script("bash")

    def _typed(*words):
        """What bash offers for the last of the words, as its completion asks the script."""
        quoted = " ".join(f"'{w}'" for w in ("litellm-tiering", *words))
        code = (
            f'source "$1"; COMP_WORDS=({quoted}); COMP_CWORD={len(words)}\n'
            "how=$(complete -p litellm-tiering); how=${how##*-F }; ${how%% *} litellm-tiering\n"
            'printf "%s\\n" "${COMPREPLY[@]}"'
        )
        return typed("bash", path, code, "--norc", "--noprofile")

    return _typed


def test_bash_completes_verbs(in_bash):
    assert set(VERBS) <= set(in_bash(""))
    assert in_bash("tu") == ["tune"]
    assert sorted(in_bash("re")) == ["replay", "report"]


def test_bash_completes_options_and_their_values(in_bash):
    assert sorted(in_bash("tune", "--conf")) == ["--confidence", "--config"]
    assert sorted(in_bash("report", "--format", "")) == ["csv", "html", "json", "table"]
    assert in_bash("exempt", "re") == ["revoke"]
    assert "--until" in in_bash("exempt", "add", "--un")
    assert in_bash("completion", "z") == ["zsh"]


def test_bash_completes_files_where_a_file_is_meant(in_bash, tmp_path):
    (tmp_path / "outcomes.jsonl").write_text("")
    assert in_bash("tune", "--outcomes", "outc") == ["outcomes.jsonl"]
    assert in_bash("tune", "--weak", "outc") == []


def test_zsh_takes_the_script(script):
    code = "autoload -Uz compinit; compinit -u -D; source $1; print -r -- $_comps[litellm-tiering]"
    assert typed("zsh", script("zsh"), code, "-f") == ["_shtab_litellm_tiering"]


def test_fish_completes_verbs(script):
    found = typed("fish", script("fish"), "source $argv[1]; complete -C 'litellm-tiering tu'", "--no-config")
    assert found[0] == "tune"


@pytest.mark.parametrize("shell", SHELLS)
def test_programs_get_the_script_as_json(run_json, script, shell):
    text = script(shell).read_text()
    assert run_json("completion", shell) == (0, {"shell": shell, "script": text})
    assert all(verb in text for verb in VERBS)


def test_an_unknown_shell_is_refused(run):
    status, _, err = run("completion", "telnet")
    assert (status, "'bash', 'zsh', 'fish'" in err or "bash, zsh, fish" in err) == (2, True)


@pytest.fixture
def generator():
    """The script that writes them."""
    pytest.importorskip("shtab", reason="shtab writes the scripts, and is not installed")
    made = (ROOT / "pyproject.toml").read_text().partition('"shtab==')[2].partition('"')[0]
    if version("shtab") != made:
        pytest.skip(f"the scripts are by shtab {made}")
    spec = importlib.util.spec_from_file_location("gen_completion", ROOT / "scripts" / "gen_completion.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_scripts_are_up_to_date(generator):
    assert generator.main(["--check"]) == 0


def test_a_stale_script_is_found_and_written_anew(generator, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(generator, "TARGET", tmp_path / "made")
    assert generator.main(["--check"]) == 1
    assert "run scripts/gen_completion.py" in capsys.readouterr().out
    assert generator.main([]) == 0
    assert generator.main(["--check"]) == 0
