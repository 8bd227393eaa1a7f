"""The file that leads to a server of a test's."""

from pathlib import Path

import yaml


def write_kubeconfig(path: Path, server: str, token: str = "") -> None:
    """A kubeconfig of one cluster at `server`, and of one user with `token`, if there is one."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "ann"}}],
        "clusters": [{"name": "here", "cluster": {"server": server}}],
        "users": [{"name": "ann", "user": {"token": token} if token else {}}],
    }
    path.write_text(yaml.safe_dump(config))
