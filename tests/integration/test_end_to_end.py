"""Client → development node as gateway → an app, each in a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from processes import devnode, started
from ron_app_sdk_py import ClientConfig, RonClient, RonClientSync, RonProblem
from ron_app_sdk_py.devnode.server import running
from ron_app_sdk_py.devnode.settings import Settings
from servers import ROOT, raw_server, read_request, refusing_port, reply

APP = str(ROOT / "examples" / "facet_app.py")
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def gateway() -> Iterator[str]:
    """A gateway with the example's app behind it."""
    with started(APP, "--port", "0") as app, devnode("--upstream", app.url) as url:
        yield url


async def test_an_app_is_used_through_the_gateway_by_both_clients(gateway: str) -> None:
    async with RonClient(gateway) as client:
        assert await client.get("/healthz") == {"ok": True}
        before = (await client.get("/notes/count"))["notes"]
        note = await client.post("/notes", json={"text": "é😀"}, idem=True)
        assert note["text"] == "é😀"

    def synchronous() -> None:
        with RonClientSync(gateway) as client:
            assert client.get(f"/app/notes/{note['id']}") == note
            assert client.get("/notes/count") == {"notes": before + 1}

    await asyncio.to_thread(synchronous)


async def test_the_problems_of_an_app_arrive_as_it_made_them(gateway: str) -> None:
    async with RonClient(gateway) as client:
        with pytest.raises(RonProblem) as missing:
            await client.get("/notes/999")
        with pytest.raises(RonProblem) as bad:
            await client.post("/notes", json=["no note"])
    assert (missing.value.status, missing.value.code) == (404, "no_such_note")
    assert missing.value.message == "there is no note 999"
    assert missing.value.retryable is False
    assert (bad.value.status, bad.value.code) == (400, "bad_note")


async def test_a_body_over_the_gateways_limit_never_reaches_the_app(gateway: str) -> None:
    config = ClientConfig(base_url=gateway, max_request_bytes=4 * MIB)
    async with RonClient(config=config) as client:
        before = await client.get("/notes/count")
        with pytest.raises(RonProblem) as caught:
            await client.post("/notes", json={"text": "x" * 3 * MIB})
        assert await client.get("/notes/count") == before
    assert (caught.value.status, caught.value.code) == (413, "http_413")
    assert caught.value.retryable is False


async def test_an_app_that_is_down_is_a_problem_that_may_be_tried_again() -> None:
    with refusing_port() as port, devnode("--upstream", f"http://127.0.0.1:{port}") as gateway:
        async with RonClient(gateway) as client:
            with pytest.raises(RonProblem) as caught:
                await client.post("/notes", json={"text": "lost"})
    problem = caught.value
    assert (problem.status, problem.code) == (502, "upstream_unavailable")
    assert (problem.problem.reason, problem.retryable) == ("connect", True)


async def test_an_app_may_be_restarted_behind_the_gateway() -> None:
    with started(APP, "--port", "0") as first:
        app = first.url
        with devnode("--upstream", app) as gateway:
            async with RonClient(gateway) as client:
                assert (await client.post("/notes", json={"text": "old"}))["id"] == 1
                first.process.kill()
                first.process.wait(timeout=60)
                with pytest.raises(RonProblem):
                    await client.post("/notes", json={"text": "lost"})
                with started(APP, "--port", app.rpartition(":")[2]):
                    assert await client.get("/notes/count") == {"notes": 0}


async def test_an_app_that_dies_in_its_answer_is_a_problem_and_no_half_answer() -> None:
    async def dying(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(reply("200 OK", b'{"whole": ')[:-5])
        await writer.drain()

    async with (
        raw_server(dying) as app,
        running(settings=Settings(upstream=app)) as gateway,
        RonClient(gateway) as client,
    ):
        with pytest.raises(RonProblem) as caught:
            await client.post("/notes", json={"text": "?"})
    problem = caught.value
    assert (problem.status, problem.code) == (502, "upstream_unavailable")
    assert (problem.problem.reason, problem.retryable) == ("read", True)


def test_the_example_says_how_to_start_it() -> None:
    text = Path(APP).read_text("utf-8")
    assert "python examples/facet_app.py --port 9000" in text
    assert "python -m ron_app_sdk_py.devnode --upstream http://127.0.0.1:9000" in text
