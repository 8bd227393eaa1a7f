"""What prepare finds out of a base: its weights where inspect could not, and whether it knows the texts' words."""

from pathlib import Path

import pytest
from bases_on_disk import CONFIG, bert_tensors, write_base

from stillhouse.components.artifacts.base_facts import BaseFacts
from stillhouse.components.artifacts.base_texts import check_numbers, check_texts
from stillhouse.components.prepare.bases import check_weights
from stillhouse.errors import UserError

KNOWN, UNKNOWN = "hello and bye", "привет"


def facts(folder: Path) -> BaseFacts:
    """As the light image hands them on: without a count of tensors."""
    return BaseFacts(address=str(folder), architecture="BertModel (bert)")


def test_the_tensors_are_counted_where_inspect_could_not(tmp_path: Path) -> None:
    found = check_weights([facts(write_base(tmp_path, bert_tensors(CONFIG, "module."))).model_dump()], {})
    assert found[0].tensors == 39
    assert found[0].notes == ["Its tensors are named with 'module.' before them, which is taken off."]


def test_a_base_that_is_not_whole_is_refused_before_the_data_are_read(tmp_path: Path) -> None:
    write_base(tmp_path, {name: one for name, one in bert_tensors(CONFIG).items() if ".1." not in name})
    with pytest.raises(UserError, match=r"16 of the 37 tensors of its architecture are not in it"):
        check_weights([facts(tmp_path).model_dump()], {})


@pytest.mark.parametrize(
    ("texts", "share"),
    [([KNOWN], 0.0), ([KNOWN, UNKNOWN], 0.25), ([f"{UNKNOWN} {KNOWN}"] * 3000, 0.25), ([UNKNOWN, KNOWN[:5]], 0.5)],
)
def test_the_share_of_unknown_tokens_is_that_of_the_texts(tmp_path: Path, texts: list[str], share: float) -> None:
    assert check_texts([facts(write_base(tmp_path))], texts, 0.5)[0].unknown == share


def test_more_unknown_tokens_than_are_allowed_are_refused_with_the_setting(tmp_path: Path) -> None:
    texts = [UNKNOWN, UNKNOWN, "hello"]
    with pytest.raises(UserError) as refused:
        check_texts([facts(write_base(tmp_path))], texts, 0.5)
    assert str(refused.value) == (
        f"base '{tmp_path}': 67% of the tokens of the texts are unknown to its vocabulary; take a base of the texts' "
        "language and writing, or allow it by prepare.max_unknown_tokens."
    )
    assert check_texts([facts(tmp_path)], texts, 0.7)[0].unknown == pytest.approx(2 / 3)


@pytest.mark.parametrize(("share", "warned"), [(1, False), (2, True)])
def test_from_five_percent_there_is_a_warning(
    tmp_path: Path, share: int, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    check_texts([facts(write_base(tmp_path))], [UNKNOWN] * share + ["hello"] * (20 - share), 0.5)
    assert ("are unknown to it" in caplog.text) == warned


@pytest.mark.parametrize(
    ("values", "decoder", "refused"),
    [
        ([1999.0, 2000.0, 2001.0], True, True),
        ([1999.0, 2000.0, 2001.0], False, False),
        ([1.0, 2.0, 5.0], True, False),
        ([-2001.0, -2000.0], True, True),
    ],
)
def test_numbers_far_from_zero_need_a_last_layer_with_a_bias(values: list[float], decoder: bool, refused: bool) -> None:
    base = BaseFacts(address="gpt", architecture="GPT2Model (gpt2)", decoder=decoder)
    if not refused:
        check_numbers([base], values)
        return
    with pytest.raises(UserError, match=r"^base 'gpt': its last layer has no bias, .* lie around -?2000"):
        check_numbers([base], values)
