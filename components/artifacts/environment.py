"""What a model was made with besides data and settings: packages, image, hardware. evaluate notes it, which runs in the
image of the steps that train and asks for the same hardware."""

import platform
from functools import cache
from importlib import metadata
from pathlib import Path

from pydantic import Field

from stillhouse.components.artifacts.json_artifact import JsonArtifact
from stillhouse.components.kubernetes.pod import own_image

PROCESSORS = Path("/proc/cpuinfo")


class Environment(JsonArtifact):
    """Of evaluation.json."""

    python: str
    system: str
    """Kernel and machine type, as `Linux x86_64`."""
    processor: str
    """Its model; empty where the system does not say."""
    threads: int
    """That torch computes with: sums in another order differ in their last bits."""
    accelerators: list[str] = Field(default_factory=list)
    """Their models."""
    image: str = ""
    """Digest; empty where there was no image."""
    packages: dict[str, str] = Field(default_factory=dict)
    """Versions of all that was installed, by name."""

    @property
    def hardware(self) -> dict[str, object]:
        """What the bits of a training hang on, beside the packages."""
        return {
            "processor": self.processor,
            "threads": self.threads,
            "accelerators": self.accelerators,
            "system": self.system,
        }


def environment() -> Environment:
    """That of this process."""
    import torch

    cuda = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
    return Environment(
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        processor=_processor(),
        threads=torch.get_num_threads(),
        accelerators=[torch.cuda.get_device_name(number) for number in cuda],
        image=own_image(),
        packages=installed(),
    )


@cache
def installed() -> dict[str, str]:
    """The version of each installed package by its name, in lower case and sorted."""
    found = (each.metadata for each in metadata.distributions())  # read anew at each look
    return dict(sorted((about["Name"].lower(), about["Version"]) for about in found if about["Name"]))


def _processor() -> str:
    try:
        lines = PROCESSORS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())
