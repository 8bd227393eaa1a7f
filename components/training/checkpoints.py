"""Checkpoints of a training run: whole or absent, written in the background, the newest valid one taken."""

import json
import logging
import tempfile
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from stillhouse.errors import UserError

log = logging.getLogger(__name__)


class CheckpointStore(Protocol):
    """Where checkpoints go: one folder each, whole or absent."""

    def put_folder(self, folder: Path, key: str) -> Any:
        """Store `folder` under `key`; its manifest is written last."""
        ...

    def get_folder(self, key: str, folder: Path) -> Any:
        """Bring `key` into `folder`, verified against its manifest."""
        ...

    def list(self, prefix: str) -> Any:
        """Entries, each with a `key`, below `prefix`."""
        ...

    def delete(self, prefix: str) -> Any:
        """Remove all below `prefix`."""
        ...


class Checkpoints:
    """Checkpoints of one training, under the fingerprint of what it was made from.

    Args:
        store: where they go.
        fingerprint: digest of inputs, settings and code; the same command finds them again.
        keep: how many of the newest stay.
        damaged: what the store raises for a folder that is not there to its end, or not as it was put.
    """

    def __init__(
        self, store: CheckpointStore, fingerprint: str, keep: int, damaged: tuple[type[Exception], ...]
    ) -> None:
        self.store = store
        self.damaged = damaged
        self.prefix = f"checkpoints/{fingerprint}"
        self.keep = keep
        self.writer = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self.pending: Future[None] | None = None
        self.skipped: set[int] = set()

    @property
    def busy(self) -> bool:
        """Whether one is still being written."""
        return self.pending is not None and not self.pending.done()

    def save(self, step: int, tensors: dict[str, torch.Tensor], state: dict[str, Any]) -> None:
        """Copy `tensors` now and write them in the background; waits only for the checkpoint before."""
        self.wait()
        copies = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
        self.pending = self.writer.submit(self._write, step, copies, json.dumps(state))

    def wait(self) -> None:
        """Wait until the last checkpoint is written; raises what went wrong in writing it."""
        if self.pending is not None:
            self.pending.result()
            self.pending = None

    def newest(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
        """Tensors and state of the newest valid checkpoint; what is skipped is said and why.

        Raises:
            Exception: what the store raises when it cannot be read. A training that began anew because its store is
                away for a minute would lose more than one that fails.
        """
        for step in sorted(self._steps(), reverse=True):
            try:
                return self._read(f"{step:09d}")
            except self.damaged as error:
                self.skipped.add(step)
                log.warning("checkpoint at step %d skipped: %s", step, error)
        return None

    def get_or_make(self, name: str, make: Callable[[], dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        """Tensors that an earlier attempt kept under `name` beside its checkpoints; made and kept now if none came so
        far.

        Raises:
            Exception: as for `newest`.
        """
        if any(self.store.list(f"{self.prefix}/{name}")):
            try:
                return self._read(name)[0]
            except self.damaged as error:
                log.warning("%s is made again: %s", name, error)
        made = make()
        self._put(name, made, "{}")
        return made

    def clear(self) -> None:
        """Remove all of this training's checkpoints: it has ended well, even if the last one could not be written."""
        if self.pending is not None:
            self.pending.exception()
        self.store.delete(self.prefix)

    def close(self) -> None:
        """End the writing in the background, once what has begun is written."""
        self.writer.shutdown()

    def _write(self, step: int, tensors: dict[str, torch.Tensor], state: str) -> None:
        self._put(f"{step:09d}", tensors, state)
        self._remove_older_than(step)

    def _put(self, name: str, tensors: dict[str, torch.Tensor], state: str) -> None:
        try:
            with tempfile.TemporaryDirectory(prefix="stillhouse-checkpoint-") as folder:
                save_file(tensors, Path(folder, "tensors.safetensors"))
                Path(folder, "state.json").write_text(state)
                self.store.put_folder(Path(folder), f"{self.prefix}/{name}")
        except (OSError, SafetensorError) as error:  # of the temporary folder: a store has a sentence of its own
            where = tempfile.gettempdir()
            raise UserError(
                f"cannot write a checkpoint in '{where}': {error}; free space there, or set TMPDIR."
            ) from error

    def _read(self, name: str) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        with tempfile.TemporaryDirectory(prefix="stillhouse-checkpoint-") as folder:
            target = Path(folder, "checkpoint")
            self.store.get_folder(f"{self.prefix}/{name}", target)
            return load_file(target / "tensors.safetensors"), json.loads((target / "state.json").read_text())

    def _remove_older_than(self, newest: int) -> None:
        """Keep as many as wanted, damaged ones not counted: with them the last valid one might go."""
        self.skipped.discard(newest)
        older = {step for step in self._steps() if step <= newest}
        for step in older - set(sorted(older - self.skipped)[-self.keep :]):
            self.store.delete(f"{self.prefix}/{step:09d}")

    def _steps(self) -> set[int]:
        below = (entry.key.removeprefix(self.prefix + "/").split("/")[0] for entry in self.store.list(self.prefix))
        return {int(name) for name in below if name.isdigit()}
