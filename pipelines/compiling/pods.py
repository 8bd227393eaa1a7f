"""What the pods of a run are given on a cluster: hardware, limits, retries, addresses, Secrets, volumes.

The graph itself (`retrain`) knows none of it: here the very same function is traced again, and each of its tasks is
given its share by way of kfp-kubernetes.
"""

import json
from functools import wraps
from typing import Any

from kfp import dsl, kubernetes
from kfp.dsl import PipelineTask, pipeline_context
from kfp.dsl.graph_component import GraphComponent

from stillhouse.components.config.duration import seconds
from stillhouse.components.kubernetes.labels import PART_OF, QUEUE_LABEL, RUN_LABEL
from stillhouse.components.runtime.supervisor import supervised
from stillhouse.components.tracking.settings import EXIT_STEP
from stillhouse.pipelines.compiling.hardware import Hardware
from stillhouse.pipelines.compiling.options import ClusterOptions

HOME = "/stillhouse"
"""Folder of everything that a step writes on its node."""
SCRATCH = {"home": HOME, "tmp": "/tmp"}
"""Volumes for what may be written; all else of a pod is read-only."""
SMALL_REQUESTS = ("500m", "1Gi")
"""Processors and memory that the steps without GPU ask for; they may use more."""
BACKOFF = ("5s", 1.0, "5s")
"""Pause before a new pod, its factor, and the longest one; short, for Argo makes new pods after a user's mistake too,
and each answers at once. Processes that fail pause longer, within their pod."""
EXIT_RETRIES, EXIT_SECONDS = 1, 900
"""The exit step, which neither a cancel nor the run's limit ends: one whose image cannot be pulled would keep the run
alive for ever. Its pod's time counts from when a node has taken it."""
STEP_LABEL = "app.kubernetes.io/component"
TRAIN = ("pretrain", "finetune", "distill")
"""Steps that train, on several nodes where asked; evaluate, too, has accelerators, and one pod."""
FIELDS = {"STILLHOUSE_RUN": f"metadata.labels['{RUN_LABEL}']", "STILLHOUSE_POD": "metadata.name"}
"""Environment variables that hold a field of the pod."""
FORM = ("gpu_type", "pod_cpu", "pod_memory")
"""Fields of the form that say what a GPU step asks for, beside its own input `gpu_count`."""


def on_cluster(
    pipeline: GraphComponent, options: ClusterOptions, experiment: str, *, cache: bool = True
) -> GraphComponent:
    """`pipeline` with what its pods are given; `pipeline` itself stays as it is.

    Args:
        experiment: MLflow's, if its plugin says nothing else.
        cache: False has every step run; KFP's own switch reaches the outermost tasks only.
    """
    function = pipeline.pipeline_func
    names = list(pipeline.component_spec.inputs or {})
    hardware = options.chosen_hardware()

    @wraps(function)
    def with_pod_settings(*arguments: Any) -> None:
        function(*arguments)
        form = {name: channel for name, channel in zip(names, arguments, strict=True) if name in FORM}
        traced: Any = pipeline_context.Pipeline.get_default_pipeline()
        for task in traced.tasks.values():
            _give_pod_settings(task, options, hardware, form, experiment)
            if not cache:
                task.set_caching_options(False)

    config = dsl.PipelineConfig(active_deadline_seconds=seconds(options.run_limit))
    return dsl.pipeline(name=pipeline.name, pipeline_config=config)(with_pod_settings)


def _give_pod_settings(
    task: PipelineTask, options: ClusterOptions, hardware: Hardware, form: dict[str, Any], experiment: str
) -> None:
    container: Any = task.container_spec
    if task.name == "inspect":
        # Here, for kfp.local 2.17 fails on this placeholder. KFP's driver fills in RFC 3339 in UTC.
        task.inputs["scheduled_time"] = dsl.PIPELINE_JOB_SCHEDULE_TIME_UTC_PLACEHOLDER
        if options.nodes > 1:
            task.set_env_variable("STILLHOUSE_NODES", str(options.nodes))
    on_nodes = options.nodes > 1 and task.name in TRAIN
    if "gpu_count" in task.inputs and not on_nodes:
        _give_hardware(task, hardware, options.queue, form)
    else:
        task.set_cpu_request(SMALL_REQUESTS[0]).set_memory_request(SMALL_REQUESTS[1])
    if on_nodes:
        _give_nodes(task, hardware, options)
    task.set_container_image(options.image_of(container.image))
    container.command = supervised(task.name, container.command)
    last = task.name == EXIT_STEP
    task.set_retry(min(options.retries, EXIT_RETRIES) if last else options.retries, *BACKOFF)
    kubernetes.set_timeout(task, EXIT_SECONDS if last else seconds(options.step_limit))
    _give_environment(task, options, experiment)
    _secure(task, options)


def _give_hardware(task: PipelineTask, hardware: Hardware, queue: str, form: dict[str, Any]) -> None:
    task.set_accelerator_type(form["gpu_type"]).set_accelerator_limit(task.inputs["gpu_count"])
    task.set_cpu_limit(form["pod_cpu"]).set_memory_limit(form["pod_memory"])
    # kfp 2.17 forgets to hand these into the exit handler's part of the graph.
    task.register_pipeline_channels(list(form.values()))
    kubernetes.empty_dir_mount(
        task, volume_name="shm", mount_path="/dev/shm", medium="Memory", size_limit=hardware.shared_memory
    )
    for toleration in hardware.tolerations:
        kubernetes.add_toleration(task, **toleration.model_dump())
    for key, value in hardware.node_selector.items():
        kubernetes.add_node_selector(task, key, value)
    if queue:
        kubernetes.add_pod_label(task, QUEUE_LABEL, queue)


def _give_nodes(task: PipelineTask, hardware: Hardware, options: ClusterOptions) -> None:
    """What the step needs to ask for nodes; its own pod only follows them."""
    task.set_env_variable("STILLHOUSE_NODES", str(options.nodes))
    asked = hardware.model_dump(mode="json", exclude_none=True) | {"queue": options.queue}
    task.set_env_variable("STILLHOUSE_NODE_HARDWARE", json.dumps(asked))
    kubernetes.use_field_path_as_env(task, "STILLHOUSE_NAMESPACE", "metadata.namespace")


def environment(options: ClusterOptions, experiment: str) -> dict[str, str]:
    """Environment variables of every pod but for those out of Secrets and of `FIELDS`, by name."""
    fixed = {
        "HOME": HOME,
        "USER": "stillhouse",  # torch's caches are named after it, and the pod's user may be any number
        "STILLHOUSE_HOME": f"{HOME}/runs",
        "STILLHOUSE_RETRIES": str(options.retries),
        "MLFLOW_EXPERIMENT_NAME": experiment,
    }
    return fixed | options.variables()


def labels(step: str) -> dict[str, str]:
    """Labels of a step's pod; network policies select by the first."""
    return {**PART_OF, STEP_LABEL: step}


def _give_environment(task: PipelineTask, options: ClusterOptions, experiment: str) -> None:
    for name, value in environment(options, experiment).items():
        task.set_env_variable(name, value)
    for name, field in FIELDS.items():
        kubernetes.use_field_path_as_env(task, name, field)
    for secret in options.secrets():
        kubernetes.use_secret_as_env(task, secret.name, secret.keys)


def _secure(task: PipelineTask, options: ClusterOptions) -> None:
    kubernetes.set_security_context(task, run_as_non_root=True)
    for volume, path in SCRATCH.items():
        kubernetes.empty_dir_mount(task, volume_name=volume, mount_path=path, size_limit=options.scratch)
    for key, value in labels(task.name).items():
        kubernetes.add_pod_label(task, key, value)
    if options.pull_secret:
        kubernetes.set_image_pull_secrets(task, [options.pull_secret])
