"""KFP face of decline."""

from kfp import dsl

from stillhouse.components.kubernetes.images import LIGHT


@dsl.component(base_image=LIGHT, install_kfp_package=False)
def decline(why: str, model_name: str):
    """End the run early and well: its data hold nothing to learn."""
    from stillhouse.components.decline.decline import decline as step
    from stillhouse.components.runtime.step_run import step_run

    with step_run("decline") as run:
        step(why, model_name=model_name, run=run)
