"""A student keeps what the champion has right: it learns the champion's answers on those rows, and on no others."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from golden_losses import hold
from torch.nn.functional import kl_div

from stillhouse.components.artifacts.dataset import read_split
from stillhouse.components.artifacts.examples import Examples
from stillhouse.components.artifacts.spec import read_spec
from stillhouse.components.distill.champion import NotKept, beside_own, champion_to_keep, parted
from stillhouse.components.distill.signal import Kept
from stillhouse.components.targets.label_losses import soft_loss
from stillhouse.components.targets.tokens import tag_distillation_loss
from stillhouse.components.tasks import task_of
from stillhouse.errors import UserError

Workshop = Any
"""conftest.Workshop"""
Trained = Any
"""conftest.Trained"""
COMMAND = "STILLHOUSE_MAKE_GOLDEN=1 .venv/bin/pytest tests/unit/distill/test_champion.py"
SHAPE = {"layers": 1, "width": 8, "heads": 2, "vocab_size": 300, "max_length": 64}
SLOW = {"loop": {"epochs": 1}}


def losses(done: Any) -> list[float]:
    return [value for name, _, value in done.points if name == "train/loss"]


@pytest.fixture(scope="module")
def champion(trained: Trained, workshop_in: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small student of some epochs that has much right, and errs."""
    settings = {"loop": {"epochs": 4}, "optimizer": {"learning_rate": 1e-2}, "student": {"architecture": SHAPE}}
    with workshop_in(tmp_path_factory.mktemp("champion")) as workshop:
        done = workshop.run("distill", settings, dataset=trained.dataset, teacher=trained.teacher.model)
    return done.model


def test_the_distance_to_the_champion_is_that_of_its_rows_alone() -> None:
    student = torch.tensor([[1.0, 0.0], [0.5, 0.5], [-1.0, 2.0]], requires_grad=True)
    told = {"logits": torch.tensor([[3.0, 0.0], [0.0, 1.0]]), "logits_row": torch.tensor([0, 2])}
    full = beside_own(told, {"logits": student, "logits_row": torch.arange(3)})
    value = soft_loss("classes", student, full["logits"], 2.0)
    value.backward()

    rows = student.detach()[[0, 2]]
    alone = kl_div((rows / 2).log_softmax(-1), (told["logits"] / 2).softmax(-1), reduction="sum") * 4
    assert value.item() == pytest.approx(alone.item(), abs=1e-6)
    assert student.grad is not None
    assert student.grad[1].abs().max() < 1e-7
    assert student.grad[[0, 2]].abs().min() > 0.1


def test_of_tags_each_word_of_its_rows_counts_also_where_it_has_read_fewer() -> None:
    """The champion has two of the three words of the second sentence right, and nothing of the first and third."""
    student = torch.randn(3, 3, 2, generator=torch.Generator().manual_seed(0), requires_grad=True)
    is_word = torch.ones(3, 3, dtype=torch.bool)
    own = {"logits": student[is_word], "logits_row": is_word.nonzero()[:, 0]}
    told = {"logits": torch.tensor([[2.0, 0.0], [0.0, 2.0]]), "logits_row": torch.tensor([1, 1])}
    tag_distillation_loss(student, is_word, beside_own(told, own), 1.0)[0].backward()
    assert student.grad is not None
    assert (student.grad.abs().amax(-1) > 1e-6).tolist() == [[False] * 3, [True, True, False], [False] * 3]


def test_a_batch_without_such_a_row_has_no_distance() -> None:
    student = torch.tensor([[1.0, 0.0]])
    told = {"logits": torch.zeros(0, 2), "logits_row": torch.zeros(0, dtype=torch.int64)}
    full = beside_own(told, {"logits": student, "logits_row": torch.arange(1)})
    assert soft_loss("classes", student, full["logits"], 2.0).item() == pytest.approx(0.0, abs=1e-6)


def test_only_chosen_examples_keep_their_values() -> None:
    kept = Kept(torch.arange(6.0), torch.tensor([0, 2, 3, 6])).only(torch.tensor([True, False, True]))
    assert kept.values.tolist() == [0.0, 1.0, 3.0, 4.0, 5.0]
    values, row = kept.of_rows(torch.tensor([2, 1, 0]))
    assert (values.tolist(), row.tolist()) == ([3.0, 4.0, 5.0, 0.0, 1.0], [0, 0, 0, 2, 2])


def test_a_signal_is_the_teachers_and_the_champions() -> None:
    one, two = torch.zeros(1), torch.ones(1)
    assert parted({"logits": one, "champion_logits": two}) == ({"logits": one}, {"logits": two})


def test_the_rows_are_those_that_it_answers_right_and_none_without_a_label(trained: Trained, champion: Path) -> None:
    task = task_of(read_spec(trained.dataset))
    train, unlabelled = (read_split(trained.dataset, split) for split in ("train", "unlabelled"))
    found = champion_to_keep(task, str(champion), train, Examples.concat([train, unlabelled]), "cpu")
    assert not isinstance(found, NotKept)
    right = task.answer(task.load(champion), train).argmax(1) == np.array(train.values("label"))
    assert found.right.tolist() == [*right.tolist(), *[False] * len(unlabelled)]
    assert 0 < right.sum() < len(train)


@pytest.mark.parametrize("cached", [True, False])
def test_a_student_that_keeps_to_it_answers_its_right_rows_more_as_it_does(
    workshop: Workshop, trained: Trained, champion: Path, cached: bool
) -> None:
    paths = {"dataset": trained.dataset, "teacher": trained.teacher.model}
    more = {} if cached else {"hidden_weight": 1e-6}
    free = workshop.run("distill", {**SLOW, **more}, **paths)
    kept = workshop.run("distill", {**SLOW, **more, "keep_champion_right": 20.0, "champion": str(champion)}, **paths)
    task, train = task_of(read_spec(trained.dataset)), read_split(trained.dataset, "train")
    theirs, *ours = (task.answer(task.load(model), train) for model in (champion, free.model, kept.model))
    right = theirs.argmax(1) == np.array(train.values("label"))
    gaps = [np.abs(answers - theirs)[right].mean() for answers in ours]
    assert gaps[1] < 0.9 * gaps[0]


def test_the_losses_are_those_of_the_golden_file(workshop: Workshop, trained: Trained, champion: Path) -> None:
    settings = {"loop": {"epochs": 2}, "keep_champion_right": 5.0, "champion": str(champion), "temperature": 3.0}
    settings |= {"student": {"architecture": SHAPE}}
    done = workshop.run("distill", settings, dataset=trained.dataset, teacher=trained.teacher.model)
    hold(losses(done), Path(__file__).parent / "golden" / "champion.json", COMMAND)


def test_without_a_weight_or_a_champion_the_weights_are_bit_for_bit_the_same(
    workshop: Workshop, trained: Trained, champion: Path
) -> None:
    paths = {"dataset": trained.dataset, "teacher": trained.teacher.model}
    given = [{}, {"champion": str(champion)}, {"keep_champion_right": 5.0}]
    one, other, third = (workshop.run("distill", {**SLOW, **each}, **paths) for each in given)
    assert one.weights == other.weights == third.weights


def test_a_champion_of_other_labels_is_not_kept_to_and_the_run_says_so(trained: Trained, champion: Path) -> None:
    spec = read_spec(trained.dataset)
    task = task_of(spec.model_copy(update={"labels": [*spec.labels, "silver"]}))
    train = read_split(trained.dataset, "train")
    found = champion_to_keep(task, str(champion), train, train, "cpu")
    assert found == NotKept("The student does not keep to the champion, which answers with other labels.")


def test_answers_that_are_not_right_or_wrong_are_refused_in_one_sentence(workshop: Workshop) -> None:
    dataset = workshop.dataset("number")
    teacher = workshop.run("finetune", {"loop": {"epochs": 1}, "base": ""}, dataset=dataset)
    settings = {**SLOW, "keep_champion_right": 1.0, "champion": str(teacher.model)}
    with pytest.raises(UserError, match=r"not right or wrong .*; leave distill\.keep_champion_right out\."):
        workshop.run("distill", settings, dataset=dataset, teacher=teacher.model)


def test_answers_too_large_to_keep_are_refused(workshop: Workshop, trained: Trained, champion: Path) -> None:
    settings = {**SLOW, "keep_champion_right": 1.0, "champion": str(champion), "max_cache_bytes": 100}
    with pytest.raises(UserError, match=r"the champion's answers take 960 bytes, and distill\.max"):
        workshop.run("distill", settings, dataset=trained.dataset, teacher=trained.teacher.model)
