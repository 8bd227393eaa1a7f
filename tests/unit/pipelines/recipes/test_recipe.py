import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from stillhouse.components.inspect.settings import Parameters
from stillhouse.errors import UserError
from stillhouse.pipelines.recipes.recipe import Recipe, load_recipe, shipped_recipes

WriteRecipe = Callable[..., Path]


FETCHED = {
    "recommendation": ("ml-100k.inter", b"user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t2\t3\t4\n"),
    "token_classification": ("brown.jsonl", b'{"tokens": ["a"], "tags": ["AT"], "document": "ca01"}\n'),
}
"""Data that is not handed on here: a file of its form."""


@pytest.mark.parametrize("name", shipped_recipes())
def test_a_shipped_recipe_is_valid_and_known_by_its_name(name: str, tmp_path: Path) -> None:
    if name not in FETCHED:
        assert load_recipe(name).name == name
        return
    with pytest.raises(UserError, match=f"there is no file or folder '.*{FETCHED[name][0].split('.')[0]}"):
        load_recipe(name)
    source = tmp_path / FETCHED[name][0]
    source.write_bytes(FETCHED[name][1])
    assert load_recipe(name, [f"data.source={source}"]).name == name


def test_the_parameters_are_what_the_recipe_says_and_nothing_more(write_recipe: WriteRecipe) -> None:
    path = write_recipe()
    assert load_recipe(str(path)).parameters() == {
        "data_columns": {"text": ["title", "body"], "label": "stars"},
        "data_source": str(path.with_name("reviews.csv")),
        "data_task": "text_classification",
        "model_base": "auto",
        "model_name": "reviews",
        "model_student": {},
        "model_teacher": {},
        "step_overrides": {"finetune": {"loop": {"epochs": 2}}},
        "train_budget": "8m",
        "train_pretraining": "auto",
        "train_seed": 1,
    }


def test_every_parameter_of_the_pipeline_comes_out_of_a_recipe(write_recipe: WriteRecipe) -> None:
    assert set(load_recipe(str(write_recipe())).parameters()) == set(Parameters.model_fields)


def test_the_parameters_survive_the_json_that_kfp_makes_of_them(write_recipe: WriteRecipe) -> None:
    parameters = load_recipe(str(write_recipe())).parameters()
    assert json.loads(json.dumps(parameters)) == parameters


def test_the_objective_of_pretraining_becomes_a_parameter_of_its_own(write_recipe: WriteRecipe) -> None:
    path = write_recipe(("finetune:", "pretrain: {objective: none, mask_probability: 0.3}\nfinetune:"))
    parameters = load_recipe(str(path)).parameters()
    assert parameters["train_pretraining"] == "none"
    assert parameters["step_overrides"]["pretrain"] == {"mask_probability": 0.3}


def test_the_words_for_no_value_go_to_prepare(write_recipe: WriteRecipe) -> None:
    recipe = load_recipe(str(write_recipe()), ["data.missing=[unknown]", "prepare.min_rows=7"])
    assert recipe.parameters()["step_overrides"]["prepare"] == {"min_rows": 7, "missing": ["unknown"]}


def test_columns_and_input_are_those_of_the_task(write_recipe: WriteRecipe) -> None:
    tabular = ("name: reviews", "name: reviews\ntask: tabular\ninput: {max_categories: 8}")
    path = write_recipe(tabular, ("text: [title, body]", "features: title"))
    parameters = load_recipe(str(path)).parameters()
    assert parameters["data_columns"] == {"features": ["title"], "label": "stars"}
    assert parameters["step_overrides"]["prepare"] == {"input": {"max_categories": 8}}
    columns = load_recipe(str(write_recipe(tabular, ("    text: [title, body]\n", "")))).data.columns
    assert columns.model_dump() == {"features": [], "label": "stars", "group": None, "split": None, "time": None}


@pytest.mark.parametrize(
    ("replacement", "line", "sentence"),
    [
        (("data:", "task: tabular\ndata:"), 6, "'data.columns.text'; use one of: features, group"),
        (
            ("    text: [title, body]\n    label: stars", "    label: stars\ntask: tabular\ninput: {zzz: 1}"),
            7,
            "'input.zzz'; use one of: kinds, max_ca",
        ),
        (("data:", "input: {zzz: 1}\ndata:"), 2, "'input.zzz'; there is nothing to set there: take it out."),
    ],
)
def test_a_key_that_the_task_has_not_is_refused_with_its_place(
    write_recipe: WriteRecipe, replacement: tuple[str, str], line: int, sentence: str
) -> None:
    path = write_recipe(replacement)
    with pytest.raises(UserError, match=f"^{re.escape(f'{path}, line {line}')}.*{re.escape(sentence)}"):
        load_recipe(str(path))


def test_a_single_column_may_stand_without_brackets(write_recipe: WriteRecipe) -> None:
    assert load_recipe(str(write_recipe(("[title, body]", "title")))).data.columns.text == ["title"]
    with pytest.raises(
        UserError, match=r"line 5: data.columns.text names 'titel', a column that .*did you mean 'title'"
    ):
        load_recipe(str(write_recipe(("[title, body]", "titel"))))


def test_how_csv_files_are_written_goes_to_prepare(write_recipe: WriteRecipe) -> None:
    recipe = load_recipe(str(write_recipe()), ["data.csv.quote=none", "data.csv.decimal=','"])
    assert recipe.parameters()["step_overrides"]["prepare"]["csv"] == {"quote": "", "decimal": ","}


def test_a_section_without_a_key_is_an_empty_one(write_recipe: WriteRecipe) -> None:
    assert load_recipe(str(write_recipe(("finetune:", "distill:\nfinetune:")))).distill == {}


def test_a_key_without_a_value_is_as_left_out(write_recipe: WriteRecipe) -> None:
    empty = ("finetune.dropout", "finetune.loop.patience", "pretrain.objective", "data.columns.group")
    shapes = ("model.student.layers", "model.teacher.feed_forward")
    path = str(write_recipe())
    given = load_recipe(path, [f"{key}=null" for key in (*empty, *shapes)]).parameters()
    assert given == load_recipe(path).parameters() | {"model_base": ""}  # a teacher has a shape


def test_an_override_goes_over_the_file(write_recipe: WriteRecipe) -> None:
    assert load_recipe(str(write_recipe()), ["finetune.loop.epochs=5"]).finetune == {"loop": {"epochs": 5}}


def test_a_source_given_by_an_override_is_meant_from_the_working_directory(
    write_recipe: WriteRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_recipe()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "more.csv").write_text("title,body,stars\n")
    monkeypatch.chdir(tmp_path / "elsewhere")
    loaded = load_recipe(str(path), ["data.source=more.csv"])
    assert loaded.data.source == str(tmp_path / "elsewhere" / "more.csv")


def test_a_source_with_a_scheme_stays_as_it_is(write_recipe: WriteRecipe) -> None:
    path = write_recipe(("reviews.csv", "s3://bucket/reviews"))
    assert load_recipe(str(path)).data.source == "s3://bucket/reviews"


MISTAKES = {
    "wrong key": (("    epochs", "    epoch"), 9, "'finetune.loop.epoch'; did you mean 'epochs'?"),
    "wrong section": (("finetune:", "finetun:"), 7, "'finetun'; did you mean 'finetune'?"),
    "nothing alike": (("    epochs", "    zzz"), 9, "'loop.zzz'; use one of: batch_tokens,"),
    "wrong type": (("epochs: 2", "epochs: two"), 9, "finetune: 'loop.epochs' is 'two', but input should be"),
    "out of range": (("epochs: 2", "epochs: 0"), 9, "'loop.epochs' is 0, but input should be greater"),
    "wrong choice": (("  loop", "  class_weights: all\n  loop"), 8, "'class_weights' is 'all'"),
    "wrong objective": (("finetune:", "pretrain: {objective: lm}\nfinetune:"), 7, "'objective' is 'lm'"),
    "baseline unknown": (
        ("finetune:", "promote: {must_beat: tfidf}\nfinetune:"),
        7,
        "'tfidf' is not a baseline; name some of majority, tfidf_logistic, or [] for none.",
    ),
    "key of before": (
        ("finetune:", "promote:\n  beat_majority: false\nfinetune:"),
        8,
        "'beat_majority' is a key of earlier releases; name the baselines",
    ),
    "wrong name": (("name: reviews", "name: a/b"), 1, "'name' is 'a/b', but string should match"),
    "wrong seed": (("data:", "seed: -1\ndata:"), 2, "'seed' is -1"),
    "wrong task": (("data:", "task: text_clasification\ndata:"), 2, "did you mean 'text_classification'?"),
    "two origins": (("data:", "model: {student: {layers: 1, base: x}}\ndata:"), 2, "give one of"),
    "missing file": (("reviews.csv", "review.csv"), 3, "correct data.source"),
    "missing text": (("[title, body]", "[title, bodi]"), 5, "'bodi', a column that"),
    "missing column": (("label: stars", "label: star"), 6, "did you mean 'stars'?"),
    "missing slices": (
        ("finetune:", "prepare: {slices: [shop]}\nfinetune:"),
        7,
        "it has: title, body, stars.",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_sentence_with_file_line_and_key(write_recipe: WriteRecipe, mistake: str) -> None:
    replacement, line, sentence = MISTAKES[mistake]
    path = write_recipe(replacement)
    with pytest.raises(UserError) as raised:
        load_recipe(str(path))
    message = str(raised.value)
    assert message.startswith(f"{path}, line {line}")
    assert sentence in message
    assert "\n" not in message


def test_a_missing_key_is_named_with_the_file(write_recipe: WriteRecipe) -> None:
    path = write_recipe(("name: reviews\n", ""))
    with pytest.raises(UserError, match="'name' is missing; add it") as raised:
        load_recipe(str(path))
    assert str(raised.value).startswith(str(path))


def test_a_mistake_in_an_override_names_the_override(write_recipe: WriteRecipe) -> None:
    with pytest.raises(UserError, match=r"^--set seed=x: 'seed' is 'x'"):
        load_recipe(str(write_recipe()), ["seed=x"])


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("spamm", "There is no recipe 'spamm'; did you mean 'spam'?"),
        ("xyz", "There is no recipe 'xyz'; give the path of a YAML file or one of: "),
        ("folder/spam.yaml", "folder/spam.yaml: there is no such recipe file"),
        ("../recipes/spam", "../recipes/spam: there is no such recipe file"),
    ],
)
def test_a_recipe_that_is_not_there_is_named(name: str, sentence: str) -> None:
    with pytest.raises(UserError) as raised:
        load_recipe(name)
    assert str(raised.value).startswith(sentence)


def test_a_recipes_sections_are_the_steps_that_have_settings() -> None:
    assert set(Recipe.model_fields) > {"prepare", "pretrain", "finetune", "distill", "evaluate", "promote"}


KEY = "AKIA" + "IOSFODNN7EXAMPLE"


@pytest.mark.parametrize(
    ("replacement", "line", "key"),
    [
        (("reviews.csv", f"s3://{KEY}/data"), 3, "data.source"),
        (("reviews.csv", "https://me:word-of-mine@host/data"), 3, "data.source"),
        (("reviews.csv", "s3://bucket/data?X-Amz-Signature=word-of-mine"), 3, "data.source"),
        (("name: reviews", f"name: {KEY}"), 1, "name"),
        (("[title, body]", f"[title, {KEY}]"), 5, "data.columns.text.1"),
        (("    epochs: 2", f"    {KEY}: 2"), 8, "finetune.loop"),
        (("    epochs: 2", "    password: word-of-mine"), 9, "finetune.loop.password"),
    ],
)
def test_a_recipe_with_a_key_is_refused_by_its_place_and_never_shown(
    write_recipe: WriteRecipe, replacement: tuple[str, str], line: int, key: str
) -> None:
    path = write_recipe(replacement)
    with pytest.raises(UserError) as raised:
        load_recipe(str(path))
    sentence = str(raised.value)
    assert sentence.startswith(f"{path}, line {line}: '{key}' holds what looks like a")
    assert "environment variable (on a cluster as a Secret)" in sentence
    assert KEY not in sentence and "word-of-mine" not in sentence


def test_a_secret_of_the_environment_has_no_place_in_a_recipe(
    write_recipe: WriteRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "words-of-mine")
    with pytest.raises(UserError, match=r"'model\.base' holds what looks like a secret of the environment"):
        load_recipe(str(write_recipe(("finetune:", "model: {base: words-of-mine}\nfinetune:"))))


@pytest.mark.parametrize(
    "setting", [f"data.source=s3://{KEY}", "db.password=word-of-mine", f"{KEY}=1", f"name={{{KEY}"]
)
def test_an_override_with_a_key_is_refused_and_never_shown(write_recipe: WriteRecipe, setting: str) -> None:
    with pytest.raises(UserError) as raised:
        load_recipe(str(write_recipe()), [setting])
    assert KEY not in str(raised.value) and "word-of-mine" not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("finetune.epochs", "'finetune.loop.epochs'"),
        ("finetune.learning_rate", "'finetune.optimizer.learning_rate'"),
        ("finetune.temperature", "'distill.temperature'"),
        ("model.layers", "'model.teacher.layers'"),
        ("finetune.epoch", "'finetune.loop.epochs'"),
        ("finetune.loop.epoch", "'epochs'"),
        ("epochs", "'pretrain.loop.epochs' or 'finetune.loop.epochs' or 'distill.loop.epochs'"),
        ("data.colums", "'columns'"),
    ],
)
def test_an_unknown_key_is_looked_for_where_it_may_stand(
    given: str, meant: str, write_recipe: Callable[..., Path]
) -> None:
    with pytest.raises(UserError) as caught:
        load_recipe(str(write_recipe()), [f"{given}=2"])
    assert f"unknown key '{given}'; did you mean {meant}" in str(caught.value)


@pytest.mark.parametrize(
    ("model", "base"),
    [
        ("{}", "auto"),
        ("{teacher: {layers: 2}}", ""),
        ("{base: auto, teacher: {layers: 2}}", "auto"),
        ('{base: ""}', ""),
        ("{base: champion}", "champion"),
    ],
)
def test_the_run_chooses_its_base_unless_the_recipe_says_one_or_a_shape(
    write_recipe: WriteRecipe, model: str, base: str
) -> None:
    path = write_recipe(("finetune:", f"model: {model}\nfinetune:"))
    assert load_recipe(str(path)).parameters()["model_base"] == base
