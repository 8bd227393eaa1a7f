"""The LSTM on words: what it computes, by value, and that transformers takes it for one of its own."""

import ast
from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoModelForTokenClassification

from stillhouse.components.models import lstm
from stillhouse.components.models.layers import layer_list, num_layers, num_tokens, output_layer, take_layers, width
from stillhouse.components.models.lstm import (
    LockedDropout,
    LstmConfig,
    LstmForLanguageModeling,
    LstmForSequenceClassification,
    LstmForTokenClassification,
    LstmLayer,
    LstmModel,
)
from stillhouse.components.training.optimizer import depth

LENGTHS = torch.tensor([3, 7, 1, 5])
IDS = torch.randint(2, 20, (4, 7), generator=torch.Generator().manual_seed(1))
MASK = torch.arange(7) < LENGTHS[:, None]
HEADS = [LstmForSequenceClassification, LstmForTokenClassification]


def config(layers: int = 2, dropout: float = 0.0) -> LstmConfig:
    made = LstmConfig(vocab_size=20, hidden_size=8, num_hidden_layers=layers, hidden_dropout_prob=dropout)
    made.num_labels = 3
    return made


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


@torch.no_grad()
def test_a_layer_of_both_directions_is_torchs_bidirectional_one_on_packed_sequences() -> None:
    model = LstmModel(config(layers=1)).eval()
    layer, both = layer_list(model)[0], nn.LSTM(4, 4, batch_first=True, bidirectional=True)
    assert isinstance(layer, LstmLayer)
    for ours, ending in ((layer.to_right, ""), (layer.to_left, "_reverse")):
        for name, weight in ours.named_parameters():
            both.get_parameter(name + ending).copy_(weight)
    words = nn.utils.rnn.pack_padded_sequence(model.embeddings(IDS), LENGTHS, batch_first=True, enforce_sorted=False)
    expected, _ = nn.utils.rnn.pad_packed_sequence(both(words)[0], batch_first=True)
    found = model(IDS, MASK).last_hidden_state
    torch.testing.assert_close(found[MASK], expected[MASK])


@torch.no_grad()
@pytest.mark.parametrize("head", HEADS)
def test_an_answer_depends_neither_on_padding_nor_on_who_else_is_in_the_batch(head: type) -> None:
    model = head(config()).eval()
    together = model(IDS, MASK).logits
    for row, length in enumerate(LENGTHS.tolist()):
        alone = model(IDS[row : row + 1, :length]).logits
        seen = together[row : row + 1] if alone.dim() == 2 else together[row : row + 1, :length]
        torch.testing.assert_close(seen, alone)
    padded = torch.cat([torch.where(MASK, IDS, 0), torch.zeros(4, 30, dtype=torch.long)], 1)
    mask = torch.cat([MASK, torch.zeros(4, 30, dtype=torch.bool)], 1)
    far = model(padded, mask.long()).logits
    torch.testing.assert_close(
        far if far.dim() == 2 else far[:, :7][MASK], together if far.dim() == 2 else together[MASK]
    )


@torch.no_grad()
def test_a_text_is_classified_by_its_ends_its_largest_and_its_mean_values() -> None:
    model = LstmForSequenceClassification(config()).eval()
    states = model.lstm(IDS[:1, :3]).last_hidden_state[0]
    seen = torch.cat([states[-1, :4], states[0, 4:], states.amax(0), states.mean(0)])
    torch.testing.assert_close(model(IDS, MASK).logits[0], model.classifier(seen))


@torch.no_grad()
def test_each_word_is_predicted_from_those_before_it_and_from_those_behind_it() -> None:
    model = LstmForLanguageModeling(config()).eval()
    labels = torch.where(MASK, IDS, -100)
    labels[:, 0] = -100
    loss, count = model.loss_both_ways(IDS, MASK, labels)
    expected, pairs = 0.0, 0
    for row, length in enumerate(LENGTHS.tolist()):
        words = IDS[row : row + 1, :length]
        for at in range(1, length):
            to_right = model(words[:, :at]).logits[0, -1]  # has seen nothing of what it predicts
            expected -= to_right.log_softmax(-1)[words[0, at]].item()
            left = model.lstm(words[:, at:]).last_hidden_state[:, 0, 4:]
            to_left = model.predictions(left, model.lstm.embeddings.weight)[0]
            expected -= to_left.log_softmax(-1)[words[0, at - 1]].item()
            pairs += 2
    assert (loss.item(), count) == (pytest.approx(expected, rel=1e-5), pairs)


def test_words_are_predicted_with_the_weights_of_their_embeddings() -> None:
    model = LstmForLanguageModeling(config())
    assert {name for name, _ in model.named_parameters() if not name.startswith("lstm.")} == {"predictions.bias"}


def test_dropout_hides_the_same_values_of_all_words_of_a_text() -> None:
    dropout, states = LockedDropout(0.5), torch.ones(6, 9, 16)
    hidden = dropout(states)
    assert {0.0, 2.0} == set(hidden.unique().tolist())
    assert hidden.equal(hidden[:, :1].expand_as(hidden))
    assert not hidden[0].equal(hidden[1])
    assert dropout.eval()(states) is states


@torch.no_grad()
def test_a_student_of_its_layers_has_the_last_one_and_the_head() -> None:
    model = LstmForSequenceClassification(config(layers=3)).eval()
    small = take_layers(model, 1)
    assert (num_layers(small), width(small), num_tokens(small)) == (1, 8, 20)
    assert layer_list(small)[0].state_dict().keys() == layer_list(model)[2].state_dict().keys()
    for name, weight in layer_list(small)[0].state_dict().items():
        assert weight.equal(layer_list(model)[2].state_dict()[name])
    assert output_layer(small).weight.equal(model.classifier.weight)


def test_hidden_states_are_the_embeddings_and_what_each_layer_makes_of_them() -> None:
    outputs = LstmForSequenceClassification(config()).eval()(IDS, MASK, output_hidden_states=True)
    assert [tuple(states.shape) for states in outputs.hidden_states] == [(4, 7, 4), (4, 7, 8), (4, 7, 8)]


def test_parameters_lie_at_the_depth_of_their_layer() -> None:
    depths = {name: depth(name, 2) for name, _ in LstmForSequenceClassification(config()).named_parameters()}
    assert depths["lstm.embeddings.weight"] == 0
    assert depths["lstm.layers.0.to_left.bias_ih_l0"] == 1
    assert depths["lstm.layers.1.to_right.weight_hh_l0"] == 2
    assert depths["classifier.weight"] == 3


@torch.no_grad()
def test_nothing_is_forgotten_at_first() -> None:
    layer = layer_list(LstmModel(config()))[0]
    assert isinstance(layer, LstmLayer)
    weights = layer.to_left.state_dict()
    assert ((weights["bias_ih_l0"] + weights["bias_hh_l0"])[4:8] > 0).all()
    assert weights["weight_hh_l0"].abs().max() <= 0.5


@pytest.mark.parametrize(
    ("auto", "cls"),
    [
        (AutoModelForCausalLM, LstmForLanguageModeling),
        (AutoModelForSequenceClassification, LstmForSequenceClassification),
        (AutoModelForTokenClassification, LstmForTokenClassification),
    ],
)
def test_transformers_reads_what_it_has_written(auto: type, cls: type, tmp_path: Path) -> None:
    model = cls(config()).eval()
    model.save_pretrained(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "model.safetensors"}
    read, info = auto.from_pretrained(tmp_path, output_loading_info=True)
    assert type(read).__name__ == cls.__name__  # a registered model that was asked before brought its own copy
    assert not any(info[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    with torch.no_grad():
        assert read.eval()(IDS, MASK).logits.equal(model(IDS, MASK).logits)


def test_its_file_needs_nothing_of_stillhouse() -> None:
    tree = ast.parse(Path(lstm.__file__).read_text(encoding="utf-8"))
    named = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    named |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {name.partition(".")[0] for name in named} == {"typing", "torch", "transformers"}
