"""Fixtures that tests share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def _own_compile_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests neither use nor touch the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RON_SDK_COMPILE_CACHE", str(tmp_path_factory.mktemp("cache") / "ron"))
        for name in ("RON_SDK_GATEWAY_ADDR", "RON_APP_URL", "RON_APP_TOKEN"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(params=["aiohttp", "httpx2"])
def transport(request: pytest.FixtureRequest) -> str:
    """Each transport by its name: what holds for one holds for the other."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def node() -> Iterator[str]:
    """A development node in a process of its own: its base URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ron_app_sdk_py.devnode", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.wait(timeout=10)
        process.stdout.close()
