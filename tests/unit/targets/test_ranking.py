"""Ranked items as a target."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn.functional import kl_div, log_softmax

from stillhouse.components.targets.ranking import (
    Ranking,
    autoencoder_loss,
    best,
    most_popular,
    multinomial,
    soft_top,
    top,
)
from stillhouse.components.targets.ranking_measures import coverage, ranking_statistics


def _values(statistics: dict[str, np.ndarray], weights: np.ndarray, num_items: int = 30) -> list[np.ndarray]:
    return [measure.value(statistics, weights) for measure in Ranking([str(i) for i in range(num_items)]).measures]


def _random(users: int = 25) -> tuple[list[np.ndarray], list[np.ndarray]]:
    random = np.random.default_rng(0)
    answers = [random.permutation(30)[: random.integers(0, 26)] for _ in range(users)]
    return answers, [random.permutation(30)[: random.integers(0, 14)] for _ in range(users)]


def test_figures_of_one_user_by_hand() -> None:
    found = ranking_statistics([np.array([4, 1, 7, 2])], [np.array([1, 2, 9])])
    ndcg, recall, covered = _values(found, np.ones((1, 1), np.int64))
    dcg = 1 / math.log2(3) + 1 / math.log2(5)
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert ndcg[0] == pytest.approx(dcg / ideal, abs=1e-15)
    assert recall[0] == pytest.approx(2 / 3)
    assert covered[0] == pytest.approx(4 / 30)


def test_a_perfect_list_is_1_however_much_was_held_out() -> None:
    for number in (1, 10, 25):
        found = ranking_statistics([np.arange(number)], [np.arange(number)])
        assert _values(found, np.ones((1, 1), np.int64))[0][0] == pytest.approx(1.0, abs=1e-15)


def test_users_of_whom_nothing_is_held_out_are_in_no_mean() -> None:
    found = ranking_statistics([np.array([1]), np.array([1])], [np.array([1]), np.array([], int)])
    ndcg, recall, _ = _values(found, np.array([[1, 1], [0, 1], [0, 0]]))
    np.testing.assert_array_equal(ndcg, [1.0, np.nan, np.nan])
    np.testing.assert_array_equal(recall, [1.0, np.nan, np.nan])


def test_measures_under_weights_are_those_of_the_literal_resample() -> None:
    answers, held_out = _random()
    random = np.random.default_rng(1)
    draws = random.integers(0, 25, (40, 25))
    weights = np.stack([np.bincount(draw, minlength=25) for draw in draws])
    under_weights = _values(ranking_statistics(answers, held_out), weights)
    one = np.ones((1, 25), np.int64)
    for resample, draw in enumerate(draws):
        literal = ranking_statistics([answers[i] for i in draw], [held_out[i] for i in draw])
        for measure, expected in zip(under_weights, _values(literal, one), strict=True):
            assert measure[resample] == pytest.approx(expected[0], abs=1e-14)


def test_coverage_counts_an_item_once_and_nobody_covers_nothing() -> None:
    found = ranking_statistics([np.array([0, 1]), np.array([1, 2]), np.array([], int)], [np.array([5])] * 3)
    weights = np.array([[1, 1, 1], [7, 0, 0], [0, 0, 1], [0, 0, 0]])
    np.testing.assert_array_equal(coverage(4).value(found, weights), [0.75, 0.5, 0.0, np.nan])


def test_a_variational_model_pays_for_its_divergence() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.25, 0.25], [0.8, 0.1, 0.1]]))
    batch = {"held_out": torch.tensor([0, 1, 2]), "held_out_row": torch.tensor([0, 0, 1])}
    plain, users = autoencoder_loss(SimpleNamespace(logits=logits, divergence=None), batch)
    assert (plain.item(), users) == (multinomial(logits, batch)[0].item(), 2)
    drawn, _ = autoencoder_loss(SimpleNamespace(logits=logits, divergence=torch.tensor([1.0, 2.0])), batch, 0.5)
    assert drawn.item() == pytest.approx(plain.item() + 1.5, rel=1e-6)


def test_the_multinomial_loss_by_hand() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [0.2, 0.2, 0.6]]))
    batch = {"held_out": torch.tensor([0, 2, 2]), "held_out_row": torch.tensor([0, 0, 2])}
    total, users = multinomial(logits, batch)
    assert users == 2
    assert total.item() == pytest.approx(-math.log(0.5 * 0.2) / 2 - math.log(0.6), rel=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_with_all_items_told_the_loss_is_the_full_divergence(temperature: float) -> None:
    torch.manual_seed(0)
    teacher, student = torch.randn(4, 12), torch.randn(4, 12, requires_grad=True)
    signal = {name: told.values for name, told in top(teacher, temperature, 99).items()}
    total, users = soft_top(student, signal, temperature)
    p, q = (log_softmax(each / temperature, -1) for each in (teacher, student))
    expected = kl_div(q, p, reduction="sum", log_target=True) * temperature**2
    torch.testing.assert_close(total, expected)
    assert users == 4
    (gradient,), (wanted,) = torch.autograd.grad(total, student), torch.autograd.grad(expected, student)
    torch.testing.assert_close(gradient, wanted)


def test_with_some_told_the_rest_is_one_class() -> None:
    torch.manual_seed(0)
    teacher, student = torch.randn(4, 12), torch.randn(4, 12, requires_grad=True)
    told = top(teacher, 2.0, 3)
    assert told["items"].counts.tolist() == [3] * 4
    total, _ = soft_top(student, {name: each.values for name, each in told.items()}, 2.0)
    expected = torch.zeros(())
    for row in range(4):
        p, q = (torch.softmax(each[row] / 2.0, -1) for each in (teacher, student))
        first = p.argsort(descending=True)[:3]
        p, q = (torch.cat([each[first], 1 - each[first].sum(0, keepdim=True)]) for each in (p, q))
        expected = expected + 4 * (p * (p / q).log()).sum()
    torch.testing.assert_close(total, expected, rtol=1e-4, atol=1e-5)
    (gradient,) = torch.autograd.grad(total, student)
    assert torch.isfinite(gradient).all()


def test_a_student_that_scores_like_its_teacher_has_no_loss() -> None:
    logits = torch.tensor([[90.0, 0.0, -90.0, -95.0]])  # a tail whose mass is 0 in float32
    signal = {name: told.values for name, told in top(logits, 1.0, 2).items()}
    assert soft_top(logits, signal, 1.0)[0].item() == pytest.approx(0.0, abs=1e-6)


def test_answers_leave_out_what_was_taken_and_what_has_no_finite_score() -> None:
    logits = torch.tensor([[1.0, 5.0, 5.0, 2.0], [math.nan, 1.0, math.inf, 3.0]])
    batch = {"items": torch.tensor([3, 1]), "items_row": torch.tensor([0, 1])}
    assert [each.tolist() for each in best(logits, batch)] == [[1, 2, 0], [3]]
    assert [each.tolist() for each in best(logits, batch, 1)] == [[1], [3]]


def test_the_most_popular_items_are_the_first_ones_not_taken() -> None:
    found = most_popular(5, [np.array([0, 2]), np.array([], int), np.arange(5)], 2)
    assert [each.tolist() for each in found] == [[1, 3], [0, 1], []]


def test_predict_names_ten_items() -> None:
    target = Ranking([f"film {i}" for i in range(20)])
    assert list(target.rows([np.array([3, 0]), np.arange(20)])) == [
        {"items": ["film 3", "film 0"]},
        {"items": [f"film {i}" for i in range(10)]},
    ]
