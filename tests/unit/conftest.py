"""What tests of several steps share: small datasets that can be learnt, and steps that can be stopped."""

import hashlib
import json
import multiprocessing
import os
import pickle
import random
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from hypothesis import settings

from stillhouse.components.distributed.launch import on_accelerators
from stillhouse.components.models.settings import Architecture
from stillhouse.components.storage.s3 import client as patience
from stillhouse.components.tasks import load_task
from stillhouse.components.tasks.interface.settings import settings_for_name
from stillhouse.components.tracking.run import StepRun
from stillhouse.components.tracking.spool import read_events
from stillhouse.components.training.preemption import Preempted

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

# Of bad inputs the default tests try some hundred, `--hypothesis-profile=thorough` (the fault suite) some thousand.
settings.register_profile("thorough", max_examples=1000)

FILLER = tuple("abcdefghijklmnopqrstuvwxyz")
MARKERS = {"classes": ("gold", "iron"), "multi_label": ("red", "green"), "number": ("up", "down")}
ROWS = {"train": 96, "validation": 32, "test": 24, "unlabelled": 24}
SMALL: dict[str, dict[str, Any]] = {
    "architecture": {"layers": 2, "width": 16, "heads": 2, "vocab_size": 300, "max_length": 64},
    "loop": {"epochs": 2, "batch_tokens": 256, "max_length": 48},
}
"""Settings that make a step last well under a second."""
MEASURED = ("_per_second", "data_wait_share")
"""Ends of the names of points that hold times; all others are the same in each run."""


@pytest.fixture(autouse=True)
def own_environment() -> Iterator[None]:
    """What a command sets for its process (`--home`) ends with the test that ran it."""
    with patch.dict(os.environ):
        yield


@dataclass
class Done:
    """What a step left behind."""

    figures: dict[str, float]
    model: Path
    points: list[tuple[str, int, float]]
    """(name, step, value) of every point that is no measurement of time."""

    @property
    def weights(self) -> bytes:
        """The file of the weights."""
        return (self.model / "model.safetensors").read_bytes()

    @property
    def info(self) -> dict[str, Any]:
        """Its model.json."""
        return json.loads((self.model / "model.json").read_text())


class StoppedRun(StepRun):
    """Sends SIGTERM to its own process after so many steps of the optimizer (0: never)."""

    stop_after = 0

    def progress(self, done: float, total: float, unit: str, note: str = "") -> None:
        """Count the steps."""
        super().progress(done, total, unit, note)
        if note.startswith("loss"):
            self.stop_after -= 1
            if self.stop_after == 0:
                os.kill(os.getpid(), signal.SIGTERM)


@dataclass
class Workshop:
    """A home folder with datasets, in which steps run."""

    folder: Path

    def dataset(self, target: str = "classes", augment: float = 0.0) -> Path:
        """A dataset whose targets are told by marker words among filler."""
        folder = self.folder / f"dataset-{target}-{augment}"
        if not folder.exists():
            _write_dataset(folder, target, augment)
        return folder

    def run(
        self,
        step: str,
        settings: dict[str, Any],
        *,
        stop_after: int = 0,
        name: str = "",
        gpu_count: str = "0",
        **paths: Path,
    ) -> Done:
        """Run a step with small defaults under `settings`; stopped after so many steps of the optimizer if asked."""
        model = self.folder / (name or f"{step}-{len(list(self.folder.iterdir()))}")
        log = StoppedRun(step, f"run-{model.name}", self.folder / "home")
        log.stop_after = stop_after
        declared = getattr(import_module(f"stillhouse.components.{step}.settings"), f"{step.capitalize()}Settings")
        given = _with_defaults(step, settings)
        parsed = settings_for_name(declared, given["task"]).model_validate(given)
        function = getattr(import_module(f"stillhouse.components.{step}.{step}"), step)
        figures = on_accelerators(function, gpu_count)(parsed, **paths, model=model, run=log)
        return Done(figures, model, _points(self.folder / "home" / f"run-{model.name}" / "spool" / f"{step}.jsonl"))

    def whole_and_resumed(self, run: Callable[..., Done], stop_after: int) -> tuple[Done, Done]:
        """A step run to its end, and the same stopped after so many steps and run again; `run` takes both settings of
        the method above."""
        whole = run(name="whole")
        with pytest.raises(Preempted):
            run(name="again", stop_after=stop_after)
        assert not (self.folder / "again").exists()
        return whole, run(name="again")


def _with_defaults(step: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings, with small ones of text where the task has networks on text."""
    if load_task(settings.get("task", "text_classification")).Architecture is not Architecture:
        return settings
    keys = ["loop"] if step == "distill" else ["loop", "architecture"]
    return {"task": "text_classification", **settings, **{key: {**SMALL[key], **settings.get(key, {})} for key in keys}}


def _points(spool: Path) -> list[tuple[str, int, float]]:
    events = [event for _, event in read_events(spool) if event["event"] == "metric"]
    found = [(name, event["step"], value) for event in events for name, value in event["values"].items()]
    return [point for point in found if not point[0].endswith(MEASURED)]


def _write_dataset(folder: Path, target: str, augment: float) -> None:
    import pyarrow
    import pyarrow.parquet

    folder.mkdir()
    draw, markers = random.Random(7), MARKERS[target]
    for split, rows in ROWS.items():
        made = [_row(draw, target, markers) for _ in range(rows)]
        columns: dict[str, Any] = {
            "hash": [hashlib.sha256(f"{split} {i}".encode()).hexdigest()[:32] for i in range(rows)],
            "text": [text for text, _ in made],
        }
        if split != "unlabelled":
            columns["label"] = [label for _, label in made]
        pyarrow.parquet.write_table(pyarrow.table(columns), folder / f"{split}.parquet")
    about = {
        "format": 1,
        "task": "text_classification",
        "target": target,
        "labels": [] if target == "number" else list(markers),
        "columns": {"text": ["text"], "label": "label"},
        "augment": augment,
        "content_digest": hashlib.sha256(f"{target} {augment}".encode()).hexdigest(),
    }
    (folder / "dataset.json").write_text(json.dumps(about))


def _row(draw: random.Random, target: str, markers: tuple[str, ...]) -> tuple[str, Any]:
    """A text and its target: which marker it holds, which of them, or 1,000 and 200 for each 'up' less 'down'."""
    words = draw.choices(FILLER, k=draw.randint(3, 5 if target == "multi_label" else 20))
    if target == "classes":
        label = draw.randrange(len(markers))
        words += [markers[label]] * 2
    elif target == "multi_label":
        label = [float(draw.random() < 0.5) for _ in markers]
        words += [marker for marker, present in zip(markers, label, strict=True) if present] * 4
    else:
        step = draw.choice([-1, 0, 1])
        label = 1000.0 + 200.0 * step
        words += [markers[0]] * 3 if step > 0 else [markers[1]] * 3 if step < 0 else []
    draw.shuffle(words)
    return " ".join(words), label


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums in the same order everywhere; and threads that wait for tiny models cost more than they bring."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """torch on one thread."""
    with _one_thread():
        yield


@pytest.fixture
def together(tmp_path: Path, one_thread: None) -> Callable[..., Any]:
    """Calls a function in so many processes that train together; the answer is what it returns in the first one.

    They are forks of this process, with real gloo between them: nothing is imported anew. An exception in one of
    them, other than the end of helping, fails the test.
    """

    def call(work: Callable[[], Any], size: int = 2) -> Any:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(taken.getsockname()[1])}
        answer = tmp_path / "answer.pickle"
        forks = [
            multiprocessing.get_context("fork").Process(
                target=_as_rank, args=(work, {**address, "RANK": str(rank), "WORLD_SIZE": str(size)}, answer)
            )
            for rank in range(size)
        ]
        for fork in forks:
            fork.start()
        for fork in forks:
            fork.join()
        assert [fork.exitcode for fork in forks] == [0] * size
        return pickle.loads(answer.read_bytes())

    return call


def _as_rank(work: Callable[[], Any], environment: dict[str, str], answer: Path) -> None:
    from stillhouse.components.training.ranks import joined

    os.environ |= environment
    with joined() as ranks:
        found = work()
        if ranks.leads:
            answer.write_bytes(pickle.dumps(found))


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_thread: None) -> Workshop:
    """An empty workshop."""
    monkeypatch.setenv("STILLHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("STILLHOUSE_STORE", raising=False)
    return Workshop(tmp_path)


@contextmanager
def _workshop_in(folder: Path) -> Iterator[Workshop]:
    with pytest.MonkeyPatch.context() as patch, _one_thread():
        patch.setenv("STILLHOUSE_HOME", str(folder / "home"))
        patch.delenv("STILLHOUSE_STORE", raising=False)
        yield Workshop(folder)


@pytest.fixture(scope="session")
def workshop_in() -> Callable[[Path], AbstractContextManager[Workshop]]:
    """A workshop in a folder, for as long as it is entered: for what many tests read and none changes."""
    return _workshop_in


def _config(kind: str, layers: int = 2, vocab_size: int = 20) -> "PreTrainedConfig":
    """A small configuration of an architecture: width 8, two heads, 16 positions; token 0 is padding."""
    from transformers import AutoConfig

    tokens = {"vocab_size": vocab_size, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    if kind == "gpt2":
        return AutoConfig.for_model(kind, n_embd=8, n_layer=layers, n_head=2, n_positions=16, **tokens)
    tokens["max_position_embeddings"] = 16
    if kind == "distilbert":
        return AutoConfig.for_model(kind, dim=8, n_layers=layers, n_heads=2, hidden_dim=16, **tokens)
    width = {"hidden_size": 8, "intermediate_size": 16} | ({"embedding_size": 8} if kind == "electra" else {})
    return AutoConfig.for_model(kind, num_hidden_layers=layers, num_attention_heads=2, **width, **tokens)


@pytest.fixture(scope="session")
def tiny_config() -> Callable[..., "PreTrainedConfig"]:
    """Makes configurations of bert, roberta, electra, distilbert and gpt2, see `_config`."""
    return _config


@dataclass(frozen=True)
class Trained:
    """A backbone and a teacher of two layers, trained once for all tests that only read them."""

    dataset: Path
    backbone: Done
    teacher: Done


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """What pretrain and finetune made of the dataset with classes."""
    folder = tmp_path_factory.mktemp("trained")
    with _workshop_in(folder) as workshop:
        dataset = workshop.dataset()
        backbone = workshop.run("pretrain", {}, dataset=dataset)
        learning = {"loop": {"epochs": 8}, "optimizer": {"learning_rate": 5e-3}}
        teacher = workshop.run("finetune", learning, dataset=dataset, backbone=backbone.model)
    return Trained(dataset, backbone, teacher)


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty MLflow database; making one takes seconds, copying it nothing."""
    from stillhouse.components.tracking.connection import connect

    home = tmp_path_factory.mktemp("template")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        connect(home)
    return home / "mlflow.db"


@pytest.fixture(scope="session")
def s3_client() -> Iterator[Any]:
    """A plain client of an S3 server, to make buckets and do mischief with."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"aws_access_key_id": "tester", "aws_secret_access_key": "not-a-secret"}
    yield boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1", **keys)
    server.stop()


@pytest.fixture
def s3(s3_client: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The environment in which a store finds the server; five attempts, and short waits."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_client.meta.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tester")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "5")
    monkeypatch.setattr(patience, "MAX_WAIT", 0.01)
    return s3_client


@pytest.fixture
def bucket(s3: Any) -> str:
    """Name of a new bucket."""
    name = f"bucket-{uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return name
