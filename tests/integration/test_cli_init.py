"""``ron init py``: the project that it creates works as it is."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ron_app_sdk_py import FacetManifest
from ron_app_sdk_py.cli.exit_codes import ExitCode
from ron_app_sdk_py.cli.root import ron

LIMIT = 300


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(ron, ["init", "py", *map(str, arguments)])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("projects") / "made"
    result = run("My.notes", "--folder", folder, "--port", "9123")
    assert result.exit_code == 0, result.stderr
    assert "pip install -e '.[dev]'\n  pytest\n" in result.stdout
    return folder


def tool(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Runs a tool as if this environment were the project's, which has no plugin for asyncio."""
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=project, capture_output=True, text=True, timeout=LIMIT
    )


def test_its_tests_pass_without_a_warning(project: Path) -> None:
    done = tool(project, "pytest", "-p", "no:asyncio", "-p", "no:cacheprovider", "-W", "error")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b3 passed in ", done.stdout)


def test_its_tests_fail_if_the_app_is_wrong(project: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    subprocess.run(["cp", "-r", project, broken], check=True, timeout=LIMIT)
    app = broken / "my_notes" / "app.py"
    app.write_text(app.read_text().replace("notes[number] = text", ""))
    done = tool(broken, "pytest", "-p", "no:asyncio", "-p", "no:cacheprovider")
    assert done.returncode == 1
    assert re.search(r"\b2 failed, 1 passed in ", done.stdout)


@pytest.mark.parametrize(
    "command", [("ruff", "check"), ("ruff", "format", "--check"), ("mypy", "--cache-dir=/dev/null")]
)
def test_linters_have_nothing_to_say(project: Path, command: tuple[str, ...]) -> None:
    extra = ("--no-cache",) if command[0] == "ruff" else ()
    done = tool(project, *command, *extra)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_can_be_installed(project: Path, tmp_path: Path) -> None:
    done = tool(project, "build", "--no-isolation", "--wheel", "--outdir", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.iterdir()
    names = zipfile.ZipFile(wheel).namelist()
    assert {name for name in names if "dist-info" not in name} == {
        "my_notes/__init__.py",
        "my_notes/__main__.py",
        "my_notes/app.py",
    }


def test_all_is_named_after_it_and_nothing_is_left_to_fill_in(project: Path) -> None:
    files = {path.relative_to(project): path for path in project.rglob("*") if path.is_file()}
    assert {Path(".gitignore"), Path("README.md"), Path("My.notes.toml")} <= files.keys()
    for path in files.values():
        if "__pycache__" not in path.parts:
            assert not re.search(r"\$\w|\.tmpl", path.read_text("utf-8")), path
    manifest = FacetManifest.load(project / "My.notes.toml")
    assert (manifest.id, manifest.kind) == ("My.notes", "proxy")
    assert manifest.upstream is not None
    assert manifest.upstream.port == 9123
    assert not manifest.security.public
    assert manifest.findings(root=project) == ()
    readme = (project / "README.md").read_text("utf-8")
    assert "pip install -e '.[dev]'\npytest\n" in readme
    assert stat.S_IMODE(project.stat().st_mode) & 0o055 == 0o055 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "is no name of a project; names have ASCII letters"),
        ("../notes", "is no name of a project"),
        ("-notes", "No such option"),
        ("notes.", "is no name of a project"),
        ("no tes", "is no name of a project"),
        ("nötes", "is no name of a project"),
        ("notes\n", "is no name of a project"),
        ("1st", "its package would be '1st', which can't be imported"),
        ("Class", "its package would be 'class', which can't be imported"),
        ("json", "its package would be 'json', which is another's already"),
        ("aiohttp", "its package would be 'aiohttp', which is another's already"),
        ("pydantic", "its package would be 'pydantic', which is another's already"),
        ("ron.app-sdk_py", "which is another's already"),
        ("tests", "its package would be 'tests', which is another's already"),
    ],
)
def test_a_name_that_can_not_be_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(name)
    assert result.exit_code == ExitCode.REFUSED
    assert says in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine").write_text("mine")
    result = run("notes", "--folder", tmp_path / "notes")
    assert result.exit_code == ExitCode.REFUSED
    assert result.stderr == (
        f"ron: {tmp_path / 'notes'} is not empty; give another folder with --folder\n"
    )
    result = run("notes", "--folder", tmp_path / "notes" / "mine")
    assert result.exit_code == ExitCode.REFUSED
    assert "is no folder" in result.stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["notes", "mine"]


def test_an_empty_folder_is_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notes").mkdir()
    monkeypatch.chdir(tmp_path)
    assert run("notes").exit_code == 0
    assert (tmp_path / "notes" / "notes.toml").is_file()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert run("notes", "--folder", ".").exit_code == 0
    assert {path.name for path in (tmp_path / "here").iterdir()} == {
        *(".gitignore", "README.md", "notes", "notes.toml", "pyproject.toml", "tests")
    }


def test_a_project_is_created_as_a_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "empty").mkdir()
    for place, name in ((FacetManifest, "save"), (Path, "rename")):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, full)
            for folder in ("new", "empty"):
                assert run("notes", "--folder", tmp_path / folder).exit_code == ExitCode.REFUSED
            assert [path.name for path in tmp_path.rglob("*")] == ["empty"]
