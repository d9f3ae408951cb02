"""MLflow's server behind a login: python -m kindred_airflow.mlflow_server ARGUMENTS, those of `mlflow server`.

User and password are MLFLOW_AUTH_ADMIN_USERNAME and MLFLOW_AUTH_ADMIN_PASSWORD; a database of users that knows another
password takes this one over.
"""

import os
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

OWN_SCHEME = "mlflow-artifacts:/"  # below the folder that the server was given
REFUSAL = "artifact_location must lie in the server's own artefact folder; leave it out"


def main() -> None:
    """Make the user, and become the server."""
    from mlflow.cli import cli
    from mlflow.server import auth

    user, password = (os.environ[f"MLFLOW_AUTH_ADMIN_{name}"] for name in ("USERNAME", "PASSWORD"))
    auth.bootstrap_admin_user()
    if not auth.store.authenticate_user(user, password):
        auth.store.update_user(user, password=password, is_admin=True)
    cli(["server", "--app-name", "basic-auth", *sys.argv[1:]])


def authorize() -> Any:
    """MLflow's `authorization_function`: its own login; besides, no experiment may place its artefacts outside of the
    server's folder, where MLflow itself would take any folder that the account can read or write.
    """
    import flask
    from mlflow.protos.service_pb2 import CreateExperiment
    from mlflow.server import auth, handlers

    answer = auth.authenticate_request_basic_auth()
    if isinstance(answer, flask.Response) or not flask.request.path.rstrip("/").endswith("/experiments/create"):
        return answer
    read: Callable[[CreateExperiment], CreateExperiment] = handlers._get_request_message  # as MLflow itself reads it
    location = read(CreateExperiment()).artifact_location
    if location and not is_inside(location, os.environ["KINDRED_ARTIFACTS"]):
        return flask.make_response({"error_code": "INVALID_PARAMETER_VALUE", "message": REFUSAL}, 400)
    return answer


def is_inside(location: str, root: str) -> bool:
    """Whether an address lies in a server's folder of artefacts.

    >>> is_inside("file:///data/mlartifacts/7", "file:///data/mlartifacts")
    True
    >>> is_inside("file:///data/mlartifacts/../mlflow.db", "file:///data/mlartifacts")
    False
    """
    for start in (OWN_SCHEME, f"{root.rstrip('/')}/"):
        if f"{location}/".startswith(start):
            inner = f"{location}/".removeprefix(start)
            return ".." not in unquote(inner).split("/")
    return False


if __name__ == "__main__":
    main()
