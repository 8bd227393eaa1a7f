from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillhouse.components.storage.names import check_name, path_inside, refuse_links_out
from stillhouse.errors import UserError


@pytest.mark.parametrize("name", ["a", "a/b.txt", "..a/b..", ".gitattributes", "spaß 1/データ", "a:b*?"])
def test_plain_names_pass(name: str) -> None:
    assert check_name(name, "here") == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/passwd",
        "../a",
        "a/../../b",
        "a/./b",
        "a//b",
        "a/",
        "a\\..\\b",
        "a\0b",
        "a\nb",
        "a/.stillhouse-lock",
    ],
)
def test_names_that_could_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(UserError, match="here: refused the name"):
        check_name(name, "here")


@given(st.lists(st.sampled_from(["..", ".", "a", "b", "/", "\\", "\0", "~", ""]), max_size=6).map("/".join) | st.text())
def test_a_name_is_refused_or_stays_below_the_folder(name: str) -> None:
    folder = Path("/some/folder")
    try:
        path = path_inside(folder, name, "here")
    except UserError:
        return
    assert path.resolve().is_relative_to(folder) and path != folder


def test_a_path_through_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "out").symlink_to(tmp_path)
    with pytest.raises(UserError, match="link out of"):
        path_inside(folder, "out/secret", "here")


@pytest.mark.parametrize("target", ["../secret", "/etc", "nowhere"])
def test_links_out_of_a_folder_are_found_wherever_they_are(tmp_path: Path, target: str) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "folder/deep").mkdir(parents=True)
    (tmp_path / "folder/deep/link").symlink_to(target if target != "../secret" else "../../secret")
    with pytest.raises(UserError, match="'deep/link' is a link out of the folder"):
        refuse_links_out(tmp_path / "folder")


def test_links_within_a_folder_are_let_through(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    (tmp_path / "link").symlink_to("file")
    refuse_links_out(tmp_path)
    assert path_inside(tmp_path, "link", "here").read_text() == "text"
