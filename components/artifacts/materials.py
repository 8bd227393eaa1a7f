"""What a candidate was made of, as in-toto's resource descriptors: data, base models, code, packages, images."""

from collections.abc import Mapping
from typing import Any

from stillhouse.components.artifacts.base_facts import BaseFacts
from stillhouse.components.artifacts.environment import Environment, installed
from stillhouse.components.artifacts.evaluation import Evaluation
from stillhouse.components.artifacts.proof import CODE, DATASET, HARDWARE, IMAGE, PACKAGES
from stillhouse.components.artifacts.spec import Spec
from stillhouse.components.kubernetes.pod import own_image
from stillhouse.components.storage.digests import digest_json
from stillhouse.redaction import redact

NOT_KNOWN = "not known"
NO_IMAGE = "none: the steps ran on a machine, in no image"


def materials(
    spec: Spec, dataset_json: str, evaluation: Evaluation, *, about: Mapping[str, Any], code: str
) -> list[dict[str, Any]]:
    """All of them.

    Args:
        spec: Of the dataset; `dataset_json` is the digest of its file.
        about: model.json of the candidate.
        code: Digest of the installed sources; empty where promote ran alone.
    """
    made_with = evaluation.environment
    return [
        {
            "name": DATASET,
            "uri": redact(spec.source),
            "digest": {"sha256": spec.content_digest},
            "annotations": {"rows": spec.rows, "source_digest": spec.source_digest, "dataset.json": dataset_json},
        },
        *_bases(spec.bases, evaluation.bases),
        {"name": CODE, "digest": _named(gitCommit=about.get("git_sha", ""), sha256=code)},
        {"name": PACKAGES, **_packages(made_with)},
        *_images(about.get("image_digest", ""), made_with),
        *([{"name": HARDWARE, "annotations": made_with.hardware}] if made_with else []),
    ]


def _bases(seen: list[BaseFacts], named: list[str]) -> list[dict[str, Any]]:
    """Those that the run looked at, and the promoted models that it started from, whose address is their digest."""
    known = {base.address: base for base in seen if base.address}
    found = []
    for number, address in enumerate(dict.fromkeys([*known, *(name for name in named if name != "auto")]), 1):
        base = known.get(address, BaseFacts(address=address))
        digest = base.digest or address.rpartition("/")[2]
        said = {"licence": base.licence or NOT_KNOWN}
        found.append({"name": f"base {number}", "uri": redact(address), "digest": _digest(digest), "annotations": said})
    return found


def _digest(digest: str) -> dict[str, str]:
    kinds = {64: "sha256", 40: "gitCommit"}
    return _named(**{kinds[len(digest)]: digest}) if len(digest) in kinds else {}


def _packages(made_with: Environment | None) -> dict[str, Any]:
    """The lock, as far as it was installed."""
    versions = {"python": made_with.python, **made_with.packages} if made_with else installed()
    return {"digest": {"sha256": digest_json(versions)}, "annotations": versions}


def _images(trained: str, made_with: Environment | None) -> list[dict[str, Any]]:
    digests = {trained, made_with.image if made_with else "", own_image()} - {""}
    if not digests:
        return [{"name": IMAGE, "annotations": {"digest": NO_IMAGE}}]
    return [
        {"name": f"{IMAGE} {number}", "digest": {"sha256": digest.removeprefix("sha256:")}}
        for number, digest in enumerate(sorted(digests), 1)
    ]


def _named(**digests: str) -> dict[str, str]:
    return {name: digest for name, digest in digests.items() if digest}
