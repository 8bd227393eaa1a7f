"""What each node of a TrainJob runs: `python -m stillhouse.components.distributed.nodes NAME`.

It brings the inputs from the store, starts torchrun, which learns from Kubeflow Trainer's PET_ variables how many
nodes there are and where the first one is, puts into the store what the processes tell meanwhile, and at the end the
model.
"""

import os
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stillhouse.components.distributed.nodes.exchange import OUTPUT, Exchange
from stillhouse.components.distributed.rank_process import Job
from stillhouse.components.storage.home import local_store
from stillhouse.components.training.cpu_limit import limit_threads
from stillhouse.redaction import guard_output

TELL_SECONDS = 5.0
"""Between two looks whether there is something to tell."""


def main() -> None:
    """Entry of the process.

    Raises:
        SystemExit: with code 1 when a process of this node or of another failed.
    """
    guard_output()
    limit_threads()
    node = int(os.environ["PET_NODE_RANK"])
    exchange = Exchange(local_store(), sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="stillhouse-node-") as folder:
        job, file, ended = exchange.take(Path(folder)), Path(folder, "job.json"), threading.Event()
        file.write_text(job.model_dump_json(), encoding="utf-8")
        Path(job.relay).touch()
        with ThreadPoolExecutor(1, thread_name_prefix="tell") as pool:
            telling = pool.submit(_tell, exchange, node, job, ended)
            try:
                failed = _torchrun(file)
                if node == 0 and not failed:
                    exchange.give_back(Path(job.paths[OUTPUT]))
            finally:
                ended.set()
        telling.result()
    sys.exit(int(failed))


def _torchrun(job: Path) -> bool:
    """Whether it failed; what failed in which process stands on stderr."""
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    try:
        run.main(["--max-restarts", "0", "-m", "stillhouse.components.distributed.rank_process", str(job)])
    except ChildFailedError as error:
        sys.stderr.write(f"{error}\n")
        return True
    return False


def _tell(exchange: Exchange, node: int, job: Job, ended: threading.Event) -> None:
    """Put whole lines into the store as they come."""
    with Path(job.relay).open("rb") as file:
        number, last = 0, False
        while not last:
            last = ended.wait(TELL_SECONDS)
            lines, mark, rest = file.read().rpartition(b"\n")
            file.seek(-len(rest), os.SEEK_CUR)
            if mark:
                exchange.tell(node, number, lines + mark)
                number += 1


if __name__ == "__main__":
    main()
