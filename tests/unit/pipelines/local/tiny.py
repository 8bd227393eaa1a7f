"""A pipeline of two trivial steps."""

from typing import Any

from kfp import dsl
from kfp.dsl import Dataset, Input, Metrics, Model, Output

from stillhouse.components.kubernetes.images import LIGHT

component: Any = dsl.component(base_image=LIGHT, install_kfp_package=False)


@component
def write(text: str, dataset: Output[Dataset], metrics: Output[Metrics]) -> None:
    from pathlib import Path

    from stillhouse.components.tracking.run import step_run

    with step_run("write") as run:
        run.progress(1, 1, "rows")
        Path(dataset.path).write_text(text)
        metrics.metadata["rows"] = 1


@component
def train(seconds: float, fail: str, dataset: Input[Dataset], model: Output[Model]) -> None:
    import os
    import time
    from pathlib import Path

    from stillhouse.components.tracking.run import step_run
    from stillhouse.errors import UserError

    with step_run("train") as run:
        if fail == "mistake":
            raise UserError("data.csv, row 3: no label; add one.")
        if fail == "crash":
            raise ValueError("a defect")
        if fail == "kill":
            os.kill(os.getpid(), 9)
        began = time.monotonic()
        while (passed := time.monotonic() - began) < seconds:
            run.progress(passed, seconds, "seconds", "loss 0.5")
            time.sleep(0.05)
        run.metrics({"validation/f1_macro": 0.75}, step=1)
        Path(model.path).write_text(Path(dataset.path).read_text())


@dsl.pipeline(name="tiny")
def tiny(text: str, seconds: float, fail: str) -> None:
    """Write, then train."""
    written = write(text=text)
    train(seconds=seconds, fail=fail, dataset=written.outputs["dataset"])
