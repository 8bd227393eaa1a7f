"""decline: the short end of a run whose data hold too little that is new; production stays as it is.

A step of its own, never cached: when the data stay as they are, prepare comes from the cache and says nothing.
"""

import logging

from stillhouse.components.artifacts.nights import SKIPPED, Night, put_night
from stillhouse.components.artifacts.promotion_record import now
from stillhouse.components.artifacts.verdict import FORMAT, Verdict, verdict_key
from stillhouse.components.storage.disk import staged_file, writing
from stillhouse.components.storage.home import local_store
from stillhouse.components.tracking.run import StepRun

logger = logging.getLogger(__name__)


def decline(why: str, *, model_name: str, run: StepRun) -> None:
    """Write the verdict, in the folder of the run and in the store.

    Args:
        why: What prepare found, against what was asked for.
    """
    verdict = Verdict(
        format=FORMAT,
        decision=SKIPPED,
        why=why,
        model_name=model_name,
        version=None,
        run=run.run_id,
        time=now(),
    )
    data = verdict.to_file()
    path = run.folder / "verdict.json"
    with writing(path), staged_file(path, data) as staged:
        staged.replace(path)
    run.artifact(path)
    run.tags({"decision": SKIPPED, "why": why, "version": None})
    run.whole.verdict(SKIPPED, why, f"**{model_name}: {SKIPPED}.** {why}")
    store = local_store()
    store.put(verdict_key(run.run_id), data)
    put_night(store, model_name, Night.of(verdict))
    logger.info("%s: %s", SKIPPED, why)
