"""KFP face of conclude."""

from kfp import dsl
from kfp.dsl import Markdown, Output, PipelineTaskFinalStatus

from stillhouse.components.kubernetes.images import LIGHT


@dsl.component(base_image=LIGHT, install_kfp_package=False)
def conclude(status: PipelineTaskFinalStatus, model_name: str, summary: Output[Markdown]):
    """Say how the run ended, whatever happened: close its MLflow run, send what is unsent, post the outcome."""
    from stillhouse.components.conclude.conclude import conclude as step
    from stillhouse.components.runtime.step_run import pipeline_end

    with pipeline_end() as run:
        step(model_name, state=status.state, summary=summary.path, run=run)
