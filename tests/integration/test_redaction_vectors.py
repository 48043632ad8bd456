"""What middleware and errors show of real exchanges is scrubbed as the vectors say."""

from __future__ import annotations

import json
import warnings

import pytest

from ron_app_sdk_py import Attempt, Middleware, RonClient, RonProblem, RonSecurityWarning
from servers import Request, answering, raw_server, reply
from shared_vectors import Case, read

VECTORS = read("redaction.json")


class Watching(Middleware):
    def __init__(self) -> None:
        self.attempts: list[Attempt] = []

    def after_attempt(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)


async def test_middleware_sees_no_secret_among_the_fields_and_the_server_gets_them() -> None:
    seen: list[Request] = []
    watching = Watching()
    secret = VECTORS["secret"]
    given = {"X-Api-Key": "k", "X-Note": f"a {secret} b", "X-Plain": "p"}
    async with (
        raw_server(answering(seen, reply("204 No Content"))) as url,
        RonClient(url, token=secret) as client,
    ):
        client.add_middleware(watching)
        await client.get("/x?key=1", headers=given)
    (attempt,) = watching.attempts
    shown = dict(attempt.headers)
    assert {name: shown[name] for name in ("authorization", "x-api-key", "x-note", "x-plain")} == {
        "authorization": "[redacted]",
        "x-api-key": "[redacted]",
        "x-note": "a [redacted] b",
        "x-plain": "p",
    }
    assert attempt.url == f"{url}/app/x?key=1"
    ((first, fields, _),) = seen
    assert first == "GET /app/x?key=1 HTTP/1.1"
    arrived = {name.lower(): value for name, value in fields}
    assert {name: arrived[name.lower()] for name in given} == given
    assert arrived["authorization"] == f"Bearer {secret}"


@pytest.mark.parametrize(
    "case",
    # Others can't be a token.
    [case for case in VECTORS["escaped"] + VECTORS["base64"] if " " not in case["secret"]],
    ids=repr,
)
async def test_a_problem_repeats_no_secret_whatever_the_server_makes_of_it(case: Case) -> None:
    body = json.dumps({"code": "c", "message": case["text"]}).encode()
    answer = reply("400 Bad Request", body, "content-type: application/json")
    async with raw_server(answering([], answer)) as url:
        with warnings.catch_warnings():
            # Of short tokens.
            warnings.simplefilter("ignore", RonSecurityWarning)
            client = RonClient(url, token=case["secret"], retries=0)
        async with client:
            with pytest.raises(RonProblem) as caught:
                await client.get("/x")
    assert caught.value.problem.message == case["scrubbed"]


async def test_a_problem_has_no_members_that_are_secret_by_their_names() -> None:
    said = {"headers": {"X-Api-Key": "k", "accept": "a"}, "cookie": ["c"]}
    body = json.dumps({"code": "c", "details": said, "x-ron-cap": 1, "sent": said}).encode()
    answer = reply("400 Bad Request", body, "content-type: application/json")
    async with raw_server(answering([], answer)) as url, RonClient(url, retries=0) as client:
        with pytest.raises(RonProblem) as caught:
            await client.get("/x")
    shown = {"headers": {"X-Api-Key": "[redacted]", "accept": "a"}, "cookie": "[redacted]"}
    assert caught.value.problem.details == shown
    assert caught.value.problem.extensions == {"x-ron-cap": "[redacted]", "sent": shown}


@pytest.mark.parametrize("case", VECTORS["json"], ids=repr)
async def test_a_problem_repeats_no_secret_however_the_server_writes_it(case: Case) -> None:
    body = f'{{"code":"c","details":{{"said":{case["text"]}}}}}'.encode()
    answer = reply("400 Bad Request", body, "content-type: application/json")
    async with (
        raw_server(answering([], answer)) as url,
        RonClient(url, token=case["secret"], retries=0) as client,
    ):
        with pytest.raises(RonProblem) as caught:
            await client.get("/x")
    assert caught.value.problem.details == {"said": json.loads(case["scrubbed"])}
