"""A folder in which Python finds what the training image holds, what runs tests, and nothing else."""

from importlib import metadata
from pathlib import Path

from tests.unit.images.test_locks import image

RUNS_TESTS = ("pytest", "pytest-timeout", "iniconfig", "pluggy", "hypothesis", "sortedcontainers", "stillhouse")


def link_training(folder: Path) -> list[str]:
    """Link the packages of the training image's locks into a folder, with their metadata.

    Returns:
        What a lock has for another system or is not installed here.
    """
    missing = []
    for name in (*image("training"), *image("english-base"), *RUNS_TESTS):
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
            continue
        for top in {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}:
            link = folder / top
            if not top.endswith(".pth") and not link.is_symlink():
                link.symlink_to(Path(str(found.locate_file(top))))
    return missing
