"""Fixtures for pytest: ``ron_sim`` and ``ron_devnode``.

Every pytest run where this package is installed imports this module, so it imports nothing that
costs: engine, clients and node are loaded when a fixture is used.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..devnode.settings import Settings
    from .simulation.simulation import Simulation

_SHOWN_LINES = 50
"""Lines of a trace that are shown with a failure: the last ones."""

_SIMULATION: pytest.StashKey[Simulation] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds ``--ron-seed``."""
    parser.getgroup("ron", "ron-app-sdk-py").addoption(
        "--ron-seed",
        type=int,
        metavar="SEED",
        help="seed of every ron_sim; by default each test has its own, from its name",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows seed and trace of a test that failed."""
    report = yield
    sim = item.stash.get(_SIMULATION, None)
    if sim is not None and report.failed:
        lines = sim.trace.splitlines()
        text = [f"seed {sim.seed}: repeat with --ron-seed={sim.seed}", *lines[-_SHOWN_LINES:]]
        if len(lines) > _SHOWN_LINES:
            text.insert(1, f"… {len(lines) - _SHOWN_LINES} lines before these")
        report.sections.append(("RON simulation", "\n".join(text)))
    return report


@pytest.fixture
def ron_sim(request: pytest.FixtureRequest) -> Iterator[Simulation]:
    """A fresh :class:`~ron_app_sdk_py.testing.Simulation`.

    Its seed comes from the test's name, so that it is the same in each run, or from
    ``--ron-seed``; it is shown when the test fails.
    """
    from .simulation.simulation import Simulation

    seed: int | None = request.config.getoption("--ron-seed")
    if seed is None:
        seed = zlib.crc32(request.node.nodeid.encode())
    sim = request.node.stash[_SIMULATION] = Simulation(seed=seed)
    yield sim
    del request.node.stash[_SIMULATION]


@pytest.fixture(scope="session")
def ron_devnode_settings() -> Settings | None:
    """Which gateway ``ron_devnode`` stands in for: override it to return other
    :class:`~ron_app_sdk_py.devnode.settings.Settings`."""
    return None


@pytest.fixture(scope="session")
def ron_devnode(ron_devnode_settings: Settings | None) -> Iterator[str]:
    """The base URL of a development node that runs in this process, on a free port, for the whole
    session. Needs the extra ``devnode``."""
    try:
        from .embedded import devnode
    except ModuleNotFoundError as error:
        pytest.fail(
            f"ron_devnode needs {error.name}; install it with "
            "pip install 'ron-app-sdk-py[devnode]'",
            pytrace=False,
        )
    with devnode(ron_devnode_settings) as url:
        yield url
