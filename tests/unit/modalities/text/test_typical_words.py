"""Words that are typical of a label."""

from stillhouse.components.modalities.text.typical_words import typical_words

PLAIN = ["the", "and", "of", "we", "send"]


def rows(*own: str, number: int = 40) -> list[str]:
    """Texts that share all plain words and take turns with the given ones."""
    return [" ".join([*PLAIN, own[i % len(own)], str(i)]) for i in range(number)]


def test_words_that_all_labels_share_are_typical_of_none() -> None:
    texts = [*rows("refund", "invoice"), *rows("printer", "screen")]
    found = typical_words(texts, [[0]] * 40 + [[1]] * 40, 2)
    assert [set(each) for each in found] == [{"refund", "invoice"}, {"printer", "screen"}]


def test_the_word_that_tells_most_comes_first() -> None:
    texts = [*rows("refund"), *rows("printer", "printer", "screen")]
    assert typical_words(texts, [[0]] * 40 + [[1]] * 40, 2)[1] == ["printer", "screen"]


def test_one_row_that_repeats_a_word_does_not_make_it_typical() -> None:
    texts = [*rows("refund")[:-1], "unicorn " * 500, *rows("printer")]
    assert "unicorn" not in typical_words(texts, [[0]] * 40 + [[1]] * 40, 2)[0]


def test_a_row_counts_for_each_of_its_labels() -> None:
    texts = [*rows("refund"), *rows("printer"), *rows("screen")]
    found = typical_words(texts, [[0, 1]] * 40 + [[1]] * 40 + [[2]] * 40, 3)
    assert "refund" in found[0]
    assert "screen" in found[2]


def test_texts_without_spaces_have_typical_characters() -> None:
    found = typical_words(["退款请求"] * 30 + ["打印故障"] * 30, [[0]] * 30 + [[1]] * 30, 2)
    assert "退" in found[0]
    assert "打" in found[1]


def test_a_label_without_rows_or_without_others_has_none() -> None:
    assert typical_words(rows("refund"), [[0]] * 40, 2) == [[], []]
