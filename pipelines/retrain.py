"""The pipeline: the steps, their order and conditions. `run`, `compile` and the cluster use this one object.

A recipe that wants no pretraining gets the same graph without that step, whose pod would be waited for in order to do
nothing. Where only the form says so, while the pipeline runs, the pod is there and asks for no GPU: a condition instead
would cost each run some pods of KFP's own, and kfp.local 2.17 knows no way past one for what a step has made.
"""

from typing import Any

from kfp import dsl

from stillhouse.components.conclude.component import conclude
from stillhouse.components.decline.component import decline
from stillhouse.components.distill.component import distill
from stillhouse.components.evaluate.component import evaluate
from stillhouse.components.finetune.component import finetune
from stillhouse.components.inspect.component import inspect
from stillhouse.components.prepare.component import prepare
from stillhouse.components.prepare.settings import LEARN
from stillhouse.components.pretrain.component import pretrain
from stillhouse.components.promote.component import promote


def _graph(*, pretrains: bool) -> Any:
    """The pipeline, with or without the step pretrain."""

    @dsl.pipeline(name="stillhouse-retrain")
    def retrain(
        data_source: str,
        model_name: str,
        data_columns: dict = {"text": ["text"], "label": "label"},  # noqa: B006 - kfp reads the default
        data_task: str = "text_classification",
        gpu_count: str = "0",
        gpu_type: str = "nvidia.com/gpu",
        model_base: str = "auto",
        model_student: dict = {"layers": 1},  # noqa: B006
        model_teacher: dict = {},  # noqa: B006
        pod_cpu: str = "4",
        pod_memory: str = "8Gi",
        step_overrides: dict = {},  # noqa: B006
        train_budget: str = "8m",
        train_pretraining: str = "auto",
        train_seed: int = 1,
    ) -> None:
        """Retrain, distill, evaluate and promote a model.

        Args:
            data_source: Where the data is: a file or folder, s3://bucket/prefix or hf://name; {scheduled_time:%Y-%m-%d}
                in it is when the run was due, {since_last_promoted:%Y-%m-%d} all dates since the champion's data.
            model_name: Name in the model registry; the champion of this name is compared and replaced.
            data_columns: Which columns play which part: text (a list), label, group, split, time.
            data_task: Kind of problem, a file of components/tasks.
            gpu_count: Accelerators of each pod that trains; a cluster's matter, like the three below.
            gpu_type: What Kubernetes calls them: nvidia.com/gpu, amd.com/gpu, nvidia.com/mig-1g.10gb.
            model_base: Model to start from: an address; `auto` or `champion`, or either with `, else MODEL`; empty:
                random weights.
            model_student: Where the student comes from: layers taken from the teacher, base, or architecture.
            model_teacher: Shape of the teacher when it starts from random weights: layers, width, heads, vocab_size.
            pod_cpu: Processors of each pod that trains.
            pod_memory: Memory of each pod that trains.
            step_overrides: Settings of single steps, keyed by step: {"finetune": {"loop": {"epochs": 4}}}.
            train_budget: How long a run may take (10m, 2h), or its GPU-hours (0.5 gpu-hours); settings that are not
                given follow from the data and this. none: each step's own defaults.
            train_pretraining: What to learn on text without labels first: masked_lm, next_word, none; `auto`: masked_lm
                from random weights, else none.
            train_seed: Seed of everything random.
        """
        ended = conclude(model_name=model_name).set_caching_options(False)
        with dsl.ExitHandler(ended, name="retrain"):
            inspected = inspect(
                data_columns=data_columns,
                data_source=data_source,
                data_task=data_task,
                gpus=gpu_count,
                model_base=model_base,
                model_name=model_name,
                model_student=model_student,
                model_teacher=model_teacher,
                pretrains=pretrains,
                step_overrides=step_overrides,
                train_budget=train_budget,
                train_pretraining=train_pretraining,
                train_seed=train_seed,
            ).set_caching_options(False)
            settings = inspected.outputs
            prepared = prepare(settings=settings["prepare"], snapshot=settings["snapshot"])
            dataset = prepared.outputs["dataset"]
            # kfp.local 2.17 finds the output of a step in a condition only under the name that `return` gives it.
            finding = prepared.outputs["Output"]
            with dsl.If(finding != LEARN, name="nothing to learn"):
                decline(why=finding, model_name=model_name).set_caching_options(False)
            with dsl.If(finding == LEARN, name="something to learn"):
                start = {}
                if pretrains:
                    learnt = pretrain(
                        settings=settings["pretrain"], dataset=dataset, gpu_count=settings["pretrain_gpu_count"]
                    )
                    start = {"backbone": learnt.outputs["backbone"]}
                teacher = finetune(
                    settings=settings["finetune"], dataset=dataset, gpu_count=gpu_count, **start
                ).outputs["teacher"]
                student = distill(
                    settings=settings["distill"], dataset=dataset, teacher=teacher, gpu_count=gpu_count
                ).outputs["student"]
                evaluated = evaluate(
                    settings=settings["evaluate"],
                    champion=settings["champion"],
                    dataset=dataset,
                    teacher=teacher,
                    student=student,
                    gpu_count=gpu_count,
                )
                promote(
                    settings=settings["promote"],
                    snapshot=settings["snapshot"],
                    dataset=dataset,
                    student=student,
                    baseline=evaluated.outputs["baseline"],
                    evaluation=evaluated.outputs["evaluation"],
                    report=evaluated.outputs["report"],
                ).set_caching_options(False)

    return retrain


retrain = _graph(pretrains=True)
retrain_without_pretraining = _graph(pretrains=False)


def graph_for(parameters: dict[str, Any]) -> Any:
    """The pipeline for a recipe of these parameters."""
    return retrain_without_pretraining if parameters.get("train_pretraining") == "none" else retrain
