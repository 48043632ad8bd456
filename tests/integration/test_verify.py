"""``python -m ron_app_sdk_py verify`` finds what is not as it was built and installed."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ron_app_sdk_py import verify
from ron_app_sdk_py.engine.artifact import CLIENT, FOLDER, HOST, TOOLS
from servers import ROOT
from wheels import LIMIT, built_wheel

PACKAGE = "ron_app_sdk_py"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages that pip has put the wheel into."""
    site = tmp_path_factory.mktemp("site")
    wheel = built_wheel(tmp_path_factory.mktemp("dist"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site)]
    subprocess.run([*pip, str(wheel)], check=True, timeout=LIMIT)
    return site


@pytest.fixture
def site(installed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(installed, tmp_path / "site"))


def run(*path: Path, arguments: tuple[str, ...] = ("--json",)) -> subprocess.CompletedProcess[str]:
    """Runs the command with these folders before all others."""
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path))}
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", PACKAGE, "verify", *arguments],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        env=environ,
        cwd=ROOT / "tests",
    )


def differing(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """The files that differ, by name, with the reasons."""
    assert (done.returncode, done.stderr) == (1, "")
    return {Path(one["file"]).name: one["reason"] for one in json.loads(done.stdout)["differences"]}


def test_what_runs_here_is_what_was_built(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        verify.main(["verify", "--json"])
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (ended.value.code, report["differences"]) == (0, [])
    manifest = json.loads((FOLDER / "artifacts.json").read_text("utf-8"))
    imported = {}
    for one in report["artifacts"]:
        entry = manifest["artifacts"][one["name"]]
        assert (one["bytes"], one["sha256"]) == (entry["bytes"], entry["sha256"])
        assert one["toolchain"] == manifest["toolchain"]
        imported[one["name"]] = {name.split("/")[0] for name in one["imports"]}
    assert imported == {
        HOST: {"ron:wire"},
        CLIENT: {"wasi:http", "wasi:io", "wasi:clocks", "wasi:random"},
        TOOLS: set(),
    }


def test_wrong_arguments_are_one_line_and_exit_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, named in (
        ([], "verify"),
        (["check"], "'check'"),
        (["verify", "--yaml"], "--yaml"),
    ):
        with pytest.raises(SystemExit) as ended:
            verify.main(arguments)
        said = capsys.readouterr().err
        assert (ended.value.code, said.count("\n")) == (2, 1)
        assert named in said


@pytest.mark.checkout
def test_an_installed_wheel_is_compared_file_by_file(site: Path) -> None:
    done = run(site)
    report = json.loads(done.stdout)
    assert (done.returncode, report["differences"]) == (0, [])
    assert report["package"] == str(site / PACKAGE)
    hashed = (site / "ron_app_sdk_py-0.1.0.dist-info" / "RECORD").read_text("utf-8")
    of_the_wheel = [line for line in hashed.splitlines() if "sha256=" in line]
    assert report["files"] == sum(not line.startswith("..") for line in of_the_wheel) > 200

    text = run(site, arguments=())
    assert text.returncode == 0
    digest = hashlib.sha256((FOLDER / HOST).read_bytes()).hexdigest()
    assert f"sha256 {digest}" in text.stdout
    assert text.stdout.endswith("\nnothing differs\n")


def change(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))


def replace_artifact_and_manifest(artifacts: Path) -> None:
    """As who knows of the one digest but not of the other does."""
    change(artifacts / TOOLS)
    manifest = json.loads((artifacts / "artifacts.json").read_text("utf-8"))
    digest = hashlib.sha256((artifacts / TOOLS).read_bytes()).hexdigest()
    manifest["artifacts"][TOOLS]["sha256"] = digest
    (artifacts / "artifacts.json").write_text(json.dumps(manifest))


def weaken(site: Path) -> None:
    """Has RECORD tell only an MD5 of a file."""
    digest = hashlib.md5((site / PACKAGE / "redact.py").read_bytes()).digest()
    weak = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    record(site, "redact.py", f"{PACKAGE}/redact.py,md5={weak},1\n")


def record(site: Path, file: str, row: str) -> None:
    """Replaces what RECORD says of a file."""
    path = site / "ron_app_sdk_py-0.1.0.dist-info" / "RECORD"
    rows = path.read_text("utf-8").splitlines(keepends=True)
    path.write_text("".join(row if r.startswith(f"{PACKAGE}/{file},") else r for r in rows))


def shadow_by_link(site: Path) -> None:
    """Has a package that stands elsewhere go before a module of its name."""
    elsewhere = site.parent / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(site / PACKAGE / "timeline.py", elsewhere / "__init__.py")
    (site / PACKAGE / "timeline").symlink_to(elsewhere)


@pytest.mark.checkout
@pytest.mark.parametrize(
    ("damage", "files"),
    [
        (lambda site: change(site / PACKAGE / "artifacts" / HOST), {HOST}),
        (lambda site: (site / PACKAGE / "artifacts" / TOOLS).unlink(), {TOOLS}),
        (
            lambda site: replace_artifact_and_manifest(site / PACKAGE / "artifacts"),
            {TOOLS, "artifacts.json"},
        ),
        (lambda site: change(site / PACKAGE / "calls" / "guard.py"), {"guard.py"}),
        (lambda site: (site / PACKAGE / "py.typed").unlink(), {"py.typed"}),
        (lambda site: (site / PACKAGE / "calls" / "json.py").write_text(""), {"json.py"}),
        (
            lambda site: change(site / "ron_app_sdk_py-0.1.0.dist-info" / "entry_points.txt"),
            {"entry_points.txt"},
        ),
        (weaken, {"redact.py"}),
        (lambda site: record(site, "redact.py", f"{PACKAGE}/redact.py,,\n"), {"redact.py"}),
        (lambda site: record(site, "__init__.py", ""), {"__init__.py"}),
        (shadow_by_link, {"timeline"}),
    ],
    ids=[
        "artifact changed",
        "artifact removed",
        "artifact and manifest replaced",
        "module changed",
        "file removed",
        "file planted",
        "metadata changed",
        "hash that proves nothing",
        "no hash",
        "file not recorded",
        "module hidden by a link",
    ],
)
def test_what_differs_is_named(
    site: Path, damage: Callable[[Path], object], files: set[str]
) -> None:
    damage(site)
    assert differing(run(site)).keys() == files


@pytest.mark.checkout
def test_a_copy_that_hides_the_installed_one_is_told(site: Path, tmp_path: Path) -> None:
    shadow = tmp_path / "shadow"
    shutil.copytree(site / PACKAGE, shadow / PACKAGE)
    assert str(site / PACKAGE) in differing(run(shadow, site))[PACKAGE]
