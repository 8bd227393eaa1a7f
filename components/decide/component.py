"""KFP face of approve and reject: the form that a person fills in."""

from kfp import dsl

from stillhouse.components.kubernetes.images import LIGHT


@dsl.component(base_image=LIGHT, install_kfp_package=False)
def decide(model_name: str, decision: str, by: str, run: str, note: str):
    """Promote the candidate that waits for approval, or reject it."""
    from stillhouse.components.promote.approve import answer_form

    answer_form(model_name, decision=decision, by=by, run=run, note=note)
