"""Runs the tests of the engine with the newest wasmtime that the package allows.

In an environment of their own, and only if that is newer than the one the other tests ran with. An
index that can't be reached is no failure: it is said, and the tests are left for the next time.

    python newest_wasmtime.py FOLDER [--always]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

from servers import ROOT

PACKAGE = ROOT / "host-python"

ASK_SECONDS = 60
INSTALL_SECONDS = 600
TEST_SECONDS = 1200

TESTS = (
    "tests/engine",
    "tests/hostile",
    "tests/unit/test_artifact.py",
    "tests/unit/test_cache.py",
    "tests/property/test_engine_property.py",
    "tests/integration/test_sandbox.py",
    "tests/integration/test_client.py",
    "tests/integration/test_sync.py",
    "tests/integration/test_loops.py",
    "tests/integration/test_end_to_end.py",
)
"""The engine, the defects that it works around, and whole calls over it."""


class UnreachableError(Exception):
    """The index doesn't answer."""


def requirement() -> str:
    """What the package says of wasmtime, such as ``wasmtime>=50,<54``."""
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text("utf-8"))["project"]
    (found,) = [text for text in project["dependencies"] if text.startswith("wasmtime")]
    return str(found)


def newest(required: str) -> str:
    """The newest version that would be installed.

    Raises:
        UnreachableError: the index doesn't answer in time.
    """
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
    command += ["--no-deps", "--only-binary=:all:", "--timeout=15", "--retries=1", "--report=-"]
    try:
        asked = subprocess.run(
            [*command, required], stdout=subprocess.PIPE, timeout=ASK_SECONDS, check=True
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        raise UnreachableError from None
    (found,) = json.loads(asked.stdout)["install"]
    return str(found["metadata"]["version"])


def environment(folder: Path, wasmtime: str) -> Path:
    """A fresh environment with the package and this wasmtime: its Python."""
    subprocess.run(
        [sys.executable, "-m", "venv", "--clear", folder], check=True, timeout=INSTALL_SECONDS
    )
    python = folder / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--timeout=60", "--retries=3"]
    install += ["-r", f"{PACKAGE}/requirements-dev.txt"]
    install += ["-e", f"{PACKAGE}[cli,codegen,devnode,dotenv,httpx2]"]
    subprocess.run([*install, f"wasmtime=={wasmtime}"], check=True, timeout=INSTALL_SECONDS)
    return python


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("folder", type=Path, help="where the environment is made")
    parser.add_argument(
        "--always", action="store_true", help="run the tests though the version is not newer"
    )
    given = parser.parse_args()
    required, installed = requirement(), version("wasmtime")
    try:
        found = newest(required)
    except UnreachableError:
        print(f"no index tells the newest of {required}: only {installed} was tested")
        return 0
    if found == installed and not given.always:
        print(f"wasmtime {installed} is the newest of {required}: the tests ran with it")
        return 0
    print(f"wasmtime {found} is the newest of {required}; the other tests run with {installed}")
    python = environment(given.folder, found)
    for name in ("", "1"):
        print(f"with {'the public API only' if name else 'its private parts'}:", flush=True)
        done = subprocess.run(
            [python, "-m", "pytest", "-q", *TESTS],
            cwd=ROOT,
            env=os.environ | {"RON_TEST_PUBLIC_API": name},
            timeout=TEST_SECONDS,
        )
        if done.returncode:
            print(f"wasmtime {found} is not {installed}: docs/wasmtime.md says what to do")
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
