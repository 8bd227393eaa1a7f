"""Options that say which cluster is meant, for all commands that talk to one; without what it takes to talk."""

from typing import Annotated

import typer

TOKEN_PATH = "KF_PIPELINES_SA_TOKEN_PATH"
"""Names a file with a token that the kubelet renews; it is read for each request."""

UI_ENDPOINT = "KF_PIPELINES_UI_ENDPOINT"
"""Names the address of KFP's web interface, which links lead to; the kfp client knows it by this name too."""

EndpointOption = Annotated[
    str,
    typer.Option(
        envvar="KF_PIPELINES_ENDPOINT",
        help="Address of KFP: http://localhost:8888. Without it the cluster of this pod, or of the kubeconfig.",
    ),
]
NamespaceOption = Annotated[
    str,
    typer.Option(
        envvar="KF_PIPELINES_NAMESPACE",
        help="Namespace of the runs: a profile's, or where a KFP for one team lives; by default kubeflow.",
    ),
]
TokenOption = Annotated[
    str,
    typer.Option(
        envvar="KF_PIPELINES_TOKEN",
        show_envvar=True,
        help=f"Bearer token; better given by its variable than here. {TOKEN_PATH} names a file with one instead.",
    ),
]
