import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kubeconfig import write_kubeconfig
from tests.unit.pipelines.doctor.visits import OPTIONS, Diagnose
from tests.unit.pipelines.doctor.visits import RECIPE as SPAM
from tests.unit.pipelines.stand_in import StandIn

from stillhouse.components.probe.finding import Finding
from stillhouse.pipelines.compiling.options import ClusterOptions
from stillhouse.pipelines.doctor import probe_pod as probing
from stillhouse.pipelines.doctor.check import begin_visit
from stillhouse.pipelines.doctor.run_checks import diagnose
from stillhouse.pipelines.recipes.recipe import Recipe

DATA = Path(__file__).parent / "data"

RECIPE = """\
name: reviews
data:
  source: reviews.csv
  columns:
    text: [title, body]
    label: stars
finetune:
  loop:
    epochs: 2
"""


@pytest.fixture
def write_recipe(tmp_path: Path) -> Callable[..., Path]:
    """Writes a recipe, with pairs of lines replaced, beside a table it fits."""

    def write(*replacements: tuple[str, str], text: str = RECIPE) -> Path:
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "reviews.csv").write_text("title,body,stars\nGood,I like it,5\n")
        path = tmp_path / "reviews.yaml"
        path.write_text(text)
        return path

    return write


class Recorded:
    """Objects of a real cluster (Kubernetes 1.34, Argo 4.0.5, KFP 2.17.0), taken while runs met each of these fates.

    Fields that nobody looks at were dropped and the registries' addresses changed.
    """

    def pod(self, fate: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """A pod and its events."""
        case = json.loads((DATA / "pods.json").read_text())[fate]
        return case["pod"], case["events"]

    def workflow(self, fate: str) -> str:
        """Argo's document of a run, as KFP's v1 API hands it out."""
        return json.dumps(json.loads((DATA / "workflows.json").read_text())[fate])

    def node(self, name: str, *, ready: str = "True") -> dict[str, Any]:
        """A node with four GPUs, as far as it is looked at."""
        condition = {"type": "Ready", "status": ready, "lastTransitionTime": "2026-11-22T21:50:00Z"}
        return {
            "metadata": {"name": name},
            "status": {"allocatable": {"nvidia.com/gpu": "4"}, "conditions": [condition]},
        }


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[StandIn]:
    """An installation where all is well, and the kubeconfig that leads to it."""
    started = StandIn()
    write_kubeconfig(tmp_path / "kubeconfig", started.url, "a-token-of-ann")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "kubeconfig"))
    monkeypatch.setattr("kubernetes.config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "kubeconfig"))
    monkeypatch.setattr("kfp.Client._LOCAL_KFP_CONTEXT", str(tmp_path / "no-context"))
    for name in ("ENDPOINT", "NAMESPACE", "TOKEN", "SA_TOKEN_PATH"):
        monkeypatch.delenv(f"KF_PIPELINES_{name}", raising=False)
    monkeypatch.delenv("STILLHOUSE_OPTIONS", raising=False)
    monkeypatch.setattr(probing, "POLL_SECONDS", 0.01)
    yield started
    started.stop()


@pytest.fixture
def look(installed: StandIn) -> Diagnose:
    """All findings by their check, with some options replaced."""

    def diagnosed(recipe: Recipe = SPAM, namespace: str = "", **options: Any) -> dict[str, Finding]:
        visit = begin_visit(recipe, ClusterOptions(**OPTIONS | options), installed.url, namespace, "")
        return {finding.check: finding for finding in diagnose(visit)}

    return diagnosed
