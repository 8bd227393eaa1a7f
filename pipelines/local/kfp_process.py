"""The process that hands the pipeline to kfp.local; `local` starts it and reads what it logs.

    python -m stillhouse.pipelines.local.kfp_process MODULE:NAME HOME FOLDER [--no-cache]

The pipeline is the very object that `stillhouse compile` writes; its arguments are in FOLDER/parameters.json.
"""

import argparse
import importlib
import json
import logging
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from stillhouse.redaction import guard_output


def main() -> int:
    """Run the pipeline; the exit code is 130 when it was stopped and 1 when a step failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("pipeline")
    parser.add_argument("home", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--no-cache", action="store_true")
    arguments = parser.parse_args()
    guard_output()  # all of pipeline.log comes through here: what kfp logs, and what it passes on from the steps
    stopped = _wait_for_steps_when_stopped()
    # kfp logs the hit of its cache through a root logger that has no handler yet.
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stdout,
        format="%(asctime)s - %(levelname)s - %(message)s",
        datefmt="%H:%M:%S",
    )
    # kfp puts this program's interpreter wherever a command says python3, inside paths and texts too. PATH
    # leads to the same one, so we have it replace python3 by itself.
    sys.executable = "python3"
    from kfp import local

    from stillhouse.components.storage.home import CACHE, OUTPUTS, at_work

    _note_use()
    module, _, name = arguments.pipeline.partition(":")
    pipeline = getattr(importlib.import_module(module), name)
    cache_root = arguments.home / CACHE
    _touch_metrics(cache_root)
    local.init(
        runner=local.SubprocessRunner(use_venv=False),
        pipeline_root=str(arguments.home / OUTPUTS),
        workspace_root=str(arguments.folder / "workspace"),
        enable_caching=not arguments.no_cache,
        cache_root=str(cache_root),
    )
    parameters = json.loads((arguments.folder / "parameters.json").read_text(encoding="utf-8"))
    try:
        # The run's parent may be killed and leave us at work: so the lease is ours too.
        with at_work(arguments.folder.name, arguments.home):
            pipeline(**parameters)
    except RuntimeError as error:  # what kfp raises when a task failed; the task has said why
        logging.error("%s", error)
        return 128 + signal.SIGINT if stopped else 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def _wait_for_steps_when_stopped() -> list[int]:
    """On SIGINT wait for the running step, which gets the signal too; the list holds the signals received."""
    received: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if not psutil.Process().children():
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, stop)
    return received


def _note_use() -> None:
    """Let the time of an entry of kfp's cache be that of its last use: by that `sweep` tells what is still of use."""
    from kfp.local import cache

    get = cache.LocalCache.get

    def get_and_touch(self: cache.LocalCache, key: str) -> dict[str, Any] | None:
        found = get(self, key)
        if found is not None:
            Path(self.cache_root, f"{key}.json").touch()
        return found

    cache.LocalCache.get = get_and_touch


def _touch_metrics(cache_root: Path) -> None:
    """Let kfp find the files of its cached metrics.

    Metrics live in an artifact's metadata and have no file, but kfp 2.17 takes a cached artifact without its
    file for lost and would run the step again, each time.
    """
    for path in cache_root.glob("*.json"):
        for output in json.loads(path.read_text(encoding="utf-8")).values():
            if isinstance(output, dict) and str(output.get("schema_title", "")).endswith("Metrics"):
                file = Path(output["uri"])
                if file.parent.is_dir():
                    file.touch()


if __name__ == "__main__":
    sys.exit(main())
