from pathlib import Path

import pytest

from stillhouse.errors import UserError
from stillhouse.pipelines.hardware import PRESETS, load_hardware


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_found_by_its_name(name: str) -> None:
    assert load_hardware(name) == PRESETS[name]


def test_several_gpus_come_with_so_many_times_the_rest() -> None:
    found = load_hardware("gpus-4")
    assert (found.gpu_count, found.cpu, found.memory, found.shared_memory) == (4, "32", "128Gi", "32Gi")


def test_the_cpu_preset_asks_for_no_accelerator() -> None:
    assert load_hardware("cpu").form()["gpu_count"] == "0"


def test_spot_puts_up_with_the_taints_of_nodes_that_go_away() -> None:
    assert "cloud.google.com/gke-spot" in [toleration.key for toleration in load_hardware("spot").tolerations]


def test_all_of_the_form_is_text() -> None:
    assert {type(value) for value in load_hardware("gpu").form().values()} == {str}


def test_a_team_adds_its_own_in_yaml(tmp_path: Path) -> None:
    path = tmp_path / "amd.yaml"
    path.write_text("gpu_type: amd.com/gpu\ngpu_count: 2\nnode_selector: {pool: training}\ntolerations: [{key: amd}]\n")
    found = load_hardware(str(path))
    assert (found.gpu_type, found.gpu_count, found.node_selector) == ("amd.com/gpu", 2, {"pool": "training"})
    assert found.tolerations[0].operator == "Exists"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("gpus: 1", "unknown key 'gpus'"),
        ("memory: 32 GB", "'memory' is '32 GB'"),
        ("gpu_type: A100", "'gpu_type' is 'A100'"),
        ("- a", "no YAML mapping in it"),
    ],
)
def test_a_file_that_says_something_else_is_refused(tmp_path: Path, content: str, sentence: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(content)
    with pytest.raises(UserError, match=sentence):
        load_hardware(str(path))


@pytest.mark.parametrize("name", ["gpus-0", "gpus-", "tpu", "none.yaml"])
def test_a_name_that_is_unknown_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="--hardware: there is no"):
        load_hardware(name)
