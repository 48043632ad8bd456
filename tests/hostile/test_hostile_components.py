"""Whatever a component does in place of ours is a sandbox error: the process lives, its memory is
bounded, and a client with the real component is served before and after."""

from __future__ import annotations

import json

import pytest

from hostile import confinement
from hostile.confinement import IN_PLACE_OF
from processes import run_program, run_python

pytestmark = pytest.mark.linux

MOST_BYTES = 400 << 20
"""What the process may grow by: three memories of 64 MiB, and an answer on its way out of one."""


@pytest.mark.parametrize(
    ("artifact", "name"),
    [(artifact, name) for artifact, hostile in IN_PLACE_OF.items() for name in hostile],
)
def test_it_is_a_sandbox_error_and_nothing_else(node: str, artifact: str, name: str) -> None:
    done = run_program("hostile.confinement", artifact, name, node)
    assert (done.stderr, done.returncode) == ("", 0)
    told = json.loads(done.stdout)
    expected = IN_PLACE_OF[artifact][name]
    for way in told["ways"]:
        assert (way.get("error"), way.get("code")) == ("RonSandboxError", expected.code), way
        assert expected.says in way["message"]
        assert confinement.TOKEN not in way["message"]
    assert told["after"] is True
    assert told["grown"] < MOST_BYTES


def test_our_component_with_a_byte_changed_does_no_harm_either(node: str) -> None:
    """Its digest would tell; this is what follows if nobody looks at it."""
    done = run_python(
        """
        import json, os, random
        from hostile.confinement import FUEL, attempt
        from ron_app_sdk_py.engine.artifact import load
        os.environ["RON_SDK_COMPILE_CACHE"] = "off"
        whole = load().wasm
        outcomes = []
        for seed in range(6):
            place = random.Random(seed).randrange(len(whole))
            changed = whole[:place] + bytes([whole[place] ^ 1 << seed % 8]) + whole[place + 1 :]
            outcomes.append(attempt(changed, sys.argv[1], FUEL))
        cut = [attempt(whole[: len(whole) * part // 7], sys.argv[1], FUEL) for part in range(7)]
        print(json.dumps([outcomes, cut]))
        """,
        node,
    )
    assert (done.stderr, done.returncode) == ("", 0)
    outcomes, cut = json.loads(done.stdout)
    assert len(outcomes) == 6
    assert {outcome["code"] for outcome in cut} == {"artifact_corrupt"}
    assert confinement.TOKEN not in done.stdout
