"""A step on all accelerators of its pod, or of several nodes: torchrun's launcher, with a process for each.

What KFP has started is one process, which reads inputs, writes outputs and owns the MLflow run. It must not be there
several times, so it does not train itself: it has torchrun's launcher start a process for each accelerator (`rank`),
passes on to MLflow what the first of them tells (`relay`), and ends as they end. The launcher ends the others when
one dies, and starts none again: the supervisor above counts all attempts at the step in one budget, and a new attempt
goes on from the newest checkpoint.

With one accelerator, or none, nothing of this happens: the step runs in the process it was called in.
"""

import logging
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from stillhouse.components.config.settings import Settings
from stillhouse.components.distributed.rank_process import Job
from stillhouse.components.distributed.relay import Listener
from stillhouse.components.runtime.accelerators import num_nodes
from stillhouse.errors import UserError

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

logger = logging.getLogger(__name__)

LAUNCHER_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
"""Which torchrun's launcher listens for, to pass them on."""

Step = Callable[..., dict[str, float]]
"""A step's function: settings, paths by name, and `run`."""


class RankFailed(RuntimeError):
    """One of the processes that train together ended, and with it all."""


class Stopped(KeyboardInterrupt):
    """A signal asked to stop, and the processes have."""


def on_accelerators(step: Step, gpu_count: str) -> Step:
    """`step`, in as many processes as the pod asked for accelerators; the step itself for one or none.

    Where STILLHOUSE_NODES asks for several nodes it runs there, with so many processes on each.
    """
    number = int(gpu_count or 0)
    if num_nodes() > 1:
        return partial(_on_nodes, step, number)
    return partial(_launch, step, number) if number > 1 else step


def _on_nodes(step: Step, number: int, settings: Settings, *, run: Any, **paths: str) -> dict[str, float]:
    from stillhouse.components.distributed.nodes.follow import run_on_nodes

    return run_on_nodes(_job(step, settings, paths), run.step, number, run)


def _launch(step: Step, number: int, settings: Settings, *, run: Any, **paths: str) -> dict[str, float]:
    """Run `step` in so many processes.

    Returns:
        What the step returned in the first one.

    Raises:
        UserError: one of them raised it.
        RankFailed: one of them ended otherwise.
        Stopped: this process was asked to stop, and they have stopped with a checkpoint.
    """
    with tempfile.TemporaryDirectory(prefix="stillhouse-ranks-") as folder:
        told, job = Path(folder, "relay.jsonl"), Path(folder, "job.json")
        told.touch()
        job.write_text(_job(step, settings, paths, str(told)).model_dump_json(), encoding="utf-8")
        listener, ended = Listener(run), threading.Event()
        logger.info("%s trains in %d processes", run.step, number)
        with ThreadPoolExecutor(1, thread_name_prefix="relay") as pool:
            hearing = pool.submit(listener.follow, told, ended.wait)
            failure: Exception | None = None
            try:
                _torchrun(number, job)
            except RankFailed as error:
                failure = error
            finally:
                ended.set()
            hearing.result()
    if listener.mistake:
        raise UserError(listener.mistake)
    if failure:
        raise failure
    assert listener.result is not None
    return listener.result


def _job(step: Step, settings: Settings, paths: dict[str, str], relay: str = "") -> Job:
    return Job(
        step=f"{step.__module__}:{step.__qualname__}",
        settings_class=f"{type(settings).__module__}:{type(settings).__qualname__}",
        settings=settings.model_dump(mode="json"),
        paths={name: str(path) for name, path in paths.items()},
        relay=relay,
    )


def _torchrun(number: int, job: Path) -> None:
    """As `torchrun --standalone --nproc-per-node NUMBER -m ...distributed.rank_process JOB`, without a restart."""
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=number,
        run_id=uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="localhost",
        max_restarts=0,
        logs_specs=DefaultLogsSpecs(log_dir=str(job.parent)),
    )
    try:
        with _own_signals():
            elastic_launch(config, sys.executable)("-P", "-m", "stillhouse.components.distributed.rank_process", job)
    except ChildFailedError as error:
        raise RankFailed(_sentence(error, number)) from None
    except SignalException as stop:
        raise Stopped(f"asked to stop by {stop.sigval.name}") from None


@contextmanager
def _own_signals() -> Iterator[None]:
    """Give signals back to whom they belonged: the launcher keeps them."""
    before = {number: signal.getsignal(number) for number in LAUNCHER_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _sentence(error: "ChildFailedError", number: int) -> str:
    rank, failure = error.get_first_failure()
    how = (
        f"was ended by {failure.signal_name()}" if failure.exitcode < 0 else f"ended with exit code {failure.exitcode}"
    )
    return f"process {rank} of {number} that train together {how}, and the others with it"
