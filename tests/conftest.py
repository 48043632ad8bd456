"""Fixtures that tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from processes import EXTERNAL_NODE, devnode


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
    """Tests neither use nor touch the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RON_SDK_COMPILE_CACHE", str(tmp_path_factory.mktemp("cache") / "ron"))
        for name in ("RON_SDK_GATEWAY_ADDR", "RON_APP_URL", "RON_APP_TOKEN"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session")
def node() -> Iterator[str]:
    """A development node in a process of its own: its base URL."""
    with devnode() as url:
        yield url
