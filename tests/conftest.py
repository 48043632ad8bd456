"""Fixtures that tests share."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from typing import NoReturn

import pytest

from examples import load_profile
from faultproxies import TOXIPROXY, opened
from other_host import OtherHost, names_lead_here
from processes import EXTERNAL_NODE, ONLY_PUBLIC_API, devnode
from ron_app_sdk_py.testing.faultproxy.client import Toxiproxy
from ron_app_sdk_py.testing.faultproxy.server import running

_EXTERNAL = {"external": EXTERNAL_NODE, "toxiproxy": TOXIPROXY}
"""Markers of tests that need a server from outside, and the variables that name it."""

_OTHER_HOST = pytest.StashKey[str]()
"""What the other host has heard in all."""


load_profile()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselects the tests of external servers that aren't there."""
    absent = [marker for marker, variable in _EXTERNAL.items() if not os.environ.get(variable)]
    external = [item for item in items if any(map(item.get_closest_marker, absent))]
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


@pytest.fixture(params=["ours", pytest.param("theirs", marks=pytest.mark.toxiproxy)])
async def toxiproxy(request: pytest.FixtureRequest) -> AsyncIterator[Toxiproxy]:
    """Our fault proxy, and the real Toxiproxy: what holds for one holds for the other."""
    if request.param == "theirs":
        async with opened(os.environ[TOXIPROXY]) as client:
            yield client
    else:
        async with running() as url, opened(url) as client:
            yield client


@pytest.fixture(scope="session")
def _listening(request: pytest.FixtureRequest) -> Iterator[OtherHost]:
    """The one other host of all attacks, which at the end of the run has heard nothing."""
    host = OtherHost()
    try:
        yield host
        heard = host.heard()
        request.config.stash[_OTHER_HOST] = (
            f"the other host, after {host.attacks} tests that aim at it: {len(heard)} connections, "
            f"{sum(map(len, heard))} bytes"
        )
        assert heard == []
    finally:
        host.close()


@pytest.fixture
def other_host(_listening: OtherHost) -> Iterator[OtherHost]:
    """Where an attack wants the client to go; every name leads there. What it hears fails the
    test, and the run."""
    before = len(_listening.heard())
    _listening.attacks += 1
    with names_lead_here():
        yield _listening
    assert _listening.heard()[before:] == []


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Shows what the other host has heard."""
    shown = config.stash.get(_OTHER_HOST, None)
    if shown is not None:
        terminalreporter.write_line(shown)
