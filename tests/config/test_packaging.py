"""What is in the wheel and the sdist: all that the package reads, and nothing that is only ours."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement

from litellm_tiering.gateway.compat import KNOWN_BAD
from litellm_tiering.testing import demo

ROOT = Path(__file__).resolve().parent.parent.parent
ROOTS = ("src", "litellm_config", "tests", "docs")
FILES = ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Both packages, built without a network from a copy: a build leaves traces beside its sources."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    for name in ROOTS:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for name in FILES:
        shutil.copy(ROOT / name, source / name)
    sdist = next(iter(SdistBuilder(str(source)).build(directory=str(out), versions=["standard"])))
    # The wheel comes from what the sdist holds, as an index's users would build it.
    with tarfile.open(sdist) as archive:
        # Python 3.11.3 and before know no filter.
        archive.extractall(out, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    unpacked = out / Path(sdist).name.removesuffix(".tar.gz")
    wheel = next(iter(WheelBuilder(str(unpacked)).build(directory=str(out), versions=["standard"])))
    return Path(sdist), Path(wheel)


@pytest.fixture(scope="module")
def wheel(built):
    with zipfile.ZipFile(built[1]) as archive:
        yield archive


@pytest.fixture(scope="module")
def metadata(wheel):
    name = next(n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
    return HeaderParser().parsestr(wheel.read(name).decode())


def test_the_wheel_holds_every_file_of_the_package_and_the_demos_configuration(wheel):
    package = ROOT / "src" / "litellm_tiering"
    ours = {
        f"litellm_tiering/{path.relative_to(package)}"
        for path in package.rglob("*")
        if path.is_file()
        and not any(p == "__pycache__" or p[0] == "." for p in path.relative_to(package).parts)
    }
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == ours | {"litellm_tiering/testing/simulated.yaml"}
    assert {"litellm_tiering/py.typed", "litellm_tiering/gateway/page/index.html"} <= held
    assert {"litellm_tiering/gates/data/acceptable.f32", "litellm_tiering/ledger/reserve.lua"} <= held


def test_the_demos_configuration_is_the_one_that_make_run_uses(wheel):
    ours = (ROOT / "litellm_config" / "simulated.yaml").read_bytes()
    assert wheel.read("litellm_tiering/testing/simulated.yaml") == ours
    assert demo.simulated_config().read_bytes() == ours


def test_the_sdist_holds_what_a_wheel_is_built_from_and_nothing_else(built):
    with tarfile.open(built[0]) as archive:
        tops = {name.split("/", 2)[1] for name in archive.getnames()}
    assert tops - {".gitignore"} == {"src", "litellm_config", *FILES, "PKG-INFO"}


def test_the_metadata_says_what_an_index_shows(metadata):
    assert metadata["Name"] == "litellm-tiering"
    assert metadata["Requires-Python"] == ">=3.10"
    assert metadata["License"] == "MIT"
    assert "litellm_tiering" in metadata.get_payload() or "litellm-tiering" in metadata.get_payload()
    classifiers = metadata.get_all("Classifier")
    for version in ("3.10", "3.11", "3.12", "3.13"):
        assert f"Programming Language :: Python :: {version}" in classifiers
    assert metadata["Author"] is None
    assert metadata["Author-email"] is None


@pytest.mark.parametrize("bad", sorted(KNOWN_BAD))
def test_no_requirement_lets_a_compromised_litellm_in(metadata, bad):
    asked = [Requirement(line) for line in metadata.get_all("Requires-Dist")]
    litellm = [one for one in asked if one.name == "litellm"]
    assert len(litellm) == 3  # the plugin's own, `proxy` and `dev`
    assert not any(one.specifier.contains(bad) for one in litellm)
    assert all(one.specifier.contains("1.106.2") for one in litellm)
