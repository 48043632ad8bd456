"""Every answer of the vectors, sent by a real server, is what the vectors say it is."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import pytest

from ron_app_sdk_py import RonClient, RonParseError, RonProblem
from ron_app_sdk_py import errors as errors_
from ron_app_sdk_py.engine.guest import SystemClock
from servers import TOKEN, raw_server, read_request, reply
from shared_vectors import Case, answer, body, read, title

PROBLEMS = read("problems.json")
ANSWERS = read("answers.json")
OK = reply("200 OK", b'"ok"', "content-type: application/json")


class Replay:
    """A server that gives one answer and is well afterwards, on the same connection if it may."""

    def __init__(self, case: Case) -> None:
        self._answers = [answer(case)]
        self._closes = any(name == "connection" for name, _ in case["headers"])

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            if not self._answers:
                writer.write(OK)
                continue
            writer.write(self._answers.pop())
            if self._closes:
                return


@pytest.fixture
def _at_the_time_of_the_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    now = PROBLEMS["now"] * 1_000_000_000
    monkeypatch.setattr(SystemClock, "wall_ns", staticmethod(lambda: now))


@pytest.mark.usefixtures("_at_the_time_of_the_vectors")
@pytest.mark.parametrize("case", PROBLEMS["captured"] + PROBLEMS["made"], ids=title)
async def test_an_error_answer_is_the_problem_that_the_vectors_say(case: Case) -> None:
    case = {"method": "GET", "interim": [], **case}
    expected: dict[str, Any] = dict(case["expected"])
    cls = getattr(errors_, expected.pop("class"))
    async with raw_server(Replay(case)) as url, RonClient(url, token=TOKEN, retries=0) as client:
        with pytest.raises(RonProblem) as caught:
            await client.request(case["method"], "/x")
        error = caught.value
        assert type(error) is cls
        assert error.problem.model_dump() == {"status": case["status"], **expected}
        assert {name: getattr(error, name) for name in _ON_THE_ERROR} == {
            "status": case["status"],
            "detail": expected["message"],
            **{name: expected[name] for name in _ON_THE_ERROR if name in expected},
        }
        wait = expected["retry_after_ms"]
        assert error.retry_after == (None if wait is None else wait / 1000)
        copy = pickle.loads(pickle.dumps(error))
        assert (repr(copy), str(copy)) == (repr(error), str(error))
        assert await client.get("/x") == "ok"


_ON_THE_ERROR = (
    "status",
    "code",
    "message",
    "detail",
    "kind",
    "title",
    "type",
    "retryable",
    "correlation_id",
)


@pytest.mark.parametrize("case", ANSWERS["captured"] + ANSWERS["made"], ids=title)
async def test_a_successful_answer_is_what_the_vectors_say(case: Case) -> None:
    async with raw_server(Replay(case)) as url, RonClient(url, retries=0) as client:
        response = await client.request(case["method"], "/x")
        assert response.status == case["status"]
        assert response.content == body(case)
        if "error" in case:
            with pytest.raises(RonParseError) as caught:
                response.value()
            assert caught.value.code == case["error"]
        elif "empty" in case:
            assert response.value() is None
        elif "bytes" in case:
            assert response.value() == body(case)
        elif "text" in case:
            assert response.value() == case["text"]
        else:
            assert response.value() == case["json"]
        assert isinstance(response.text, str)
        assert await client.get("/x") == "ok"


def test_the_vectors_cover_every_capture_but_one() -> None:
    lines = {case["line"] for case in PROBLEMS["captured"] + ANSWERS["captured"]}
    assert set(range(1, 210)) - lines == {156}
