"""The documentation's code blocks: configurations pass `check`, commands exist, the curl works as typed."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from litellm_tiering.config.load import from_mapping
from litellm_tiering.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
MODELS = [{"model_name": name} for name in ("small", "medium", "large")]


def blocks(*languages):
    return [
        pytest.param(page, body, id=f"{page.relative_to(ROOT)}:{i}")
        for page in PAGES
        for i, (language, body) in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")))
        if language in languages
    ]


def test_every_block_is_of_a_kind_that_is_checked_here():
    kinds = {lang for page in PAGES for lang, _ in BLOCK.findall(page.read_text(encoding="utf-8"))}
    assert kinds <= {"sh", "yaml", "http", "python"}


@pytest.fixture
def run_python(monkeypatch):
    """Runs the Python blocks of a page as modules; the first is `my_gates` or `my_classifiers`."""

    def _run(page):
        found = []
        for i, body in enumerate(
            b for language, b in BLOCK.findall(page.read_text()) if language == "python"
        ):
            owners = "my_classifiers" if "classifier" in page.stem else "my_gates"
            module = ModuleType(f"{page.stem}_{i}" if i else owners)
            monkeypatch.setitem(sys.modules, module.__name__, module)
            exec(compile(body, str(page), "exec"), vars(module))
            found.append(module)
        return found

    return _run


@pytest.mark.parametrize("page", sorted({p.values[0] for p in blocks("python")}), ids=lambda p: p.stem)
def test_python_in_the_documentation_runs_and_its_tests_pass(page, run_python):
    for module in run_python(page):
        for name, function in list(vars(module).items()):
            if name.startswith("test_"):
                function()


@pytest.mark.parametrize(("page", "body"), blocks("yaml"))
def test_configurations_in_the_documentation_are_sound(page, body, run_python):
    if "my_gates" in body or "my_classifiers" in body:
        run_python(page)
    config = yaml.safe_load(body)
    alias = {"auto": "large", "auto-internal": "large"}
    proxy = {"model_list": MODELS, "router_settings": {"model_group_alias": alias}, **config}
    problems, warnings = (), ()
    try:
        warnings = from_mapping(config["tiering"], file=str(page), proxy=proxy).warnings
    except ConfigError as error:
        problems = error.problems
    # A model that the page has trained by then is read by the tests that follow the page.
    assert not [p for p in problems if not (p.path.endswith(".path") and "No such file" in p.message)]
    assert not warnings


@pytest.mark.parametrize(("page", "body"), blocks("sh"))
def test_commands_in_the_documentation_exist(page, body):
    for line in body.replace("\\\n", " ").splitlines():
        words = line.split()
        if words[0] == "make":
            assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
        elif words[0] == "litellm-tiering":
            done = subprocess.run(
                [sys.executable, "-m", "litellm_tiering.cli", words[1], "--help"],
                capture_output=True,
                check=False,
            )
            assert done.returncode == 0
        elif words[:2] == ["python", "-m"]:
            assert importlib.util.find_spec(words[2])
        else:
            # LiteLLM's own proxy, and its key, are started for real where the tutorial is followed.
            known = {"curl", "pip", "litellm", "export"}
            assert words[0] in known, f"{page}: who checks {line!r}?"


@pytest.mark.parametrize(
    "path", [pytest.param(p, id=p.name) for p in sorted((ROOT / "litellm_config").glob("*.yaml"))]
)
def test_packaged_configurations_are_sound(path):
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    loaded = from_mapping(
        config["tiering"], file=path.name, proxy=config, env={"TIERING_STORE": "sqlite:///tiering.db"}
    )
    assert not loaded.warnings
    assert config["general_settings"]["master_key"].startswith("os.environ/")
