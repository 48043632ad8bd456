"""A small part of ``make chaos``, and that its checks can fail."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from faultproxies import TOXIPROXY, opened

from .cases import Case, few
from .checks import violations
from .observing import observe
from .servers import fault_proxy

SEED = 1
RETRIES = 2


@pytest.fixture(
    scope="module", params=["ours", pytest.param("theirs", marks=pytest.mark.toxiproxy)]
)
def proxy_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Our fault proxy in a process of its own, and the real Toxiproxy."""
    if request.param == "theirs":
        yield os.environ[TOXIPROXY]
    else:
        with fault_proxy(SEED) as url:
            yield url


@pytest.mark.parametrize("case", few(SEED), ids=str)
async def test_a_call_through_a_fault_has_a_right_end_and_no_wrong_effects(
    proxy_url: str, case: Case
) -> None:
    async with opened(proxy_url) as toxiproxy:
        seen = await observe(case, toxiproxy)
    assert violations(seen, retries=RETRIES) == []
