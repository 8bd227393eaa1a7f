"""What the pods of the GPU steps are given, and what happens when there is no GPU left."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster_runs import Runs
from kubernetes.utils.quantity import parse_quantity

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3600)]

Small = Callable[..., Path]
GPU = "nvidia.com/gpu"
RESTRICTED = {
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""What a namespace under Pod Security `restricted` asks of a container."""
WAITS = "queued, 0/2 nodes are available: 2 Insufficient nvidia.com/gpu"
HARDWARE = """\
gpu_count: {count}
cpu: "1"
memory: 5Gi
shared_memory: 600Mi
tolerations: [{{key: nvidia.com/gpu, effect: NoSchedule}}]
node_selector: {{kubernetes.io/os: linux}}
"""


@pytest.fixture(scope="module", params=[1, 2], ids=["one GPU", "two GPUs"])
def trained(
    request: pytest.FixtureRequest, runs: Runs, write_small: Callable[..., Path], tmp_path_factory: Any
) -> tuple[int, Any]:
    """The number of GPUs that a run asked for, and its pod that fine-tuned."""
    folder = tmp_path_factory.mktemp("hardware")
    (folder / "gpus.yaml").write_text(HARDWARE.format(count=request.param))
    run = runs.submit(write_small(folder, "hardware"), "--hardware", folder / "gpus.yaml")
    assert runs.end(run) == "SUCCEEDED"
    (pod,) = runs.pods(run, "finetune")
    return request.param, pod


def main(pod: Any) -> Any:
    return next(container for container in pod.spec.containers if container.name == "main")


def test_the_pod_has_its_gpus_and_limits(trained: tuple[int, Any]) -> None:
    count, pod = trained
    limits = main(pod).resources.limits
    assert (limits[GPU], limits["cpu"], parse_quantity(limits["memory"])) == (str(count), "1", 5 * 2**30)


def test_the_pod_may_go_to_gpu_nodes_and_only_where_it_was_sent(trained: tuple[int, Any]) -> None:
    _, pod = trained
    assert (GPU, "NoSchedule") in [(one.key, one.effect) for one in pod.spec.tolerations]
    assert pod.spec.node_selector == {"kubernetes.io/os": "linux"}


def test_the_pod_has_shared_memory(trained: tuple[int, Any]) -> None:
    _, pod = trained
    name = next(mount.name for mount in main(pod).volume_mounts if mount.mount_path == "/dev/shm")
    volume = next(volume for volume in pod.spec.volumes if volume.name == name)
    assert (volume.empty_dir.medium, parse_quantity(volume.empty_dir.size_limit)) == ("Memory", 600 * 2**20)


def test_as_many_processes_train_as_there_are_gpus(runs: Runs, trained: tuple[int, Any]) -> None:
    count, pod = trained
    assert ("finetune trains in 2 processes" in runs.log(pod)) == (count == 2)


@pytest.fixture
def full(runs: Runs) -> Iterator[Callable[[], None]]:
    """All GPUs of all nodes are taken; call it to give them back."""
    core, namespace = runs.cluster.core, runs.cluster.namespace
    nodes: Any = core.list_node()
    names = []
    for node in nodes.items:
        name, count = f"stillhouse-test-full-{node.metadata.name}", node.status.allocatable[GPU]
        container = {
            "name": "main",
            "image": runs.options["light_image"],
            "command": ["sleep", "3600"],
            "resources": {"limits": {GPU: count}},
            "securityContext": RESTRICTED,
        }
        spec = {
            "nodeName": node.metadata.name,
            "containers": [container],
            "terminationGracePeriodSeconds": 0,
            "imagePullSecrets": [{"name": runs.options["pull_secret"]}],
        }
        core.create_namespaced_pod(namespace, {"metadata": {"name": name}, "spec": spec})
        names.append(name)

    def give_back() -> None:
        while names:
            core.delete_namespaced_pod(names.pop(), namespace)

    yield give_back
    give_back()


def test_with_every_gpu_taken_a_run_waits_says_why_and_goes_on(
    runs: Runs, small: Small, full: Callable[[], None], tmp_path: Path
) -> None:
    (tmp_path / "gpus.yaml").write_text(HARDWARE.format(count=1))
    run = runs.submit(small("waiting"), "--hardware", tmp_path / "gpus.yaml")
    runs.until(lambda: runs.pods(run, "finetune"), 10)
    with runs.watching(run) as lines:
        runs.until(
            lambda: any("queued, 0/2 nodes are available: 2 Insufficient nvidia.com/gpu" in line for line in lines), 2
        )
        full()
        assert runs.end(run) == "SUCCEEDED"
