"""The password of the user admin."""

import json
from pathlib import Path

import pytest

from kindred.runtime.errors import InputError
from kindred_airflow import logins


def test_a_password_is_made_once_and_is_its_owners(tmp_path) -> None:
    file = tmp_path / "airflow" / "passwords"

    first, second = logins.admin_password(file), logins.admin_password(file)

    assert first == second
    assert len(first) >= 16
    assert json.loads(file.read_text()) == {"admin": first}
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_passwords_of_other_users_stay(tmp_path) -> None:
    file = tmp_path / "passwords"
    logins.write_passwords(file, {"viewer": "theirs"})

    password = logins.admin_password(file)

    assert json.loads(file.read_text()) == {"viewer": "theirs", "admin": password}


def test_a_password_that_others_could_read_is_replaced(tmp_path) -> None:
    file = tmp_path / "passwords"
    file.write_text('{"admin": "known to all", "viewer": "theirs"}')
    file.chmod(0o644)

    password = logins.admin_password(file)

    assert password != "known to all"
    assert json.loads(file.read_text()) == {"viewer": "theirs", "admin": password}
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_password_stays_where_a_disk_knows_no_rights(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "passwords"
    file.write_text('{"admin": "known to all"}')
    file.chmod(0o644)
    monkeypatch.setattr(Path, "chmod", lambda *_: None)

    assert logins.admin_password(file) == "known to all"


@pytest.mark.parametrize("content", ["no JSON", "[]", '{"admin": 1}', "\xff"])
def test_a_file_without_passwords_is_refused_by_its_name(content: str, tmp_path) -> None:
    file = tmp_path / "passwords"
    file.write_bytes(content.encode("latin-1"))
    file.chmod(0o600)

    with pytest.raises(InputError, match=f"{file} holds no passwords; delete it"):
        logins.admin_password(file)
