"""A pipeline of one step that is killed twice before it succeeds, placed for a cluster and run by kfp.local."""

import sys
from typing import Any

from kfp import dsl, local

from stillhouse.components.conclude.component import conclude
from stillhouse.components.kubernetes.images import LIGHT
from stillhouse.pipelines.compiling import pods
from stillhouse.pipelines.compiling.options import ClusterOptions

component: Any = dsl.component(base_image=LIGHT, install_kfp_package=False)


@component
def frail(folder: str, mistake: bool) -> str:
    import os
    import signal
    from pathlib import Path

    from stillhouse.components.runtime.step_run import step_run
    from stillhouse.errors import UserError

    with step_run("frail"):
        starts = Path(folder, "starts")
        with starts.open("a") as file:
            file.write("start\n")
        if mistake:
            raise UserError("data.csv, row 3: no label; add one.")
        if len(starts.read_text().splitlines()) < 3:
            os.kill(os.getpid(), signal.SIGKILL)
    return "done"


@dsl.pipeline(name="frail")
def pipeline(folder: str, mistake: bool) -> None:
    """One step, and the exit step."""
    ended: Any = conclude
    with dsl.ExitHandler(ended(model_name="frail")):
        frail(folder=folder, mistake=mistake)


if __name__ == "__main__":
    folder = sys.argv[1]
    here = ("STILLHOUSE_HOME", f"{folder}/home"), ("STILLHOUSE_STORE", f"{folder}/store")
    named = (*here, ("STILLHOUSE_RUN", "run-1"), ("STILLHOUSE_SENDER", "external"))
    options = ClusterOptions(retries=2, env=tuple(f"{name}={value}" for name, value in named))
    # kfp.local repeats a failed task too, as Argo would with a new pod.
    replaceable: Any = pods
    replaceable.BACKOFF = ("0s", 1.0, "0s")
    placed: Any = pods.on_cluster(pipeline, options, experiment="frail")
    local.init(local.SubprocessRunner(use_venv=False), pipeline_root=f"{folder}/out", raise_on_error=False)
    placed(folder=folder, mistake=sys.argv[2] == "mistake")
