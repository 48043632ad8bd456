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

pytestmark = pytest.mark.checkout

BUILD = (sys.executable, "-m", "build", "--no-isolation")
LIMIT = 300
MAX_BYTES = 560_000
"""See ``docs/building.md`` for what is in it."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [*BUILD, "--wheel", "--outdir", str(out), str(ROOT / "host-python")],
        check=True,
        capture_output=True,
        timeout=LIMIT,
    )
    (built,) = out.iterdir()
    return built


def test_the_wheel_is_pure_and_small_and_holds_artifacts_licences_and_types(wheel: Path) -> None:
    assert wheel.name == "ron_app_sdk_py-0.1.0-py3-none-any.whl"
    names = zipfile.ZipFile(wheel).namelist()
    artifacts = {Path(name).name for name in names if "/artifacts/" in name}
    assert artifacts == {"artifacts.json", "ron_host.wasm", "ron_tools.wasm"}
    assert "ron_app_sdk_py/py.typed" in names
    source = ROOT / "host-python" / "src"
    templates = [path for path in source.rglob("cli/template/**/*") if path.is_file()]
    assert templates
    assert {path.relative_to(source).as_posix() for path in templates} <= {*names}
    assert wheel.stat().st_size <= MAX_BYTES
    assert any(name.endswith("licenses/LICENSE-APACHE") for name in names)


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


def test_the_sdist_is_whole(tmp_path: Path) -> None:
    build = [*BUILD, "--outdir", str(tmp_path)]
    subprocess.run(
        [*build, "--sdist", str(ROOT / "host-python")],
        check=True,
        capture_output=True,
        timeout=LIMIT,
    )
    archive = tmp_path / "ron_app_sdk_py-0.1.0.tar.gz"
    subprocess.run(["tar", "-xzf", archive, "-C", tmp_path], check=True, timeout=LIMIT)
    source = tmp_path / "ron_app_sdk_py-0.1.0"
    for name in ("LICENSE-MIT", "LICENSE-APACHE"):
        assert (source / name).read_bytes() == (ROOT / name).read_bytes()
    subprocess.run([*build, "--wheel", str(source)], check=True, capture_output=True, timeout=LIMIT)
    assert (tmp_path / "ron_app_sdk_py-0.1.0-py3-none-any.whl").is_file()


def test_nothing_is_built_without_artifacts_and_the_error_says_what_to_do(tmp_path: Path) -> None:
    source = tmp_path / "host-python"
    shutil.copytree(
        ROOT / "host-python", source, ignore=shutil.ignore_patterns("artifacts", "__pycache__")
    )
    for kind in ("--sdist", "--wheel"):
        done = subprocess.run(
            [*BUILD, kind, "--outdir", str(tmp_path / "dist"), str(source)],
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        assert done.returncode != 0
        assert "make build" in done.stdout + done.stderr
        assert "ron_host.wasm" in done.stdout + done.stderr
    assert not list((tmp_path / "dist").glob("*"))
