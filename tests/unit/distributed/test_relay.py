"""What the first of several processes says reaches the step's run as it was said."""

import json
from pathlib import Path
from typing import Any

from stillhouse.components.distributed.relay import CALLS, Listener, NullRun, Relay
from stillhouse.components.tracking.run import StepRun


def test_each_call_arrives_and_helpers_are_silent(tmp_path: Path) -> None:
    file, run = tmp_path / "relay", StepRun("finetune", "run-1", tmp_path / "home")
    for teller in (Relay(file), NullRun()):
        teller.params({"seed": 1})
        teller.metrics({"loss": 0.5}, step=2)
        teller.notes({"tokenizer": "It counts."})
        teller.progress(1, 2, "tokens")
    Listener(run).hear(file.read_bytes())
    spool = (tmp_path / "home/run-1/spool/finetune.jsonl").read_text().splitlines()
    events: list[dict[str, Any]] = [json.loads(line) for line in spool]
    assert [event["event"] for event in events] == ["param", "metric", "tag", "progress"]
    assert events[2]["values"] == {"note.tokenizer": "It counts."}
    assert len(events) == len(CALLS)
