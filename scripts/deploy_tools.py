"""Asks the tools that judge deployment files, where they are installed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import deploy_kubernetes
import yaml
from jsonschema import Draft7Validator

if TYPE_CHECKING:
    from collections.abc import Sequence

_LIMIT_S = 60
_KUBERNETES = "1.33"  # the oldest that is supported upstream; the schemas know `preStop.sleep`


class Absent(Exception):
    """A tool is not installed here."""


def _which(*names: str) -> str:
    """The first of these programs that is there.

    Raises:
        Absent: none is.
    """
    for name in names:
        # A program that is not on PATH may be named in the environment: PROMTOOL=/opt/prometheus/promtool
        found = os.environ.get(name.upper().replace("-", "_")) or shutil.which(name)
        if found:
            return found
    raise Absent(f"{' or '.join(names)} is not installed")


def _run(*command: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> tuple[int, str]:
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=_LIMIT_S
    )
    return done.returncode, (done.stdout + done.stderr).strip()


def docker_compose(deploy: Path, files: Sequence[str]) -> list[str]:
    """What `docker compose config` says of these files laid over each other; without it, Compose's schema."""
    folder = deploy / "compose"
    docker = shutil.which("docker")
    if docker is None or _run(docker, "compose", "version")[0]:
        return compose_schema([folder / name for name in files])
    names = re.findall(r"^(\w+)=", (folder / ".env.example").read_text(encoding="utf-8"), re.MULTILINE)
    chosen = [word for name in files for word in ("-f", name)]
    env = {**os.environ, **dict.fromkeys(names, "x")}
    code, said = _run(docker, "compose", *chosen, "config", "--quiet", cwd=folder, env=env)
    return [said] if code or said else []


def compose_schema(files: Sequence[Path]) -> list[str]:
    """What is wrong by the Compose specification's JSON schema, which COMPOSE_SCHEMA names.

    Raises:
        Absent: it names none.
    """
    named = os.environ.get("COMPOSE_SCHEMA")
    if not named:
        raise Absent("docker compose is not installed, and COMPOSE_SCHEMA names no compose-spec.json")
    judge = Draft7Validator(json.loads(Path(named).read_text(encoding="utf-8")))
    return [
        f"{path.name}: {error.json_path}: {error.message}"
        for path in files
        for error in judge.iter_errors(yaml.safe_load(path.read_text(encoding="utf-8")))
    ]


def render(deploy: Path, overlay: str) -> list[dict[str, Any]]:
    """The objects of an overlay, as kustomize makes them.

    Raises:
        Absent: there is neither kustomize nor kubectl.
    """
    program = _which("kustomize", "kubectl")
    verb = "build" if Path(program).name.startswith("kustomize") else "kustomize"
    code, said = _run(program, verb, str(deploy / "kubernetes" / overlay))
    if code:
        raise ValueError(said)
    return [d for d in yaml.safe_load_all(said) if d]


def unrendered(deploy: Path) -> list[dict[str, Any]]:
    """The objects of the base without kustomize: its files, and the ConfigMaps it would generate, by name."""
    base = deploy / "kubernetes" / "base"
    objects: list[dict[str, Any]] = []
    for name in yaml.safe_load((base / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]:
        target = base / name
        if target.is_file():
            objects += [d for d in yaml.safe_load_all(target.read_text(encoding="utf-8")) if d]
            continue
        below = yaml.safe_load((target / "kustomization.yaml").read_text(encoding="utf-8"))
        objects += [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": generator["name"]}}
            for generator in below["configMapGenerator"]
        ]
    return objects


def kubernetes(deploy: Path, overlay: str) -> list[str]:
    """What is wrong with an overlay's objects: how they hang together, and by their schema if one is here."""
    try:
        objects = render(deploy, overlay)
    except Absent:
        if overlay != "base":
            raise
        objects = unrendered(deploy)
    except ValueError as error:
        return [str(error)]
    return [*deploy_kubernetes.problems(objects, secret_keys(deploy)), *schema_problems(objects)]


def secret_keys(deploy: Path) -> set[str]:
    """What the Secret must hold, by its example."""
    text = (deploy / "kubernetes" / "base" / "secret.env.example").read_text(encoding="utf-8")
    return set(re.findall(r"^(\w+)=", text, re.MULTILINE))


def schema_problems(objects: Sequence[dict[str, Any]]) -> list[str]:
    """By kubeconform, else by kubernetes-validate, which carries the schemas; nothing where neither is."""
    if shutil.which("kubeconform"):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            yaml.safe_dump_all(objects, file)
            file.flush()
            code, said = _run("kubeconform", "-strict", "-summary", file.name)
        return [said] if code else []
    if find_spec("kubernetes_validate") is None:
        return []
    validate: Any = import_module("kubernetes_validate")
    return [
        f"{one['kind']} {one['metadata']['name']}: {error}"
        for one in objects
        if (error := _error(validate, one))
    ]


def _error(validate: Any, one: dict[str, Any]) -> str:  # noqa: ANN401 - a module that may not be there
    try:
        validate.validate(one, _KUBERNETES, strict=True)
    except validate.ValidationError as error:
        return str(error.message)
    return ""


def promtool(deploy: Path) -> list[str]:
    """What promtool says of the configuration, of the rules, and of the rules' tests."""
    program, folder = _which("promtool"), deploy / "prometheus"
    asked = [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "alerts.yml"),
        ("test", "rules", "alerts.test.yml"),
    ]
    answers = [_run(program, *words, cwd=folder) for words in asked]
    return [said for code, said in answers if code]


def systemd(deploy: Path) -> list[str]:
    """What systemd-analyze says of the units, in a root of their own where their programs exist."""
    program, units = _which("systemd-analyze"), Path("/usr/lib/systemd/system")
    if not (units / "sysinit.target").exists():
        raise Absent("systemd's own units are not installed")
    found = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copytree(units, root / "usr/lib/systemd/system", symlinks=True)
        theirs = root / "etc/systemd/system"
        shutil.copytree(deploy / "systemd", theirs)
        for path in (p for p in theirs.rglob("*") if p.is_file()):
            text = path.read_text(encoding="utf-8")
            for command in re.findall(r"^Exec\w+=(/\S+)", text, re.MULTILINE):
                stand_in = root / command.lstrip("/")
                stand_in.parent.mkdir(parents=True, exist_ok=True)
                stand_in.write_text("#!/bin/sh\n")
                stand_in.chmod(0o755)
        for unit in ("litellm.service", "redis-server.service"):
            if (theirs / unit).exists() or (units / unit).exists():
                code, said = _run(program, "verify", f"--root={root}", unit)
                # An unknown key is a warning to systemd, which leaves it out; here it is a mistake.
                found += [said] if code or str(theirs) in said else []
    return found


def shell(deploy: Path) -> list[str]:
    """What sh says of the scripts without running them, and shellcheck where it is there."""
    found = []
    for script in sorted(deploy.rglob("*.sh")):
        code, said = _run("sh", "-n", str(script))
        if not code and shutil.which("shellcheck"):
            code, said = _run("shellcheck", str(script))
        found += [said] if code else []
    return found
