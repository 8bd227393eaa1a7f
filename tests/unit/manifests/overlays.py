"""The manifests, and what stands in them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MANIFESTS = Path(__file__).parents[3] / "manifests"
OVERLAYS = ("dev", "production", "everything")
"""The last is production with all that stands behind a "#" there."""
PROGRAMS = Path(sys.executable).parent
KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "hush"}

Objects = list[dict[str, Any]]


def copy_manifests(to: Path) -> Path:
    """A copy of the manifests without Secrets, with the overlay `everything`."""
    copy = shutil.copytree(MANIFESTS, to, ignore=shutil.ignore_patterns("secrets"))
    everything = shutil.copytree(copy / "overlays" / "production", copy / "overlays" / "everything")
    for part in ("runs", "mlflow"):
        file = everything / part / "kustomization.yaml"
        file.write_text(file.read_text().replace("# - ../../../components/", "- ../../../components/"))
    return copy


def build(manifests: Path, overlay: str) -> str:
    """What `kubectl apply` would send for an overlay of that copy of the manifests, whose Secrets are made."""
    command = [PROGRAMS / "kubectl", "kustomize", manifests / "overlays" / overlay]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def make_secrets(manifests: Path, keys: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the dev overlay's script of that copy of the manifests."""
    script = manifests / "overlays" / "dev" / "make-secrets"
    return subprocess.run([script], env={"PATH": os.environ["PATH"], **keys}, capture_output=True, text=True)


def pods(objects: Objects) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Name, metadata and spec of every pod template, those inside custom resources too."""
    for item in objects:
        name, spec = f"{item['kind']}/{item['metadata']['name']}", item.get("spec", {})
        if item["kind"] in ("Deployment", "StatefulSet", "Job"):
            yield name, spec["template"]["metadata"], spec["template"]["spec"]
        elif item["kind"] == "CronJob":
            template = spec["jobTemplate"]["spec"]["template"]
            yield name, template["metadata"], template["spec"]
        elif item["kind"] == "TrainingRuntime":
            for job in spec["template"]["spec"]["replicatedJobs"]:
                template = job["template"]["spec"]["template"]
                yield name, template["metadata"], template["spec"]


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """A pod's containers, those that run first too."""
    return [*pod.get("initContainers", []), *pod["containers"]]
