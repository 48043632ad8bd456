"""Whatever a component does in place of ours is a sandbox error: the process lives, its memory is
bounded, and a client with the real component is served before and after."""

from __future__ import annotations

import json

import pytest

from hostile import confinement
from hostile.components import ALL
from processes import run_program

pytestmark = pytest.mark.linux

MOST_BYTES = 400 << 20
"""What the process may grow by: three memories of 64 MiB, and an answer on its way out of one."""


@pytest.mark.parametrize("name", ALL)
def test_it_is_a_sandbox_error_and_nothing_else(node: str, name: str) -> None:
    done = run_program("hostile.confinement", name, node)
    assert (done.stderr, done.returncode) == ("", 0)
    told = json.loads(done.stdout)
    expected = ALL[name]
    for way in told["ways"]:
        assert (way.get("error"), way.get("code")) == ("RonSandboxError", expected.code), way
        assert expected.says in way["message"]
        assert confinement.TOKEN not in way["message"]
    assert told["after"] is True
    assert told["grown"] < MOST_BYTES
