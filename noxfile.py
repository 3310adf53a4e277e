"""The matrix: every Python and LiteLLM that we say works, tried.

    nox                          # the quick part of each, see `nox --list`
    nox -s unit-3.13             # one Python
    nox -s litellm -- oldest     # the gateway's tests and some proxies, on one LiteLLM

Nothing is fetched but from the package index; no session needs a provider's key, or apt.
"""

from __future__ import annotations

import nox

nox.options.sessions = ["lint", "unit", "litellm", "wheel"]
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = False
nox.needs_version = ">=2024.3.2"

PYTHONS = ["3.10", "3.11", "3.12", "3.13"]

BAD = "!=1.82.7,!=1.82.8,!=1.107.*"
"""Compromised releases: never installed, not even to be tried."""

LITELLM = {
    "oldest": f"litellm[proxy]>=1.100,<1.101,{BAD}",
    "1.106": f"litellm[proxy]>=1.106,<1.107,{BAD}",
    "newest": f"litellm[proxy]>=1.100,<1.110,{BAD}",
}
"""The oldest that is supported, the one that most is measured on, and the newest that installs here."""

WITHOUT_PROXY = ["tests/unit", "tests/property", "tests/contract", "tests/config"]

ON_LITELLM = [
    "tests/unit/gateway",
    "tests/config",
    "tests/proxy/test_composition.py",
    "tests/proxy/test_cascade.py",
    "tests/proxy/test_routing.py",
    "tests/proxy/test_run.py",
]
"""What a change of LiteLLM's would break: whatever touches it, and a handful of real proxies."""

OF_ITS_TIME = ["tests/config/test_packs.py", "tests/config/test_deploy.py"]
"""Packs and deploy files name models, settings and options that older releases do not know."""

BY_FILE = ["-n", "auto", "--dist", "loadfile"]
"""On all cores, as ``scripts/test.sh`` does."""


@nox.session(python=PYTHONS)
def unit(session: nox.Session) -> None:
    """Every test that needs no proxy, on one Python."""
    session.install("-e", ".[dev]")
    session.run("python", "-m", "pytest", *(session.posargs or [*BY_FILE, *WITHOUT_PROXY]))


@nox.session(python=["3.11"])
@nox.parametrize("litellm", list(LITELLM))
def litellm(session: nox.Session, litellm: str) -> None:
    """What touches LiteLLM, on one of its releases; first, which of the names we use it has no more."""
    if session.posargs and litellm not in session.posargs:
        session.skip(f"asked for {', '.join(session.posargs)}")
    session.install("-e", ".[dev]", LITELLM[litellm])
    session.run("python", "-m", "litellm_tiering.gateway.names")
    left_out = [f"--ignore={path}" for path in OF_ITS_TIME if litellm == "oldest"]
    session.run("python", "-m", "pytest", *BY_FILE, *ON_LITELLM, *left_out)


@nox.session(python=["3.11"])
def lint(session: nox.Session) -> None:
    """Style, layers and types."""
    session.install("-e", ".[dev]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports", "--no-cache")
    session.run("mypy")


@nox.session(python=["3.11"])
def wheel(session: nox.Session) -> None:
    """Build both packages, judge them, and take the tour from the wheel, where the checkout is not."""
    session.install("build", "twine", "check-wheel-contents")
    built = session.create_tmp()
    session.run("python", "-m", "build", "--outdir", built, ".")
    packages = session.run("python", "-c", f"import glob; print(*glob.glob({built!r} + '/*'))", silent=True)
    paths = str(packages).split()
    session.run("twine", "check", "--strict", *paths)
    wheels = [path for path in paths if path.endswith(".whl")]
    session.run("check-wheel-contents", *wheels)
    session.install(LITELLM["newest"], *wheels)
    with session.chdir(built):
        session.run("python", "-m", "litellm_tiering.testing.demo")


@nox.session(python=["3.11"])
def mutation(session: nox.Session) -> None:
    """Plant small faults in the code and see whether the tests notice; not part of the usual round."""
    session.install("-e", ".[dev]", "cosmic-ray>=8.7")
    session.run("python", "scripts/mutate.py", *(session.posargs or ["--sample", "40"]))
