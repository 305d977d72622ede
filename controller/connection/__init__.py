"""Which API server is used, and with which identity: decided as kubectl does, once for the whole program.

`connection_from` reads the environment and the kubeconfigs and returns a `Connection`, a plain value; `Credentials`
keep its token or certificate fresh. Nothing here sends a request: `controller.kube` does (async), and
`controller.cli.cluster` (sync).
"""

from controller.connection.credentials import Credential, Credentials, NoCredential
from controller.connection.resolve import connection_from
from controller.connection.tls import tls_context
from controller.connection.values import Connection, ExecPlugin, Identity, NoCluster, Trust

__all__ = [
    "Connection",
    "Credential",
    "Credentials",
    "ExecPlugin",
    "Identity",
    "NoCluster",
    "NoCredential",
    "Trust",
    "connection_from",
    "tls_context",
]
