"""`stillhouse doctor` before a real installation on which runs succeed."""

from collections.abc import Callable
from typing import Any

import pytest
from cluster_runs import Runs

pytestmark = pytest.mark.cluster

LEFT_OVER = "app.kubernetes.io/component=doctor"

Lines = dict[str, tuple[str, str]]
"""Level and sentence by check."""
Doctor = Callable[..., tuple[int, Lines]]


@pytest.fixture
def doctor(runs: Runs) -> Doctor:
    """Exit code and lines of the command, with some options replaced."""

    def run(**options: str) -> tuple[int, Lines]:
        flags = [text for name, value in options.items() for text in (f"--{name.replace('_', '-')}", value)]
        done = runs.stillhouse("doctor", "spam", *flags)
        lines = [(line[:12].strip(), line[13:28].strip(), line[29:]) for line in done.stdout.splitlines()]
        return done.returncode, {check: (level, text) for level, check, text in lines}

    return run


def failures(lines: Lines) -> dict[str, str]:
    """The sentences of the checks that failed."""
    return {check: text for check, (level, text) in lines.items() if level == "failure"}


def test_where_runs_succeed_nothing_fails_and_no_pod_is_left(doctor: Doctor, runs: Runs) -> None:
    code, lines = doctor()
    assert (failures(lines), code) == ({}, 0)
    well = ("light image", "training image", "credentials", "store", "MLflow", "admission", "nodes")
    assert {check: lines[check][0] for check in well} == dict.fromkeys(well, "ok")
    left: Any = runs.cluster.core.list_pod_for_all_namespaces(label_selector=LEFT_OVER)
    assert [pod.metadata.name for pod in left.items if not pod.metadata.deletion_timestamp] == []


FAULTS = [
    ({"s3_secret": "no-such-secret"}, "Secrets", "There is no Secret 'no-such-secret': make it in the namespace"),
    ({"store": "s3://no-such-bucket-of-stillhouse"}, "store", "the bucket does not exist; make it or correct the URL."),
    (
        {"namespace": "no-such-namespace"},
        "namespace",
        "There is no namespace 'no-such-namespace'; correct --namespace.",
    ),
    ({"hardware": "gpus-64"}, "nodes", "No node offers 64 nvidia.com/gpu with 512 CPUs and 2048 GiB; the largest"),
    ({"service_account": "nobody"}, "account", "There is no service account 'nobody' in"),
    ({"mlflow_uri": "http://127.0.0.1:1"}, "MLflow", "Connection refused); check --mlflow-uri"),
]


@pytest.mark.parametrize(("options", "check", "sentence"), FAULTS, ids=[fault[1] for fault in FAULTS])
def test_one_fault_is_one_failure_that_says_so(
    doctor: Doctor, options: dict[str, str], check: str, sentence: str
) -> None:
    code, lines = doctor(**options)
    failed = failures(lines)
    assert (list(failed), code) == ([check], 1)
    assert sentence in failed[check]


def test_an_image_that_is_not_there_is_told_in_the_kubelets_words(doctor: Doctor, runs: Runs) -> None:
    registry = runs.options["light_image"].rpartition("/")[0]
    _, lines = doctor(light_image=f"{registry}/no-such-image:1")
    failed = failures(lines)
    assert list(failed) == ["light image"]
    assert f"{registry}/no-such-image:1: not found; correct the image" in failed["light image"]


def test_an_endpoint_where_nobody_answers_hides_nothing_of_kubernetes(doctor: Doctor) -> None:
    code, lines = doctor(endpoint="http://127.0.0.1:1")
    assert (list(failures(lines)), code) == (["KFP"], 1)
    assert lines["store"][0] == "ok"
