import stat
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

pytestmark = pytest.mark.django_db


def test_it_creates_an_admin_whose_password_is_in_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "password"
    call_command("create_admin", password_file=file)
    password = file.read_text().strip()
    assert len(password) >= 16
    assert password in capsys.readouterr().out
    admin = authenticate(username="admin", password=password)
    assert isinstance(admin, User)
    assert (admin.is_staff, admin.is_superuser) == (True, True)


@pytest.mark.parametrize("there_before", [False, True])
def test_nobody_else_can_read_the_file(tmp_path: Path, there_before: bool) -> None:
    file = tmp_path / "password"
    if there_before:
        file.touch(mode=0o644)
    call_command("create_admin", password_file=file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_second_run_does_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("create_admin", password_file=tmp_path / "first")
    before = User.objects.values().get()
    capsys.readouterr()
    call_command("create_admin", password_file=tmp_path / "second")
    assert User.objects.values().get() == before
    assert not (tmp_path / "second").exists()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("place", ["no/such/folder/password", "folder"])
def test_without_a_writable_file_there_is_one_line_and_no_user(tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(CommandError, match=r"^cannot write .*: .*$") as raised:
        call_command("create_admin", password_file=tmp_path / place)
    assert "\n" not in str(raised.value)
    assert not User.objects.exists()
