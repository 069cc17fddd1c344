"""deploy/kubernetes/: manifests that Kubernetes accepts, and that fit together and to the services."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from django.test import Client

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "deploy/kubernetes"
FILES = [each for each in sorted(FOLDER.glob("*/*.yaml")) if each.name != "kustomization.yaml"]
MANIFESTS: list[dict[str, Any]] = [each for file in FILES for each in yaml.safe_load_all(file.read_text())]
NAMES = [f"{each['kind']} {each['metadata']['name']}" for each in MANIFESTS]
STEPS = {name: yaml.safe_load((FOLDER / name / "kustomization.yaml").read_text()) for name in ("migrate", "services")}
SETTINGS = yaml.safe_load((FOLDER / "settings/kustomization.yaml").read_text())


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    """The name and the pod template of each manifest that has one."""
    for manifest in MANIFESTS:
        spec = manifest["spec"]
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        if "template" in spec:
            yield manifest["metadata"]["name"], spec["template"]


PODS = dict(pods())


@pytest.mark.parametrize("version", ["1.31", "1.37"])
@pytest.mark.parametrize("manifest", MANIFESTS, ids=NAMES)
def test_kubernetes_accepts_it(manifest: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


def test_each_file_is_part_of_a_step() -> None:
    listed = {FOLDER / step / name for step, kustomization in STEPS.items() for name in kustomization["resources"]}
    assert listed == set(FILES)
    assert all(each["components"] == ["../settings"] for each in STEPS.values())


@pytest.mark.parametrize("name", PODS)
def test_it_runs_the_image_with_the_shared_settings_and_no_privileges(name: str) -> None:
    spec = PODS[name]["spec"]
    assert spec["securityContext"]["runAsUser"] == 10001  # as in docker/Dockerfile
    for container in (*spec["containers"], *spec.get("initContainers", [])):
        assert container["image"] == SETTINGS["images"][0]["name"]
        assert container["envFrom"] == [{"configMapRef": {"name": "shop"}}, {"secretRef": {"name": "shop"}}]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]
        assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("name", ["recommender", "ad-provider"])
def test_a_sidecar_refreshes_the_standby_that_the_service_reads(name: str) -> None:
    (service,), (sidecar,) = PODS[name]["spec"]["containers"], PODS[name]["spec"]["initContainers"]
    assert sidecar["restartPolicy"] == "Always"
    assert sidecar["command"] == ["python", "manage_recommender.py", "refresh_standby", "--every=900"]
    (standby,) = sidecar["env"]
    assert standby == {"name": "STANDBY_URL", "value": "sqlite:////standby/shop.sqlite3"}
    for container in (service, sidecar):
        assert standby in container["env"]
        assert {"name": "standby", "mountPath": "/standby"} in container["volumeMounts"]


@pytest.mark.parametrize("name", ["recommender", "ad-provider"])
def test_what_belongs_to_a_service_selects_its_pods(name: str) -> None:
    labels = PODS[name]["metadata"]["labels"]
    own = {each["kind"]: each for each in MANIFESTS if each["metadata"]["name"] == name}
    kind = "Deployment" if name == "recommender" else "StatefulSet"
    assert set(own) == {kind, "Service", "PodDisruptionBudget", "HorizontalPodAutoscaler"}
    assert own[kind]["spec"]["selector"]["matchLabels"] == labels
    assert own["Service"]["spec"]["selector"] == labels
    assert own["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    target = own["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == (kind, name)
    (container,) = PODS[name]["spec"]["containers"]
    port = container["ports"][0]["containerPort"]
    assert container["command"] == ["gunicorn", f"--bind=0.0.0.0:{port}", f"{name.replace('-', '_')}_site.wsgi"]
    assert own["Service"]["spec"]["ports"][0]["port"] == port


def test_no_autoscaler_removes_a_pod_whose_volume_may_hold_clicks() -> None:
    scalers = {each["metadata"]["name"]: each for each in MANIFESTS if each["kind"] == "HorizontalPodAutoscaler"}
    for manifest in MANIFESTS:
        if "volumeClaimTemplates" in manifest["spec"]:
            behavior = scalers.pop(manifest["metadata"]["name"])["spec"]["behavior"]
            assert behavior == {"scaleDown": {"selectPolicy": "Disabled"}}
    assert list(scalers) == ["recommender"]


@pytest.mark.parametrize("name", ["recommender", "ad-provider"])
def test_the_probes_exist(client: Client, name: str) -> None:
    (container,) = PODS[name]["spec"]["containers"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert client.get(container[probe]["httpGet"]["path"]).status_code == 200


@pytest.mark.parametrize("name", ["build-recommendations", "rollup", "reconcile"])
def test_the_jobs_call_commands_that_exist(name: str) -> None:
    program, project, command, *options = PODS[name]["spec"]["containers"][0]["command"]
    assert (program, (ROOT / project).exists()) == ("python", True)
    settings = f"{project.removeprefix('manage_').removesuffix('.py')}_site.settings"
    script = "import sys, django; django.setup(); from django.core.management import load_command_class, get_commands;"
    script += (
        f"load_command_class(get_commands()[{command!r}], {command!r}).create_parser('', '').parse_args({options})"
    )
    env = os.environ | {"DJANGO_SETTINGS_MODULE": settings}
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=env).returncode == 0


# Python imports a module of this name first. It refuses writes to the code, as the image does: the code belongs to root
# and the file system is read-only. Tests may run as root, whom permissions do not stop.
READ_ONLY = f"""
import errno, os, sys
def refuse(event, arguments):
    writes = event == "mkdir" or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    if writes and isinstance(arguments[0], str) and os.path.realpath(arguments[0]).startswith({str(ROOT)!r} + os.sep):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), arguments[0])
sys.addaudithook(lambda event, arguments: refuse(event.removeprefix("os."), arguments))
"""


@pytest.mark.slow
def test_each_pod_starts_with_its_own_environment_where_the_code_is_read_only(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(READ_ONLY)
    secret = {"SECRET_KEY": "k" * 40, "DATABASE_URL": f"sqlite:///{tmp_path}/shop.sqlite3", "REDIS_URL": ""}
    literals = SETTINGS["configMapGenerator"][0]["literals"]
    shared = dict(literal.split("=", 1) for literal in literals) | secret
    programs = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    shared |= {"PATH": programs, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    refused = subprocess.run(["python", "-c", "open('x', 'w')"], cwd=ROOT, env=shared, capture_output=True, text=True)
    assert "Read-only file system" in refused.stderr
    for name in sorted(PODS, key=lambda name: name != "shop-migrate"):  # the first step first
        (container,) = PODS[name]["spec"]["containers"]
        folders = {each["mountPath"]: tmp_path / name / each["name"] for each in container["volumeMounts"]}
        for folder in folders.values():
            folder.mkdir(parents=True)
        own = {each["name"]: each["value"] for each in container.get("env", [])}
        for path, folder in folders.items():
            own = {variable: value.replace(path, str(folder)) for variable, value in own.items()}
        # gunicorn loads the service and ends; the jobs run.
        command = container["command"] + (["--check-config"] if container["command"][0] == "gunicorn" else [])
        env = shared | {"TMPDIR": str(folders["/tmp"])} | own
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
        assert (name, done.returncode, done.stderr) == (name, 0, "")


def test_the_settings_are_settings() -> None:
    documented = (ROOT / "docs/operations.md").read_text()
    for literal in SETTINGS["configMapGenerator"][0]["literals"]:
        name, _, value = literal.partition("=")
        assert f"| `{name}` |" in documented
        assert value
