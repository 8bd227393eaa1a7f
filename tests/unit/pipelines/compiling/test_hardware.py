from pathlib import Path

import pytest

from stillhouse.errors import UserError
from stillhouse.pipelines.compiling.hardware import PRESETS, load_hardware


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


def test_a_preset_fits_nodes_of_two_processors() -> None:
    """Kubernetes and its agents keep some of what a node has."""
    small = load_hardware("small")
    assert (small.cpu, small.memory, small.gpu_count) == ("1", "3Gi", 0)


@pytest.mark.parametrize("name", [*PRESETS, "gpus-3"])
def test_the_page_says_what_a_preset_asks_for(name: str) -> None:
    page = (Path(__file__).parents[4] / "docs" / "cluster.md").read_text()
    page = page.replace("gpus-N", "gpus-3").replace("| N |", "| 3 |")
    for number in (8, 32):
        page = page.replace(f"{number} N", str(3 * number))
    table = [line.split(" | ") for line in page.splitlines() if line.count(" | ") == 5 and line.startswith("| `")]
    (row,) = [row for row in table if f"`{name}`" in row[0]]
    found = load_hardware(name)
    assert row[1:5] == [
        f"{found.gpu_count}" + (f" `{found.gpu_type}`" if found.gpu_type != "nvidia.com/gpu" else ""),
        found.cpu,
        *(size.replace("Gi", " GiB").replace("Mi", " MiB") for size in (found.memory, found.shared_memory)),
    ]
