"""Each step as a KFP component of its own, for pipelines of other people."""

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kfp import compiler

from stillhouse.components.conclude.component import conclude
from stillhouse.components.distill.component import distill
from stillhouse.components.evaluate.component import evaluate
from stillhouse.components.finetune.component import finetune
from stillhouse.components.inspect.component import inspect
from stillhouse.components.kubernetes.images import TRAINING
from stillhouse.components.prepare.component import prepare
from stillhouse.components.pretrain.component import pretrain
from stillhouse.components.promote.component import promote
from stillhouse.components.runtime.supervisor import supervised
from stillhouse.components.storage.disk import writing
from stillhouse.pipelines.compiling.options import ClusterOptions

STEPS: tuple[Any, ...] = (inspect, prepare, pretrain, finetune, distill, evaluate, promote, conclude)
"""In the order they run; the last one is for an exit handler."""

README = """\
# Stillhouse's steps as KFP components

Written by `stillhouse compile --components`. Load one with `kfp.components.load_component_from_file`:

```python
from kfp import components, dsl

prepare = components.load_component_from_file("prepare.yaml")
finetune = components.load_component_from_file("finetune.yaml")
```

`settings` is JSON: what `stillhouse step NAME --help` lists. `inspect` makes it for all steps out of the recipe's
values; it is never to be cached, and the others may be. Its `scheduled_time` is when the run was due,
in ISO 8601, such as `dsl.PIPELINE_JOB_SCHEDULE_TIME_UTC_PLACEHOLDER`; empty means now. The output `Output` of `prepare`
is `learn`, or says that too little is new or to be gained (`min_new_rows`, `min_drift`, `skip_below`): then the other
steps are better left out.
`conclude` is for `dsl.ExitHandler`: it closes MLflow's run of the whole pipeline, which is RUNNING from the first step
on; without it `stillhouse sweep --all` closes that as KFP's run ended.

| variable of the pod | meaning |
|---|---|
| STILLHOUSE_STORE | s3://bucket/prefix of checkpoints and promotions; without it they go with the pod |
| STILLHOUSE_RUN | id that joins the steps of a run, such as the field `metadata.labels['pipeline/runid']` |
| STILLHOUSE_RETRIES | how often a process that failed is started again |
| MLFLOW_TRACKING_URI | MLflow's address |
"""


def compile_components(folder: Path, cluster: ClusterOptions) -> None:
    """Write each step to `folder` as NAME.yaml, with the images that `cluster` names, and a README.

    Raises:
        UserError: `folder` cannot be written.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for step in STEPS:
            compiler.Compiler().compile(_placed(step, cluster), str(folder / f"{step.name}.yaml"))
        (folder / "README.md").write_text(README + "".join(_section(step) for step in STEPS), encoding="utf-8")


def _placed(step: Any, cluster: ClusterOptions) -> Any:
    placed = copy.deepcopy(step)
    container = placed.component_spec.implementation.container
    container.image = cluster.image_of(container.image)
    container.command = supervised(step.name, container.command)
    return placed


def _section(step: Any) -> str:
    specification = step.component_spec
    image = "with torch" if specification.implementation.container.image == TRAINING else "without torch"
    rows = [*_rows("in", specification.inputs), *_rows("out", specification.outputs)]
    return "\n".join(["", f"## {step.name}", "", f"{specification.description} The image {image}.", "", *rows, ""])


def _rows(direction: str, ports: dict[str, Any] | None) -> Iterable[str]:
    if direction == "in":
        yield from ("| | name | type | default |", "|---|---|---|---|")
    for name, port in (ports or {}).items():
        default = f"`{port.default}`" if getattr(port, "optional", False) else ""
        yield f"| {direction} | {name} | {port.type.removesuffix('@0.0.1')} | {default} |"
