"""What `watch` and `logs` say of real pods. One small pipeline waits for all that a pod can wait for, at once."""

import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from cluster_runs import Runs
from kfp import compiler, dsl, kubernetes

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

LIMIT = 90
"""Seconds of the run that never ends by itself."""
IMPOSSIBLE = 4096
SAID = "token=abcdefgh12345678abcd and no secret"


def idle() -> None:
    """Does nothing."""


def speak(text: str) -> None:
    """Says `text`."""
    print(text)  # noqa: T201


def start(runs: Runs, pipeline: Any, folder: Path) -> str:
    """Start a pipeline that is no recipe, and return the run's id."""
    path = folder / "pipeline.yaml"
    compiler.Compiler().compile(pipeline, str(path))
    name = f"watch-{time.time_ns()}"
    with runs.cluster.speaking():
        return runs.cluster.client.create_run_from_pipeline_package(str(path), run_name=name).run_id


def said(done: subprocess.CompletedProcess[str]) -> dict[str, list[str]]:
    """Lines of `watch` by step."""
    found: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        step, _, what = line.partition(": ")
        found.setdefault(step, []).append(what)
    return found


@pytest.fixture(scope="module")
def image(runs: Runs) -> str:
    """An image that the nodes have, and its registry refuses without a password."""
    return runs.options["light_image"]


@pytest.fixture(scope="module")
def stuck(runs: Runs, image: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What `watch` said of a run whose steps cannot start, until its limit ended it."""
    component: Any = dsl.component(base_image=image, install_kfp_package=False)(idle)

    @dsl.pipeline(name="stillhouse-stuck", pipeline_config=dsl.PipelineConfig(active_deadline_seconds=LIMIT))
    def pipeline() -> None:
        refused = component().set_container_image(f"{image.rpartition('/')[0]}/never-pushed:1")
        kubernetes.set_image_pull_secrets(refused, ["no-such-pull-secret"])
        huge = component().set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(IMPOSSIBLE)
        for task in (refused, huge):
            task.set_caching_options(False)

    done = runs.stillhouse("watch", start(runs, pipeline, tmp_path_factory.mktemp("stuck")), "--gpu-price", "2 EUR")
    assert done.returncode == 1, done.stderr
    return said(done)


@pytest.fixture(scope="module")
def spoken(runs: Runs, image: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run with one step that says something."""
    component: Any = dsl.component(base_image=image, install_kfp_package=False)(speak)

    @dsl.pipeline(name="stillhouse-speak")
    def pipeline() -> None:
        task = component(text=SAID).set_caching_options(False)
        kubernetes.set_image_pull_secrets(task, [runs.options["pull_secret"]])

    return start(runs, pipeline, tmp_path_factory.mktemp("spoken"))


def test_a_missing_pull_secret_is_one_sentence(stuck: dict[str, list[str]]) -> None:
    assert [line for line in stuck["idle"] if "there is no Secret 'no-such-pull-secret' to pull" in line]


def test_a_gpu_request_that_no_node_can_meet_says_why(stuck: dict[str, list[str]]) -> None:
    (line,) = [line for line in stuck["idle-2"] if line.startswith("queued, no node has")]
    assert f"no node has {IMPOSSIBLE} nvidia.com/gpu" in line
    assert "nodes are available" in line


def test_the_runs_limit_ends_the_wait_and_the_reason_stays(stuck: dict[str, list[str]]) -> None:
    (line,) = stuck["failed"]
    assert line.startswith(f"the whole run took longer than its --run-limit of {LIMIT} s")
    assert "queued: no node has" in line
    assert "blocked: there is no Secret" in line


def test_a_run_that_succeeds_is_watched_to_its_end(runs: Runs, spoken: str) -> None:
    done = runs.stillhouse("watch", spoken)
    assert done.returncode == 0, done.stderr
    assert said(done)["speak"][-1].startswith("done")


def test_logs_follow_a_step_from_before_its_pod_and_hide_secrets(runs: Runs, spoken: str) -> None:
    done = runs.stillhouse("logs", spoken, "speak", "--follow")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("==> speak, pod 1 of 1: ")
    assert "token=[redacted] and no secret" in done.stdout.splitlines()


def test_the_log_of_a_pod_that_is_gone_comes_from_what_argo_has_kept(runs: Runs, spoken: str) -> None:
    runs.end(spoken)
    runs.cluster.core.delete_collection_namespaced_pod(
        runs.cluster.namespace, label_selector=f"pipeline/runid={spoken}"
    )
    done = runs.stillhouse("logs", spoken, "speak")
    assert "token=[redacted] and no secret" in done.stdout.splitlines(), done.stderr


def test_an_unknown_step_is_answered_with_the_steps_there_are(runs: Runs, spoken: str) -> None:
    done = runs.stillhouse("logs", spoken, "speek")
    assert done.returncode == 2
    assert done.stderr == "The run has no step 'speek'; its steps are: speak.\n"
