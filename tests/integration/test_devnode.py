"""The development node answers as the real servers do on the routes that it has."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from ron_app_sdk_py import RonClient, RonProblem


async def test_problems_have_the_shapes_of_the_real_gateway(node: str) -> None:
    async with RonClient(node) as client:
        with pytest.raises(RonProblem) as missing:
            await client.get("/nothing-here")
        assert (missing.value.status, missing.value.code) == (404, "http_404")
        with pytest.raises(RonProblem) as method:
            await client.post("/hello")
        assert method.value.status == 405
        with pytest.raises(RonProblem) as bad:
            await client.get("/delay", query={"ms": "soon"})
        assert bad.value.status == 400
        assert (await client.get("/healthz"))["note"] == "app plane mounted"


async def test_the_request_id_is_echoed(node: str) -> None:
    async with RonClient(node) as client:
        response = await client.request("GET", "/hello", headers={"X-Request-Id": "mine"})
        assert response.headers["x-request-id"] == "mine"
        assert response.request_id == "mine"


def test_it_says_that_it_is_a_stand_in_and_stops_when_told() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "ron_app_sdk_py.devnode", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    assert "stand-in" in first
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=10)
    assert (process.returncode, rest, errors) == (0, "", "")


def test_an_address_in_use_is_one_clear_line(node: str) -> None:
    port = node.rpartition(":")[2]
    done = subprocess.run(
        [sys.executable, "-m", "ron_app_sdk_py.devnode", "--port", port],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 1
    assert port in done.stderr
    assert "Traceback" not in done.stderr
