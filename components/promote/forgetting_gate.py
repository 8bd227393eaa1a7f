"""The gate of what a candidate must not have forgotten: the rows kept of partitions before the window."""

from collections.abc import Iterator

from stillhouse.components.artifacts.compared import Remembered
from stillhouse.components.artifacts.evaluation import Evaluation
from stillhouse.components.artifacts.verdict import Gate
from stillhouse.components.promote.bounds import lower_bound
from stillhouse.components.promote.looking import oriented
from stillhouse.components.promote.settings import PromoteSettings

TOGETHER = "all earlier partitions together"


def forgetting_gate(evaluation: Evaluation, settings: PromoteSettings) -> Iterator[Gate]:
    """Holds where no partition, nor all of them together, shows a larger loss than `max_forgetting`; each is asked at
    its part of the error, so that all of them err together as seldom as one bound does (Bonferroni).

    Nothing where there are no kept rows, or no champion that learnt from others of their kind.
    """
    limit, found = settings.max_forgetting, evaluation.forgetting
    if limit is None or found is None:
        return
    looks = {name[:16].replace("T", " "): one for name, one in found.periods.items()}
    if found.together and len(looks) > 1:
        looks[TOGETHER] = found.together
    asked = {name: one for name, one in looks.items() if one.rows >= settings.min_test_rows}
    if not asked:
        rows = found.together.rows if found.together else 0
        sentence = f"Too few rows are kept of earlier partitions to show that something was forgotten: {rows:,}."
        yield Gate("max_forgetting", True, None, limit, sentence, rows=rows)
        return
    alpha = (1 - evaluation.confidence) / len(asked)
    shown = {name: _shown(one, alpha, evaluation.greater_is_better) for name, one in asked.items()}
    worst = max(shown, key=lambda name: shown[name])
    loss, rows = -oriented(asked[worst], evaluation.greater_is_better).difference, asked[worst].rows
    is_lost = f"at least {shown[worst]:.4f} worse than" if shown[worst] > 0 else "not shown to be worse than"
    sentence = (
        f"On the {rows:,} kept rows of {worst}, the worst of {len(asked)}, {evaluation.main_metric} is {is_lost} the "
        f"champion's (estimate {-loss:+.4f}, one-sided with an error of {alpha:.2g}); a loss of more than {limit:.4g} "
        "must not be shown."
    )
    yield Gate(
        "max_forgetting",
        shown[worst] <= limit,
        shown[worst],
        limit,
        sentence,
        estimate=loss,
        rows=rows,
        alpha=alpha,
    )


def _shown(found: Remembered, alpha: float, greater_is_better: bool) -> float:
    """How much is lost at least, but for a probability of `alpha`."""
    loss = oriented(found, greater_is_better)
    return lower_bound(loss.model_copy(update={"difference": -loss.difference}), alpha)
