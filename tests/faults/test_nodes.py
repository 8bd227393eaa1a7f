"""Two nodes of a TrainJob, as Kubeflow Trainer starts them: the same program, with torchrun's variables.

There is no controller here: the two are started by hand, and share nothing but the store.
"""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from stillhouse.components.distributed.nodes.exchange import Exchange
from stillhouse.components.distributed.rank_process import Job
from stillhouse.components.distributed.relay import Listener
from stillhouse.components.finetune.settings import FinetuneSettings
from stillhouse.components.storage.store import FileStore

from .test_ranks import SETTINGS, _write_dataset


class Heard:
    """A run that keeps what it is told."""

    def __init__(self) -> None:
        self.losses: dict[int, float] = {}

    def params(self, values: dict[str, Any]) -> None:
        """Settings."""

    def notes(self, values: dict[str, str]) -> None:
        """What a person should read."""

    def progress(self, **given: Any) -> None:
        """How far it is."""

    def metrics(self, values: dict[str, float], step: int = 0) -> None:
        """Keep losses."""
        if "train/loss" in values:
            self.losses[step] = values["train/loss"]


class Nodes:
    """The store of a TrainJob, and the nodes that work on it."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.exchange = Exchange(FileStore(folder / "store"), "finetune-1")
        _write_dataset(folder / "dataset")
        (folder / "backbone").mkdir()
        (folder / "backbone" / "model.json").write_text("{}")
        job = Job(
            step="stillhouse.components.finetune.finetune:finetune",
            settings_class=f"{FinetuneSettings.__module__}:FinetuneSettings",
            settings={**SETTINGS, "dropout": 0.0, "loop": {**SETTINGS["loop"], "epochs": 2}, **settings},
            paths={name: str(folder / name) for name in ("dataset", "backbone", "model")},
        )
        self.exchange.give(job)

    def run(self, number: int) -> list[int]:
        """Exit codes of so many nodes."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
        torchrun = {
            "PET_NNODES": number,
            "PET_NPROC_PER_NODE": 1,
            "PET_MASTER_ADDR": "127.0.0.1",
            "PET_MASTER_PORT": port,
        }
        started = []
        for node in range(number):
            (home := self.folder / f"node-{node}").mkdir()
            own = {
                "STILLHOUSE_HOME": home,
                "STILLHOUSE_STORE": self.folder / "store",
                "PET_NODE_RANK": node,
                **torchrun,
            }
            environment = os.environ | {"OMP_NUM_THREADS": "1"} | {name: str(value) for name, value in own.items()}
            command = [sys.executable, "-P", "-m", "stillhouse.components.distributed.nodes", "finetune-1"]
            started.append(subprocess.Popen(command, env=environment, cwd=home))
        return [process.wait() for process in started]

    def told(self) -> tuple[Listener, Heard]:
        """All that they told."""
        heard = Heard()
        listener = Listener(heard)
        for lines in self.exchange.told(set()):
            listener.hear(lines)
        return listener, heard


@pytest.mark.faults
def test_two_nodes_make_the_model_of_one_and_tell_its_losses(tmp_path: Path) -> None:
    found = []
    for number in (1, 2):
        (folder := tmp_path / str(number)).mkdir()
        nodes = Nodes(folder)
        assert nodes.run(number) == [0] * number
        nodes.exchange.take_back(folder / "model")
        listener, heard = nodes.told()
        info = json.loads((folder / "model" / "model.json").read_text())
        found.append(
            (listener.result, heard.losses, load_file(folder / "model" / "model.safetensors"), info["settings"])
        )
    (figures, losses, weights, settings), (their_figures, their_losses, their_weights, their_settings) = found
    assert figures and their_figures
    assert their_figures["tokens"] == figures["tokens"]
    assert len(losses) >= 10
    assert their_losses == pytest.approx(losses, rel=1e-5)
    assert max(abs(their_weights[name] - value).max() for name, value in weights.items()) < 1e-4
    assert their_settings == settings


@pytest.mark.faults
def test_a_mistake_ends_all_nodes_and_is_told(tmp_path: Path) -> None:
    nodes = Nodes(tmp_path, base="/nowhere")
    assert nodes.run(2) == [1, 1]
    assert nodes.told()[0].mistake == "model folder '/nowhere' does not exist; check the path."
