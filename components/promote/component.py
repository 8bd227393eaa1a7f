"""KFP face of promote."""

from kfp import dsl
from kfp.dsl import HTML, Artifact, Dataset, Input, Markdown, Model, Output

from stillhouse.components.kubernetes.images import LIGHT


@dsl.component(base_image=LIGHT, install_kfp_package=False)
def promote(
    settings: str,
    snapshot: str,
    dataset: Input[Dataset],
    student: Input[Model],
    baseline: Input[Model],
    evaluation: Input[Artifact],
    report: Input[HTML],
    verdict: Output[Artifact],
    summary: Output[Markdown],
    recipe_lock: Output[Artifact],
    proof: Output[Artifact],
    model_card: Output[Markdown],
    technical_file: Output[Markdown],
):
    """Hold the candidate against the gates; register and promote it, or say why not."""
    from stillhouse.components.promote.model_card import CARD
    from stillhouse.components.promote.promote import promote as step
    from stillhouse.components.promote.settings import PromoteSettings
    from stillhouse.components.promote.technical_file import TECHNICAL_FILE
    from stillhouse.components.runtime.step_run import path_of, step_run

    with step_run("promote") as run:
        step(
            PromoteSettings.parse(settings),
            snapshot=snapshot,
            dataset=path_of(dataset),
            student=path_of(student),
            baseline=path_of(baseline),
            evaluation=path_of(evaluation),
            report=path_of(report),
            verdict=verdict.path,
            summary=summary.path,
            lock=recipe_lock.path,
            proof=proof.path,
            cards={CARD: model_card.path, TECHNICAL_FILE: technical_file.path},
            run=run,
        )
