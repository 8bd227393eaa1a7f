"""The student without its teacher has what the student had, but for the teacher."""

from kinds import FEW_TEXTS, lone_settings


def test_the_lone_student_has_the_students_shape_and_steps_and_the_teachers_weights_of_classes() -> None:
    lone = lone_settings("tabular", ["seed=3"], {"train": 12_000, "unlabelled": 0})["finetune"]
    assert (lone["architecture"]["network"], lone["architecture"]["width"]) == ("mlp", 32)
    assert (lone["loop"]["epochs"], lone["loop"]["seed"], lone["optimizer"]["learning_rate"]) == (8, 3, 0.002)
    assert (lone["class_weights"], lone["base"]) == ("balanced", "")


def test_where_the_student_learns_from_rows_without_a_label_the_lone_one_has_as_many_steps() -> None:
    """And random weights above, whatever the teacher begins with."""
    both = lone_settings("spam", FEW_TEXTS[1:], {"train": 500, "unlabelled": 6_500})
    lone = both["finetune"]
    assert both["distill"]["loop"] == lone["loop"]
    assert (lone["loop"]["epochs"], lone["loop"]["batch_tokens"]) == (8 * 14, 1024)
    assert (lone["head"], lone["freeze"], lone["architecture"]["width"]) == ("random", "nothing", 48)


def test_a_teacher_that_weighs_nothing_tells_nothing() -> None:
    """Of it the student has the tokenizer alone."""
    lone = lone_settings("spam", [], {"train": 500, "unlabelled": 6_500})["distill"]
    assert [lone[f"{what}_weight"] for what in ("soft", "hidden", "attention")] == [0, 0, 0]
    assert (lone["use_unlabelled"], lone["student"]["architecture"]["width"]) == (False, 48)
