"""The form of a person who approves or rejects a candidate on a cluster: a pipeline of one step."""

from typing import Any

from kfp import dsl

from stillhouse.components.decide.component import decide


@dsl.pipeline(name="stillhouse-decide")
def approval(model_name: str, by: str, decision: str = "approve", run: str = "", note: str = "") -> None:
    """Approve or reject the candidate that waits.

    Args:
        model_name: Name in the model registry.
        by: Who decides; kept with the decision.
        decision: approve or reject.
        run: The run whose candidate is meant; empty for whichever waits.
        note: A sentence that is kept with the decision.
    """
    step: Any = decide
    step(model_name=model_name, decision=decision, by=by, run=run, note=note).set_caching_options(False)
