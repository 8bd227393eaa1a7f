"""decline: the short end of a run whose data hold too little that is new; production stays as it is.

A step of its own, never cached: when the data stay as they are, prepare comes from the cache and says nothing.
"""

import json
import logging
from datetime import UTC, datetime

from stillhouse.components.runtime.attempts import VERDICTS
from stillhouse.components.storage.disk import staged_file, writing
from stillhouse.components.storage.home import local_store
from stillhouse.components.tracking.run import StepRun

logger = logging.getLogger(__name__)

DECISION = "nothing to learn"


def decline(why: str, *, model_name: str, run: StepRun) -> None:
    """Write the verdict, in the folder of the run and in the store.

    Args:
        why: What prepare found, against what was asked for.
    """
    document = {
        "format": 1,
        "decision": DECISION,
        "why": why,
        "model_name": model_name,
        "version": None,
        "run": run.run_id,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    data = json.dumps(document, indent=1, ensure_ascii=False).encode()
    path = run.folder / "verdict.json"
    with writing(path), staged_file(path, data) as staged:
        staged.replace(path)
    run.artifact(path)
    run.tags({"decision": DECISION, "why": why, "version": None})
    run.whole.verdict(DECISION, why, f"**{model_name}: {DECISION}.** {why}")
    local_store().put(f"{VERDICTS}/{run.run_id}.json", data)
    logger.info("%s: %s", DECISION, why)
