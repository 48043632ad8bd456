"""The fault proxy as a command."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from processes import started
from ron_app_sdk_py.testing.faultproxy.client import Toxiproxy
from ron_app_sdk_py.testing.faultproxy.command import _parser
from servers import ROOT, refusing_port

COMMAND = (sys.executable, "-m", "ron_app_sdk_py.testing.faultproxy")
SCRIPT = str(Path(sys.executable).parent / "ron-faultproxy")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("command", [COMMAND, (SCRIPT,)], ids=["module", "script"])
def test_it_says_where_it_listens_and_stops_when_told(command: tuple[str, ...]) -> None:
    process = subprocess.Popen(
        [*command, "--port", "0", "--seed", "7"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    assert re.fullmatch(r"fault proxy .* seed 7, listening on http://127\.0\.0\.1:\d+\n", first)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 0


async def test_it_begins_with_the_proxies_of_a_file(tmp_path: Path) -> None:
    config = tmp_path / "toxiproxy.json"
    config.write_text(json.dumps([{"name": "a", "listen": "[::1]:0", "upstream": "localhost:9"}]))
    with started(*COMMAND[1:], "--port", "0", "--config", str(config)) as server:
        async with Toxiproxy(server.url) as client:
            state = (await client.proxies())["a"]
    assert state.listen.startswith("[::1]:")
    assert (state.upstream, state.enabled) == ("localhost:9", True)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--port", "x"], "--port: 'x'"),
        (["--seed", "x"], "--seed"),
        (["--config", "/no/such/file"], "--config: '/no/such/file'"),
        (["--config", "{bad}"], "missing required field: name at proxy 1"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_options_that_are_no_good_are_one_line_that_names_them(
    options: list[str], named: str, tmp_path: Path
) -> None:
    (tmp_path / "bad.json").write_text("[{}]")
    done = run(*COMMAND, *(option.format(bad=tmp_path / "bad.json") for option in options))
    assert (done.returncode, done.stdout) == (2, "")
    assert named in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_address_in_use_is_one_line(tmp_path: Path) -> None:
    with refusing_port() as port:
        config = tmp_path / "taken.json"
        proxy = {"name": "a", "listen": f"127.0.0.1:{port}", "upstream": "localhost:9"}
        config.write_text(json.dumps([proxy]))
        for options in (["--port", str(port)], ["--port", "0", "--config", str(config)]):
            done = run(*COMMAND, *options)
            assert done.returncode == 1
            assert str(port) in done.stderr
            assert done.stderr.count("\n") == 1


@pytest.mark.checkout
def test_the_document_lists_every_option() -> None:
    document = (ROOT / "docs/testing.md").read_text("utf-8").partition("## The fault proxy")[2]
    documented = set(re.findall(r"^\| `(--[a-z-]+)", document.partition("\n## ")[0], re.M))
    options = {
        option
        for action in _parser()._actions
        for option in action.option_strings
        if option.startswith("--") and option != "--help"
    }
    assert documented == options
