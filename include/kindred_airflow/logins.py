"""The user of Airflow and MLflow on one machine: `admin`, whose password lies in a file of Airflow's."""

import json
import os
import secrets
from pathlib import Path

from kindred.runtime.errors import InputError
from kindred_airflow import private_files

ADMIN = "admin"
PASSWORDS = "simple_auth_manager_passwords.json.generated"  # in AIRFLOW_HOME; the name is Airflow's


def admin_password(path: Path) -> str:
    """The admin's password, from the file where Airflow looks for it, or a new one where there is none. Raises
    InputError where the file is none of Airflow's.
    """
    replace_open_password(path)
    passwords = _passwords(path)
    if ADMIN not in passwords:
        passwords[ADMIN] = secrets.token_urlsafe(16)
        write_passwords(path, passwords)
    return passwords[ADMIN]


def replace_open_password(path: Path) -> None:
    """A new password for the admin where other accounts could read the file with the old one. It stays where the disk
    knows no rights: they would read the new one too.
    """
    if path.exists() and private_files.is_open(path) and private_files.close(path):
        write_passwords(path, {**_passwords(path), ADMIN: secrets.token_urlsafe(16)})


def write_passwords(path: Path, passwords: dict[str, str]) -> None:
    """Airflow's file of passwords by user, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        json.dump(passwords, file)


def _passwords(path: Path) -> dict[str, str]:
    try:
        text = path.read_text()
        passwords = json.loads(text) if text.strip() else {}
    except FileNotFoundError:
        return {}
    except ValueError:
        passwords = None
    if not isinstance(passwords, dict) or not all(isinstance(value, str) for value in passwords.values()):
        raise InputError(f"{path} holds no passwords; delete it, and `make up` makes a new one")
    return passwords
