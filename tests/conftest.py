"""Fixtures that tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NoReturn

import pytest

from processes import EXTERNAL_NODE, ONLY_PUBLIC_API, devnode


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselects the tests of an external gateway when there is none."""
    if os.environ.get(EXTERNAL_NODE):
        return
    external = [item for item in items if item.get_closest_marker("external")]
    if external:
        config.hook.pytest_deselected(items=external)
        items[:] = [item for item in items if item not in external]


@pytest.fixture(scope="session", autouse=True)
def _own_compile_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests neither use nor touch the user's cache and configuration."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("RON_SDK_", "RON_APP_"))]:
            patch.delenv(name, raising=False)
        patch.setenv("RON_SDK_COMPILE_CACHE", str(tmp_path_factory.mktemp("cache") / "ron"))
        yield


def _no_private_parts(*_arguments: object) -> NoReturn:
    raise AttributeError("this test does without the private parts of wasmtime")


@pytest.fixture
def public_api(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the engine find no private parts."""
    monkeypatch.setattr("ron_app_sdk_py.engine.ffi.fast_call", _no_private_parts)


@pytest.fixture(scope="session", autouse=True)
def _only_public_api() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        if os.environ.get(ONLY_PUBLIC_API):
            patch.setattr("ron_app_sdk_py.engine.ffi.fast_call", _no_private_parts)
        yield


@pytest.fixture(params=["aiohttp", "httpx2"])
def transport(request: pytest.FixtureRequest) -> str:
    """Each transport by its name: what holds for one holds for the other."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def node() -> Iterator[str]:
    """A development node in a process of its own: its base URL."""
    with devnode() as url:
        yield url
