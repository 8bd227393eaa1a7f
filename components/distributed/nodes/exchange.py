"""What a step and the nodes that train for it hand to each other: through the store, for they share no disk.

| key below trainjobs/NAME | what | written by |
|---|---|---|
| job.json | what to do; its paths are not yet those of a node | the step |
| inputs/PATH | folder of an input | the step |
| told/NODE/NUMBER.jsonl | lines of a `Relay` | each node |
| model | the folder that the step writes | the first node |
"""

from collections.abc import Iterator
from pathlib import Path

from stillhouse.components.distributed.rank_process import Job
from stillhouse.components.storage.store import NotFound, Store

TRAINJOBS = "trainjobs"
OUTPUT = "model"
"""Which of a step's paths is the folder that it writes; the others are folders that it reads."""


class Exchange:
    """The place of one TrainJob in the store."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self.key = f"{TRAINJOBS}/{name}"
        """Below it lies everything."""

    def give(self, job: Job) -> None:
        """Put there what the nodes need, in place of all that is there."""
        self.clear()
        for name, path in job.paths.items():
            if name != OUTPUT:
                self._store.put_folder(path, f"{self.key}/inputs/{name}")
        self._store.put(f"{self.key}/job.json", job.model_dump_json().encode())

    def take(self, folder: Path) -> Job:
        """On a node: the job, with its inputs in `folder`."""
        job = Job.parse(self._store.get(f"{self.key}/job.json").decode())
        for name in job.paths.keys() - {OUTPUT}:
            self._store.get_folder(f"{self.key}/inputs/{name}", folder / name)
        paths = {name: str(folder / name) for name in job.paths}
        return job.model_copy(update={"paths": paths, "relay": str(folder / "relay.jsonl")})

    def tell(self, node: int, number: int, lines: bytes) -> None:
        """On a node: whole lines for the step, numbered from 0."""
        self._store.put(f"{self.key}/told/{node}/{number:09d}.jsonl", lines)

    def told(self, heard: set[str]) -> Iterator[bytes]:
        """Lines that came since; `heard` remembers which."""
        for entry in self._store.list(f"{self.key}/told"):
            if entry.key not in heard:
                heard.add(entry.key)
                yield self._store.get(entry.key)

    def give_back(self, model: Path) -> None:
        """On the first node: the model."""
        self._store.put_folder(model, f"{self.key}/{OUTPUT}")

    def is_complete(self) -> bool:
        """Whether the model is there: no earlier attempt at the step has taken it and cleared the place."""
        try:
            self._store.manifest(f"{self.key}/{OUTPUT}")
        except NotFound:
            return False
        return True

    def take_back(self, model: Path) -> None:
        """The model, once the TrainJob is complete."""
        self._store.get_folder(f"{self.key}/{OUTPUT}", model)

    def clear(self) -> None:
        """Remove it all."""
        self._store.delete(self.key)
