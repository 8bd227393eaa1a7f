"""One answer of a model in a process of its own: python -m stillhouse.components.evaluate.cold_start FOLDER ROW DEVICE.

Its one line is the moment of the answer, in seconds since 1970, and the most memory that it had until then, in bytes.
"""

import sys
import time
from pathlib import Path


def main(folder: str, row: str, device: str) -> None:
    """Load the model, answer, and say so.

    Args:
        row: Arrow IPC file with one example.
    """
    import pyarrow as pa

    from stillhouse.components.artifacts.examples import Examples
    from stillhouse.components.artifacts.model import read_model_json
    from stillhouse.components.artifacts.spec import Spec
    from stillhouse.components.tasks import task_of

    with pa.OSFile(row) as file:
        example = Examples(pa.ipc.open_file(file).read_all())
    task = task_of(Spec.of_model(read_model_json(Path(folder))))
    task.answer(task.load(folder, device), example)
    sys.stdout.write(f"{time.time()} {_most_memory()}\n")


def _most_memory() -> int:
    """The kernel's figure of this process; what getrusage tells may be that of the one that started it."""
    status = Path("/proc/self/status")
    if status.is_file():
        return (
            next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM:")) * 1024
        )
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
