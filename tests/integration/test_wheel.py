"""The wheel is the product: it works alone, and nothing is built without its artifacts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ron_app_sdk_py.engine.artifact import CLIENT, load
from servers import ROOT
from wheels import LIMIT, build, built_wheel

pytestmark = pytest.mark.checkout

MAX_BYTES = 620_000
"""Of the wheel without what it says of others' work: see ``docs/building.md``."""
MAX_NOTICES_BYTES = 40_000
"""Of the bill of materials and the licence texts."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_wheel(tmp_path_factory.mktemp("dist"))


def test_the_wheel_is_pure_and_small_and_holds_artifacts_licences_and_types(wheel: Path) -> None:
    assert wheel.name == "ron_app_sdk_py-0.1.0-py3-none-any.whl"
    archive = zipfile.ZipFile(wheel)
    names = archive.namelist()
    artifacts = {Path(name).name for name in names if "/artifacts/" in name}
    assert artifacts == {"artifacts.json", "ron_host.wasm", "ron_tools.wasm"}
    assert "ron_app_sdk_py/py.typed" in names
    source = ROOT / "host-python" / "src"
    templates = [path for path in source.rglob("cli/template/**/*") if path.is_file()]
    assert templates
    assert {path.relative_to(source).as_posix() for path in templates} <= {*names}
    notices = [name for name in names if "/sboms/" in name or "/licenses/" in name]
    info = "ron_app_sdk_py-0.1.0.dist-info"
    assert {*notices} == {
        f"{info}/licenses/LICENSE-APACHE",
        f"{info}/licenses/LICENSE-MIT",
        f"{info}/licenses/third-party/LICENSES.txt",
        f"{info}/sboms/ron-app-sdk-py.cdx.json",
    }
    of_notices = sum(archive.getinfo(name).compress_size for name in notices)
    assert of_notices <= MAX_NOTICES_BYTES
    assert wheel.stat().st_size - of_notices <= MAX_BYTES


def test_the_wheel_makes_a_call_in_an_empty_environment_without_rust(
    wheel: Path, node: str, tmp_path: Path
) -> None:
    subprocess.run(
        [sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True, timeout=LIMIT
    )
    python = tmp_path / "venv" / "bin" / "python"
    environment = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("PIP_", "SSL_", "HTTP", "http", "REQUESTS_")) or name == "HOME"
    } | {"PATH": str(python.parent), "RON_SDK_COMPILE_CACHE": str(tmp_path / "cache")}
    assert shutil.which("cargo", path=environment["PATH"]) is None
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--timeout", "60", str(wheel)],
        check=True,
        env=environment,
        timeout=LIMIT,
    )
    code = f"""
import asyncio
from ron_app_sdk_py import RonClient, RonClientSync
async def main():
    async with RonClient({node!r}) as client:
        return await client.get("/hello")
assert asyncio.run(main())["ok"]
with RonClientSync({node!r}) as client:
    print(client.post("/echo", json=["wheel"]))
"""
    done = subprocess.run(
        [python, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        env=environment,
        timeout=LIMIT,
        cwd=tmp_path,
    )
    assert (done.stdout, done.stderr) == ("['wheel']\n", "")

    written = tmp_path / "ron_client.wasm"
    subprocess.run(
        [python, "-W", "error", "-m", "ron_app_sdk_py.component", written],
        check=True,
        capture_output=True,
        env=environment,
        timeout=LIMIT,
        cwd=tmp_path,
    )
    assert written.read_bytes() == load(CLIENT).wasm

    verified = subprocess.run(
        [python, "-W", "error", "-m", "ron_app_sdk_py", "verify"],
        capture_output=True,
        text=True,
        env=environment,
        timeout=LIMIT,
        cwd=tmp_path,
    )
    assert (verified.returncode, verified.stderr) == (0, ""), verified.stdout
    assert "compared with RECORD" in verified.stdout


def test_the_sdist_is_whole(tmp_path: Path, wheel: Path) -> None:
    assert build("sdist", tmp_path).returncode == 0
    archive = tmp_path / "ron_app_sdk_py-0.1.0.tar.gz"
    subprocess.run(["tar", "-xzf", archive, "-C", tmp_path], check=True, timeout=LIMIT)
    source = tmp_path / "ron_app_sdk_py-0.1.0"
    for name in ("LICENSE-MIT", "LICENSE-APACHE"):
        assert (source / name).read_bytes() == (ROOT / name).read_bytes()
    again = built_wheel(tmp_path / "dist", source)
    assert zipfile.ZipFile(again).namelist() == zipfile.ZipFile(wheel).namelist()


@pytest.mark.parametrize("missing", ["artifacts", "third-party"])
def test_nothing_is_built_without_what_the_build_makes_and_the_error_says_what_to_do(
    tmp_path: Path, missing: str
) -> None:
    source = tmp_path / "host-python"
    ignored = shutil.ignore_patterns(missing, "__pycache__")
    shutil.copytree(ROOT / "host-python", source, ignore=ignored)
    for kind in ("sdist", "wheel"):
        done = build(kind, tmp_path / "dist", source)
        assert done.returncode != 0
        assert "make build" in done.stdout + done.stderr
        assert f"{missing}/" in done.stdout + done.stderr
    assert not list((tmp_path / "dist").glob("*"))
