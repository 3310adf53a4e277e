"""deploy/: what is copied into production is sound, and what would break it is caught."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import litellm
import pytest
import redis
import yaml
from litellm.proxy.proxy_cli import run_server

import litellm_tiering
from litellm_tiering.cli import main
from litellm_tiering.gateway import compat
from litellm_tiering.testing.redis import find_redis_server

ROOT = Path(__file__).resolve().parent.parent.parent
DEPLOY = ROOT / "deploy"
PAGES = [ROOT / "docs" / "how-to" / f"{name}.md" for name in ("deploy", "upgrade")]
CONFIG = DEPLOY / "config" / "config.yaml"
ENVIRONMENT = {
    "LITELLM_MASTER_KEY": "sk-test",
    "OPENAI_API_KEY": "test",
    "TIERING_MODE": "enforce",
    "TIERING_STORE": "redis://:test@redis:6379/0",
}

sys.path.insert(0, str(ROOT / "scripts"))  # programs beside each other, no package
import check_deploy  # noqa: E402 - found by the line above
import deploy_kubernetes  # noqa: E402
import deploy_tools  # noqa: E402


def text(name):
    return (DEPLOY / name).read_text(encoding="utf-8")


# ------------------------------------------------------------------ scripts/check_deploy.py


def judge(deploy, name):
    check = dict(check_deploy.checks(deploy))[name]
    try:
        return check()
    except deploy_tools.Absent as why:
        pytest.skip(str(why))


@pytest.mark.parametrize("name", [name for name, _ in check_deploy.checks(DEPLOY)])
def test_nothing_in_deploy_is_wrong(name):
    assert judge(DEPLOY, name) == []


def test_the_base_is_whole_without_kustomize_too():
    objects = deploy_tools.unrendered(DEPLOY)
    assert len(objects) >= 9
    assert deploy_kubernetes.problems(objects, deploy_tools.secret_keys(DEPLOY)) == []


COMPOSE, LITELLM, REDIS = "compose/compose.yaml", "kubernetes/base/litellm.yaml", "kubernetes/base/redis.yaml"
UNIT, RULES, HELM = "systemd/litellm.service", "prometheus/alerts.yml", "helm/values.yaml"
READ_ONLY = "secrets: [redis_password]\n    read_only: true"
STRUCTURE, BASE = "compose.yaml by structure", "kubernetes/base"
KUSTOMIZATION, IMAGES = "kubernetes/base/kustomization.yaml", "images have versions"


@pytest.mark.parametrize(
    ("name", "file", "old", "new", "said"),
    [
        (IMAGES, COMPOSE, "redis:7.4.11-bookworm", "redis:latest", "redis:latest"),
        (IMAGES, COMPOSE, "prom/prometheus:v3.13.1", "prom/prometheus", "prom/prometheus"),
        (IMAGES, HELM, "tag: 1.106.2-0.1.0", 'tag: ""', "litellm-tiering:"),
        (IMAGES, "docker/Dockerfile", "uv:0.10.9", "uv:latest", "uv:latest"),
        (IMAGES, KUSTOMIZATION, "newTag: 1", "newTag: main-latest.1", "latest"),
        ("no secrets", "compose/.env.example", "REDIS_PASSWORD=", "REDIS_PASSWORD=hunter2", "REDIS_PASSWORD"),
        ("no secrets", COMPOSE, "${OPENAI_API_KEY:?fill in .env}", "hunter2", "OPENAI_API_KEY"),
        ("no secrets", COMPOSE, ":${REDIS_PASSWORD:?fill in .env}@", ":hunter2@", "://:hunter2@"),
        ("no secrets", HELM, "api_key: os.environ/OPENAI_API_KEY", "api_key: hunter2", "api_key"),
        ("metrics exist", RULES, "tiering_store_up", "tiering_store_ok", "litellm_tiering_store_ok"),
        ("dashboards", "grafana/dashboards/litellm-tiering.json", '"expr": "m', '"no": "m', "no query"),
        ("Dockerfile", "docker/Dockerfile", "USER 65534:65534", "USER nobody", "nobody"),
        ("Dockerfile", "docker/Dockerfile", "COPY src src", "COPY source src", "source does not exist"),
        ("kustomizations", KUSTOMIZATION, "- redis.yaml", "- radish.yaml", "radish.yaml"),
        (STRUCTURE, COMPOSE, "../redis/redis.conf:", "../redis/gone.conf:", "gone.conf"),
        (STRUCTURE, COMPOSE, "    cap_drop: [ALL]\n", "", "keeps privileges"),
        (STRUCTURE, COMPOSE, '"127.0.0.1:9090:9090"', '"9090:9090"', "to everybody"),
        (STRUCTURE, COMPOSE, "secrets: [redis_password]", READ_ONLY, "cannot copy"),
        (STRUCTURE, COMPOSE, "networks: [edge, data, metrics]", "networks: [edge, date]", "date"),
        (STRUCTURE, "compose/.env.example", "GRAFANA_PASSWORD=", "", "GRAFANA_PASSWORD"),
        (BASE, LITELLM, "labels: {app.kubernetes.io/name: litellm}", "labels: {app: x}", "its own pods"),
        (BASE, LITELLM, "/health/liveliness, port: http}", "/health/liveliness, port: web}", "livenessProbe"),
        (BASE, LITELLM, "key: OPENAI_API_KEY", "key: OPENAI_KEY", "OPENAI_KEY"),
        (BASE, LITELLM, "configMap: {name: litellm-config}", "configMap: {name: lost}", "ConfigMap lost"),
        (BASE, LITELLM, "            requests: {cpu: 500m, memory: 1536Mi}\n", "", "no requests"),
        (BASE, LITELLM, "name: REDIS_PASSWORD\n", "name: REDIS_PASS\n", "before it is set"),
        (BASE, LITELLM, "scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: litellm}",
         "scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: other}", "Deployment other"),
        (BASE, REDIS, "serviceName: redis", "serviceName: store", "Service store"),
        (BASE, REDIS, "{name: data, mountPath: /data}", "{name: more, mountPath: /data}", "more"),
        ("Prometheus, by promtool", RULES, "for: 10m", "for: ten minutes", "ten minutes"),
        ("Prometheus, by promtool", RULES, ">= 0.95", ">= 1.95", "TieringBudgetNearCeiling"),
        ("units, by systemd-analyze", UNIT, "ProtectHome=yes", "ProtectHom=yes", "ProtectHom"),
    ],
)  # fmt: skip
def test_a_fault_is_found_and_named(tmp_path, name, file, old, new, said):
    copy = tmp_path / "deploy"
    shutil.copytree(DEPLOY, copy)
    before = (copy / file).read_text(encoding="utf-8")
    assert old in before
    (copy / file).write_text(before.replace(old, new), encoding="utf-8")
    found = judge(copy, name)
    assert any(said in problem for problem in found), found


def test_without_docker_compose_its_schema_judges(tmp_path, monkeypatch):
    (tmp_path / "schema.json").write_text('{"properties": {"services": {"maxProperties": 0}}}')
    monkeypatch.setenv("COMPOSE_SCHEMA", str(tmp_path / "schema.json"))
    (found,) = deploy_tools.compose_schema([DEPLOY / "compose" / "compose.yaml"])
    assert "$.services" in found


def test_the_program_exits_with_1_when_something_is_wrong(tmp_path, capsys):
    copy = tmp_path / "deploy"
    shutil.copytree(DEPLOY, copy)
    with (copy / "redis" / "start.sh").open("a") as script:
        script.write("if\n")
    (copy / "prometheus" / "alerts.yml").write_text("groups: [")
    assert check_deploy.main([str(copy)]) == 1
    said = capsys.readouterr().out
    assert "wrong    YAML parses" in said
    assert "wrong    shell scripts" in said


# ------------------------------------------------------------------ what it starts


def test_the_configuration_passes_check_without_a_warning(monkeypatch, capsys):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    assert main(["check", "--strict", "--config", str(CONFIG)]) == 0, capsys.readouterr().out


def test_its_models_are_in_litellms_price_map():
    for deployment in yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["model_list"]:
        assert litellm.get_model_info(deployment["litellm_params"]["model"])["input_cost_per_token"] > 0


def test_the_chart_is_given_the_same_configuration():
    assert yaml.safe_load(text(HELM))["proxy_config"] == yaml.safe_load(CONFIG.read_text(encoding="utf-8"))


def test_one_version_of_litellm_and_of_the_plugin_everywhere():
    (pinned,) = re.findall(r"^ARG LITELLM_VERSION=(\S+)", text("docker/Dockerfile"), re.MULTILINE)
    compat.check_version(pinned)
    built = f"{pinned}-{litellm_tiering.__version__}"
    named = [name for _, name in check_deploy.images(DEPLOY) if "litellm-tiering" in name]
    assert len(named) >= 4
    assert {name.split(":")[-1] for name in named} == {built}
    compose = yaml.safe_load(text(COMPOSE))["services"]["litellm"]
    assert compose["build"]["args"]["LITELLM_VERSION"] == pinned
    assert f"litellm-helm --version {pinned} " in text(HELM)


def commands():
    yield COMPOSE, yaml.safe_load(text(COMPOSE))["services"]["litellm"]["command"]
    deployment = next(d for d in yaml.safe_load_all(text(LITELLM)) if d["kind"] == "Deployment")
    yield LITELLM, deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    unit = text(UNIT).replace("\\\n", " ")
    yield UNIT, re.search(r"^ExecStart=(.+)", unit, re.MULTILINE)[1].split()


@pytest.mark.parametrize("words", [pytest.param(words, id=file) for file, words in commands()])
def test_litellm_knows_the_options_it_is_started_with(words):
    known = {option for parameter in run_server.params for option in parameter.opts}
    asked = {word.split("=")[0] for word in words if word.startswith("--")}
    assert asked
    assert asked <= known


# ------------------------------------------------------------------ Redis


@pytest.fixture
def start(tmp_path):
    """Starts deploy/redis/start.sh on a socket, waits until Redis is ready, and ends it afterwards."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "redis-server").symlink_to(find_redis_server())
    (tmp_path / "password").write_text("hunter2\n")
    config = text("redis/redis.conf").replace("dir /data", f"dir {tmp_path}")
    (tmp_path / "given.conf").write_text(config)
    running = []

    def _start(**environment):
        process = subprocess.Popen(
            [
                "sh",
                DEPLOY / "redis" / "start.sh",
                "--port",
                "0",
                "--unixsocket",
                "s",
                "--set-proc-title",
                "no",
            ],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
                "REDIS_PASSWORD_FILE": str(tmp_path / "password"),
                "REDIS_CONFIG": str(tmp_path / "given.conf"),
                "REDIS_DATA": str(tmp_path),
                **environment,
            },
        )
        running.append(process)
        said = []
        for line in process.stdout:
            said.append(line)
            if "eady to accept connections" in line:
                client = redis.Redis(unix_socket_path=str(tmp_path / "s"), password="hunter2")
                return process, client
        pytest.fail("".join(said))

    yield _start
    for process in running:
        process.terminate()
        process.wait()
        process.stdout.close()


def test_redis_asks_for_the_password_and_shows_it_to_nobody(start, tmp_path):
    process, client = start()
    with client, redis.Redis(unix_socket_path=str(tmp_path / "s")) as stranger:
        assert client.ping()
        with pytest.raises(redis.AuthenticationError):
            stranger.ping()
    # Redis writes over its command line soon after its start; here it is told not to.
    shown = subprocess.run(
        ["ps", "-ww", "-o", "args=", "-p", str(process.pid)], capture_output=True, check=True
    )
    assert b"redis-server" in shown.stdout
    assert b"hunter2" not in shown.stdout


def test_redis_evicts_nothing_and_keeps_what_it_took(start):
    process, client = start()
    with client:
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
        assert client.config_get("appendonly")["appendonly"] == "yes"
        client.set("spent", 7)
    process.terminate()
    process.wait()
    _, client = start()
    with client:
        assert client.get("spent") == b"7"


def test_a_replica_keeps_the_role_that_sentinel_gave_it(start):
    process, client = start(REPLICATED="yes", REPLICA_OF="127.0.0.1")
    with client:
        assert client.info("replication")["role"] == "slave"
        # What Sentinel does to the replica that it makes the master.
        client.replicaof("NO", "ONE")
        client.config_rewrite()
    process.terminate()
    process.wait()
    _, client = start(REPLICATED="yes", REPLICA_OF="127.0.0.1")
    with client:
        assert client.info("replication")["role"] == "master"


# ------------------------------------------------------------------ the pages


@pytest.mark.parametrize("page", [pytest.param(p, id=p.name) for p in PAGES])
def test_pages_name_files_that_exist(page):
    named = set(
        re.findall(r"\b(?:deploy|scripts|litellm_config)/[\w./-]*\w", page.read_text(encoding="utf-8"))
    )
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_alerts_page_and_the_alerts_agree():
    alerts = set(re.findall(r"- alert: (\w+)", text(RULES)))
    told = set(re.findall(r"^\| `(\w+)`", PAGES[0].read_text(encoding="utf-8"), re.MULTILINE))
    assert alerts <= told


def test_rolling_back_is_one_line_of_the_configuration():
    without = [
        line for line in CONFIG.read_text(encoding="utf-8").splitlines() if "plugin.handler" not in line
    ]
    left = yaml.safe_load("\n".join(without))
    assert left["litellm_settings"]["callbacks"] == ["prometheus"]
    # The virtual name still works then: LiteLLM itself sends it to the dearest tier.
    groups = {deployment["model_name"] for deployment in left["model_list"]}
    assert left["router_settings"]["model_group_alias"]["auto"] in groups
