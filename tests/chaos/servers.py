"""Where the fault proxy is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from faultproxies import TOXIPROXY
from processes import started


@contextmanager
def fault_proxy(seed: int) -> Iterator[str]:
    """Our fault proxy in a process of its own, so that its descriptors aren't ours: its URL."""
    options = ["--port", "0", "--seed", str(seed)]
    with started("-m", "ron_app_sdk_py.testing.faultproxy", *options) as server:
        yield server.url


@contextmanager
def chosen_proxy(seed: int) -> Iterator[str]:
    """The Toxiproxy that ``RON_TOXIPROXY_URL`` names, or ours: its URL."""
    theirs = os.environ.get(TOXIPROXY)
    if theirs:
        yield theirs
    else:
        with fault_proxy(seed) as url:
            yield url
