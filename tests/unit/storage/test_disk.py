"""Disks that refuse: here by a limit on the size of files; tests/faults mounts some that are really full."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stillhouse.components.storage.disk import writing
from stillhouse.components.storage.store import open_store
from stillhouse.errors import UserError

LIMITED = """
import resource, signal, sys
from pathlib import Path
import numpy, safetensors.numpy
from stillhouse.components.storage.disk import staged_folder, writing
from stillhouse.components.storage.store import open_store
from stillhouse.errors import UserError

top = Path(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that the system answers with an error, as a full disk does
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))

def weights():
    with writing(top / "model"), staged_folder(top / "model") as staged:
        safetensors.numpy.save_file({"weights": numpy.zeros(100_000)}, staged / "model.safetensors")

for write in (lambda: open_store(top / "store").put_folder(top / "large", "models/abc"), weights):
    try:
        write()
    except UserError as error:
        print(error)
"""


def test_a_write_that_the_system_refuses_is_one_sentence_and_leaves_what_was_there(tmp_path: Path) -> None:
    for name, size in {"small": 1000, "large": 1_000_000}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(bytes(size))
    store = open_store(tmp_path / "store")
    store.put_folder(tmp_path / "small", "models/abc")
    done = subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=True)
    mend = "File too large; free space, fix its permissions or use another folder."
    assert done.stdout.splitlines() == [
        f"cannot write '{tmp_path}/store/models/abc': {mend}",
        f"cannot write '{tmp_path}/model': {mend}",
    ]
    store.get_folder("models/abc", tmp_path / "out")
    assert (tmp_path / "out/file").read_bytes() == bytes(1000)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["large", "out", "small", "store"]
    assert [path.name for path in (tmp_path / "store/models").iterdir()] == ["abc"]


def test_a_folder_that_no_one_writes_to_is_one_sentence() -> None:
    with pytest.raises(UserError, match=r"^cannot write '/sys/stillhouse/key': .*; free space, fix its permissions"):
        open_store("/sys/stillhouse").put("key", b"data")


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "Error writing bytes to file. Detail: [errno 28] No space left on device"),
        Exception("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
    ids=["pyarrow", "safetensors and tokenizers"],
)
def test_a_full_disk_is_told_alike_whichever_library_met_it(error: Exception) -> None:
    with (
        pytest.raises(UserError, match=rf"^cannot write 'folder': {os.strerror(errno.ENOSPC)}; free"),
        writing(Path("folder")),
    ):
        raise error


def test_what_is_not_the_systems_refusal_passes() -> None:
    with pytest.raises(ValueError, match="other"), writing(Path("folder")):
        raise ValueError("other")
