"""KFP face of evaluate."""

from kfp import dsl
from kfp.dsl import HTML, Artifact, ClassificationMetrics, Dataset, Input, Metrics, Model, Output

from stillhouse.components.kubernetes.images import TRAINING


@dsl.component(base_image=TRAINING, install_kfp_package=False)
def evaluate(
    settings: str,
    champion: str,
    dataset: Input[Dataset],
    teacher: Input[Model],
    student: Input[Model],
    evaluation: Output[Artifact],
    metrics: Output[Metrics],
    classification: Output[ClassificationMetrics],
    report: Output[HTML],
    baseline: Output[Model],
    gpu_count: str = "0",
):
    """Measure student, teacher, baselines and champion on the same test rows; write the best baseline as a model."""
    from stillhouse.components.evaluate.evaluate import evaluate as step
    from stillhouse.components.evaluate.settings import EvaluateSettings
    from stillhouse.components.runtime.step_run import path_of, step_run

    with step_run("evaluate", gpu_count) as run:
        step(
            EvaluateSettings.parse(settings),
            champion=champion,
            dataset=path_of(dataset),
            teacher=path_of(teacher),
            student=path_of(student),
            evaluation=evaluation.path,
            report=report.path,
            baseline=baseline.path,
            metrics=metrics,
            classification=classification,
            run=run,
        )
