"""Whatever a component answers, nothing leaves the configured origin or is sent against HTTP, no
call lasts longer than it may, and each ends in an error that names the component."""

from __future__ import annotations

import json

import pytest

from hostile import lying
from hostile.lies import ALL
from processes import run_program


@pytest.mark.parametrize("name", ALL)
def test_a_lie_is_an_error_and_reaches_no_other_origin(node: str, name: str) -> None:
    done = run_program("hostile.lying", name, node)
    assert (done.stderr, done.returncode) == ("", 0)
    told = json.loads(done.stdout)
    lie = ALL[name]
    for outcome in told["outcomes"]:
        assert (outcome["error"], outcome.get("code")) == (lie.error, lie.code), outcome
        assert lie.says in outcome["message"]
    assert (told["connections"], told["received"]) == (0, 0)
    assert told["after"] is True
    assert lying.TOKEN not in done.stdout
