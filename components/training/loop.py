"""The one training loop: pretraining, fine-tuning and distilling hand it a model, samples and a loss."""

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from stillhouse.components.training.batches import Plan, Samples, Step, split_by_padded_tokens
from stillhouse.components.training.checkpoints import Checkpoints
from stillhouse.components.training.history import History, Sums, TooLarge
from stillhouse.components.training.loader import Wanted, load
from stillhouse.components.training.optimizer import freeze_below, make_optimizer, set_learning_rates, train_mode
from stillhouse.components.training.precision import autocast, pick_device
from stillhouse.components.training.preemption import Preempted, stop_request
from stillhouse.components.training.randomness import seed_step
from stillhouse.components.training.ranks import NotLeader, Ranks
from stillhouse.components.training.settings import LoopSettings, OptimizerSettings
from stillhouse.errors import UserError

log = logging.getLogger(__name__)

CURVE_POINTS = 200
"""Points of a training curve, at most. They stand at fixed steps, not times, so that a resumed run makes the same."""

Loss = Callable[[nn.Module, Mapping[str, torch.Tensor]], tuple[torch.Tensor, int]]
"""A plain function: the model and a micro-batch -> the sum of the losses and over how many things it sums."""


class Reporter(Protocol):
    """Where curves and progress go."""

    def metrics(self, values: dict[str, float], step: int = 0) -> None:
        """Points of the curves at `step`."""
        ...

    def progress(self, done: float, total: float, unit: str, note: str = "") -> None:
        """How far it is."""
        ...


@dataclass(frozen=True)
class Evaluation:
    """What tells how good the model is now."""

    measure: Callable[[nn.Module], dict[str, float]]
    main: str
    greater_is_better: bool | None = True
    """None: it does not tell which weights are better; the last ones for which it is finite are kept."""
    standard_error: Callable[[], float] = float
    """Of the main value that was measured last."""

    def prefers(self, value: float, best: float | None) -> bool:
        """Whether this value is better than the best one before."""
        if not math.isfinite(value) or best is None or self.greater_is_better is None:
            return math.isfinite(value)
        return value > best if self.greater_is_better else value < best

    def keeps(self, value: float, best: float | None, slack: float) -> bool:
        """Whether this value is better than the best one before, or worse by less than `slack`."""
        return self.prefers(value + slack if self.greater_is_better else value - slack, best)


@dataclass(frozen=True)
class Unfreezing:
    """Parameters below a depth do not learn; every `every` epochs one more layer, from the top, does (0: never)."""

    level: int = 0
    every: int = 0

    def at(self, epoch: int) -> int:
        """Depth from which parameters learn in `epoch`."""
        return max(0, self.level - (epoch // self.every if self.every else 0))


class Training:
    """One training: `run` it to the end, or on from its newest checkpoint.

    Processes that have joined (`ranks.joined`) share each batch: every one of them goes through its part, and the
    gradients are summed. Loss and gradients are divided by the weight of the whole batch, so that the number of
    processes changes nothing but the order in which floats are added up. The first one evaluates and writes.

    Args:
        unit: what examples are counted in, for figures and messages.
    """

    def __init__(
        self,
        model: nn.Module,
        samples: Samples,
        loss: Loss,
        *,
        settings: LoopSettings,
        optimizer: OptimizerSettings,
        num_layers: int,
        report: Reporter,
        evaluation: Evaluation | None = None,
        checkpoints: Checkpoints | None = None,
        unfreezing: Unfreezing = Unfreezing(),
        unit: str = "token",
    ) -> None:
        self.ranks = Ranks.current()
        self.device = pick_device()
        self.model = model.to(self.device)
        self.forward: nn.Module = torch.compile(self.model) if settings.compile else self.model  # type: ignore[assignment]
        self.samples, self.loss, self.settings = samples, loss, settings
        self.report, self.evaluation, self.checkpoints = report, evaluation, checkpoints
        self.unfreezing, self.num_layers, self.unit = unfreezing, num_layers, unit
        self.plan = Plan(
            samples.lengths,
            batch_tokens=settings.batch_tokens,
            micro_batch_tokens=settings.micro_batch_tokens,
            seed=settings.seed,
            num_epochs=settings.epochs,
        )
        self.num_steps = self.plan.num_steps
        self.num_units = settings.epochs * int(samples.lengths.sum())
        self.report_every = -(-self.num_steps // CURVE_POINTS)
        self.optimizer = make_optimizer(model, optimizer, num_layers)
        self.optimizer_settings = optimizer
        self.history = History()
        self.best_weights: dict[str, torch.Tensor] = {}
        self.learning_rate = 0.0

    def run(self) -> History:
        """Train to the end and leave the best weights in the model.

        Raises:
            Preempted: a signal asked to stop; a checkpoint was written first.
            UserError: no evaluation was a finite number.
            NotLeader: this process is not the first of those that train together.
        """
        self._begin()
        resumed_at = self.history.step
        saved = time.monotonic()
        with stop_request() as stop, self._loading():
            for step in self.plan.steps(resumed_at):
                if step.index == 0 or self.history.step == resumed_at:
                    freeze_below(self.model, self.unfreezing.at(step.epoch), self.num_layers)
                self._step(step)
                now = time.monotonic()
                if self._evaluates_after(step):
                    self._evaluate(step.epoch + (step.index + 1) / self.plan.sizes[step.epoch])
                self._progress()
                if self.history.step % self.report_every == 0 or self.history.step == self.num_steps:
                    self._report()
                if self.history.stopped:
                    break
                stopping = self.ranks.any(bool(stop))
                if stopping or (now - saved >= self.settings.checkpoint_seconds and not self._still_saving()):
                    self._save()
                    saved = now
                if stopping:
                    self._stop()
        if not self.ranks.leads:
            raise NotLeader
        if self.evaluation is not None and self.history.best is None:
            raise UserError(
                f"no evaluation gave a finite {self.evaluation.main}: the training diverged; lower "
                "optimizer.learning_rate, or set loop.precision to float32."
            )
        if self.best_weights:
            self.model.load_state_dict(self.best_weights, strict=False)
        return self.history

    @contextmanager
    def _loading(self) -> Iterator[None]:
        """Around the steps: those who make the micro-batches begin and end with them.

        Raises:
            UserError: memory ran out where nothing can be halved.
        """
        self._load()
        try:
            yield
        except torch.OutOfMemoryError:
            raise UserError(
                f"the model with its optimizer does not fit into the memory of the {self.device.type}: "
                "take a smaller model, or lower loop.micro_batch_tokens."
            ) from None
        finally:
            self.micro_batches.close()

    def _load(self) -> None:
        """Have the micro-batches made from the next step on, and none before it."""
        self.micro_batches = load(self.samples, self._wanted(self.history.step), self.settings.num_workers)

    def _wanted(self, done: int) -> Iterator[Wanted]:
        for step in self.plan.steps(done):
            for rows in self._cut(step):
                yield rows, step.epoch

    def _cut(self, step: Step) -> list[np.ndarray]:
        """Rows of each of this process's micro-batches of the step."""
        budget = self.history.micro_batch_units or self.settings.micro_batch_tokens
        rows = self.ranks.share(step.rows)
        return split_by_padded_tokens(rows, self.samples.lengths, budget) if len(rows) else []

    def _step(self, step: Step) -> None:
        began = time.perf_counter()
        parts = self.ranks.gather(self._gradients(step))
        while too_large := [part.too_large for part in parts if part.too_large]:
            self._halve_micro_batches(too_large)
            parts = self.ranks.gather(self._gradients(step))
        summed = Sums.over(parts)
        self.ranks.sum_gradients(self.model)
        for parameter in self.model.parameters():
            if parameter.grad is not None:
                parameter.grad.div_(max(summed.weight, 1))
        nn.utils.clip_grad_norm_(self.model.parameters(), self.optimizer_settings.max_grad_norm)
        self.learning_rate = set_learning_rates(
            self.optimizer, self.optimizer_settings, step=self.history.step, num_steps=self.num_steps
        )
        self.optimizer.step()
        self.optimizer.zero_grad()
        history = self.history
        history.step += 1
        history.units += int(self.samples.lengths[step.rows].sum())
        history.padded_units += summed.padded_units
        history.loss_sum += summed.loss
        history.loss_weight += summed.weight
        history.data_seconds += summed.waited
        history.seconds += time.perf_counter() - began

    def _gradients(self, step: Step) -> Sums:
        """Sum the gradients of this process's part of the step's batch, and what else counts."""
        summed = Sums()
        seed_step(self.settings.seed, self.history.step, self.ranks.rank)
        train_mode(self.forward)
        for rows in self._cut(step):
            fetched = time.perf_counter()
            batch = next(self.micro_batches)
            try:
                inputs = {name: tensor.to(self.device, non_blocking=True) for name, tensor in batch.items()}
                summed.waited += time.perf_counter() - fetched
                with autocast(self.settings, self.device):
                    loss, count = self.loss(self.forward, inputs)
                loss.backward()
            except torch.OutOfMemoryError:
                summed.too_large = TooLarge(len(rows), int(self.samples.lengths[rows].max()))
                return summed
            summed.loss += loss.detach().item()
            summed.weight += count
            summed.padded_units += len(rows) * int(self.samples.lengths[rows].max())
        return summed

    def _halve_micro_batches(self, failed: list[TooLarge]) -> None:
        """Throw away what the failed passes have left; micro-batches are half as large from this step on.

        Raises:
            UserError: one was of a single row.
        """
        self.optimizer.zero_grad()
        if singles := [each.longest for each in failed if each.rows == 1]:
            raise UserError(
                f"a single sample of {min(singles):,} {self.unit}s does not fit into the memory of the "
                f"{self.device.type}: lower loop.max_length or take a smaller model."
            )
        # Of what it was: the setting may be far larger than a batch.
        units = min(each.rows * each.longest for each in failed)
        self.history.micro_batch_units = units // 2
        log.warning(
            "memory ran out at step %d with %d %ss in a micro-batch; from now on they have %d at most, and more of "
            "them make up the same batch",
            self.history.step,
            units,
            self.unit,
            self.history.micro_batch_units,
        )
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        self.micro_batches.close()
        self._load()

    def _evaluates_after(self, step: Step) -> bool:
        if self.evaluation is None:
            return False
        size = self.plan.sizes[step.epoch]
        parts = min(self.settings.evaluations_per_epoch, size)
        return any(step.index + 1 == -(-size * part // parts) for part in range(1, parts + 1))

    def _evaluate(self, epochs: float) -> None:
        assert self.evaluation is not None
        values, error = self.ranks.of_leader(self._measure(self.evaluation) if self.ranks.leads else None)
        history, main = self.history, values[self.evaluation.main]
        if self.evaluation.keeps(main, history.best_seen, history.slack):
            history.best, history.best_step = main, history.step
            if self.ranks.leads:
                self.best_weights = {
                    name: t.detach().to("cpu", copy=True) for name, t in self.model.state_dict().items()
                }
        if self.evaluation.prefers(main, history.best_seen):
            history.best_seen, history.slack, history.stale = main, error, 0
        else:
            history.stale += 1
            history.stopped = 0 < self.settings.patience <= history.stale
            if not math.isfinite(main) and not self._has_finite_weights():
                log.warning("the weights are no longer finite numbers at step %d; training ends here", history.step)
                history.stopped = True
        history.points.append({"step": history.step, "epochs": epochs, **values})
        self.report.metrics({f"validation/{name}": value for name, value in values.items()}, step=history.step)
        log.info("epoch %.2f: %s", epochs, ", ".join(f"{name} {value:.4f}" for name, value in values.items()))

    def _has_finite_weights(self) -> bool:
        return all(bool(t.isfinite().all()) for t in self.model.state_dict().values() if t.is_floating_point())

    def _measure(self, evaluation: Evaluation) -> tuple[dict[str, float], float]:
        """The values; and how far below the best one the main one may be for its weights to be kept."""
        self.model.eval()
        with torch.inference_mode(), autocast(self.settings, self.device):
            values = evaluation.measure(self.model)
        return values, evaluation.standard_error() if self.settings.keep == "latest" else 0.0

    def _progress(self) -> None:
        history, note = self.history, f"loss {self.history.loss:.3f}"
        if history.best is not None and self.evaluation is not None:
            note += f", {self.evaluation.main} {history.best:.4f}"
        self.report.progress(history.units, self.num_units, f"{self.unit}s", note)

    def _report(self) -> None:
        history, rate = self.history, f"{self.unit}s_per_second"
        figures = history.summary(self.unit)
        self.report.metrics(
            {
                "train/loss": history.loss,
                "train/learning_rate": self.learning_rate,
                f"train/{rate}": figures[rate],
                "train/fill_ratio": figures["fill_ratio"],
                "train/data_wait_share": figures["data_wait_share"],
            },
            step=history.step,
        )
        history.losses.append([history.step, history.loss])
        history.loss_sum = history.loss_weight = 0.0

    def _still_saving(self) -> bool:
        """Whether the checkpoint before is still being written: a slow store makes them rare, not the training slow."""
        return self.checkpoints is not None and self.checkpoints.busy

    def _save(self) -> None:
        if self.checkpoints is not None and self.ranks.leads:
            self.checkpoints.save(self.history.step, self._tensors(), vars(self.history))

    def _stop(self) -> None:
        if self.checkpoints is not None:
            self.checkpoints.wait()
        self.ranks.wait()  # who ends early ends the others, and the first one may still write
        raise Preempted(f"stopped at step {self.history.step} of {self.num_steps}; the same command goes on from there")

    def _tensors(self) -> dict[str, torch.Tensor]:
        tensors = {f"model/{name}": t for name, t in self.model.state_dict().items()}
        tensors |= {f"best/{name}": t for name, t in self.best_weights.items()}
        for index, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{index}/{name}": t for name, t in state.items()}
        return _without_aliases(tensors)

    def _begin(self) -> None:
        """From the newest checkpoint, or from the weights as they are: the first process's in all of them."""
        if self.ranks.leads:
            self._resume()
        if self.ranks.size > 1:
            state = self.ranks.of_leader(vars(self.history))
            tensors = self.ranks.tensors_of_leader(self._tensors())
            if not self.ranks.leads:
                self._restore(tensors, state)

    def _resume(self) -> None:
        found = self.checkpoints.newest() if self.checkpoints is not None else None
        if found is not None:
            self._restore(*found)
            log.info("goes on from the checkpoint at step %d of %d", self.history.step, self.num_steps)

    def _restore(self, tensors: dict[str, torch.Tensor], state: dict[str, Any]) -> None:
        self.history = History(**state)
        self.model.load_state_dict(_part(tensors, "model/"), strict=False)
        self.best_weights = _part(tensors, "best/")
        optimizer: dict[int, dict[str, Any]] = {}
        for name, tensor in _part(tensors, "optimizer/").items():
            index, key = name.split("/")
            optimizer.setdefault(int(index), {})[key] = tensor
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": optimizer})


def _part(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}


def _without_aliases(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tied weights once: safetensors refuses two names for one memory, and loading the one sets the other."""
    seen: set[int] = set()
    return {
        name: t for name, t in tensors.items() if t.numel() == 0 or not (t.data_ptr() in seen or seen.add(t.data_ptr()))
    }
