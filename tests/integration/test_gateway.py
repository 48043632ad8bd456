"""What every gateway keeps to: the development node, and the one at ``RON_TEST_NODE_URL``.

Nothing here needs to know how the gateway is configured, and nothing here changes what it holds.
"""

from __future__ import annotations

import os
import uuid

import pytest

from processes import EXTERNAL_NODE
from rawhttp import Answer, exchange
from ron_app_sdk_py import (
    ClientConfig,
    RonAuthError,
    RonClient,
    RonClientSync,
    RonProblem,
    RonRequestError,
)

JSON = "application/json"


@pytest.fixture(
    params=["devnode", pytest.param("external", marks=pytest.mark.external)], scope="module"
)
def gateway(request: pytest.FixtureRequest) -> str:
    """The base URL of a gateway."""
    if request.param == "external":
        return os.environ[EXTERNAL_NODE].rstrip("/")
    url: str = request.getfixturevalue("node")
    return url


def client(gateway: str) -> RonClient:
    return RonClient(gateway, allow_insecure_http=True)


def roomy(gateway: str) -> ClientConfig:
    return ClientConfig(
        base_url=gateway, allow_insecure_http=True, max_request_bytes=4 * 1024 * 1024
    )


def assert_empty(answer: Answer, status: int) -> None:
    assert (answer.status, answer.body, answer.field("content-type")) == (status, b"", None)


def test_healthz_says_ok_in_plain_text(gateway: str) -> None:
    answer = exchange(gateway, "GET", "/healthz")
    assert (answer.status, answer.body) == (200, b"ok")
    assert answer.field("content-type") == "text/plain; charset=utf-8"


def test_readyz_is_a_word_without_a_request_id(gateway: str) -> None:
    answer = exchange(gateway, "GET", "/readyz", [("X-Request-Id", "mine")])
    assert (answer.status, answer.body) in (
        (200, b"ready"),
        (503, b"not ready"),
        (503, b"busy"),
        (504, b"timeout"),
    )
    assert answer.field("x-request-id") is None


def test_version_has_the_members_by_which_a_gateway_is_known(gateway: str) -> None:
    answer = exchange(gateway, "GET", "/version")
    assert (answer.status, answer.field("content-type")) == (200, JSON)
    version = answer.json()
    assert version["name"] == "svc-gateway"
    assert version["version"]
    assert isinstance(version["built_at_unix"], int)


def test_a_request_id_is_kept_or_made(gateway: str) -> None:
    mine = uuid.uuid4().hex
    assert (
        exchange(gateway, "GET", "/healthz", [("X-Request-Id", mine)]).field("x-request-id") == mine
    )
    first, second = (exchange(gateway, "GET", "/healthz").field("x-request-id") for _ in "12")
    assert first
    assert second
    assert first != second


def test_a_method_that_a_route_does_not_have_is_405_without_a_body(gateway: str) -> None:
    answer = exchange(gateway, "POST", "/healthz")
    assert_empty(answer, 405)
    assert sorted((answer.field("allow") or "").split(",")) == ["GET", "HEAD"]


@pytest.mark.parametrize("target", ["/no-such-route", "/app", "/app/", "/v1/app/healthz"])
def test_what_the_gateway_does_not_route_is_404_without_body_and_id(
    gateway: str, target: str
) -> None:
    answer = exchange(gateway, "GET", target)
    assert_empty(answer, 404)
    assert answer.field("x-request-id") is None


def test_a_path_that_is_not_utf_8_is_400_in_plain_text(gateway: str) -> None:
    answer = exchange(gateway, "GET", "/app/bad%ff")
    assert (answer.status, answer.body) == (400, b"Invalid URL: Invalid UTF-8 in `tail`")
    assert answer.field("x-request-id")


async def test_the_client_reads_the_health_of_the_app_plane(gateway: str) -> None:
    async with client(gateway) as ron:
        response = await ron.request("GET", "/healthz", headers={"X-Request-Id": "mine"})
        assert response.json()["ok"] is True
        assert response.headers["x-request-id"] == "mine"


def test_the_synchronous_client_does_too(gateway: str) -> None:
    with RonClientSync(gateway, allow_insecure_http=True) as ron:
        assert ron.get("/healthz")["ok"] is True


async def test_an_app_route_that_does_not_exist_is_a_problem(gateway: str) -> None:
    async with client(gateway) as ron:
        with pytest.raises(RonProblem) as caught:
            await ron.get(f"/no-such-app-{uuid.uuid4().hex}")
    problem = caught.value
    assert (problem.status, problem.kind, problem.retryable) == (404, "not_found", False)
    assert problem.correlation_id


async def test_a_write_where_none_is_allowed_is_a_problem_of_policy_or_routing(
    gateway: str,
) -> None:
    """With the stock policy 403 comes before 405; without a policy there is no 403."""
    async with client(gateway) as ron:
        with pytest.raises(RonProblem) as caught:
            await ron.request("DELETE", "/healthz")
    problem = caught.value
    assert problem.retryable is False
    if isinstance(problem, RonAuthError):
        assert (problem.status, problem.code) == (403, "POLICY_DENY")
        assert problem.problem.reason == "delete blocked"
    else:
        assert (problem.status, problem.code) == (405, "http_405")


async def test_a_body_over_two_mebibytes_is_a_problem(gateway: str) -> None:
    async with RonClient(config=roomy(gateway)) as ron:
        with pytest.raises(RonProblem) as caught:
            await ron.post("/healthz", content=b"x" * 3 * 1024 * 1024)
    problem = caught.value
    assert (problem.status, problem.code, problem.retryable) == (413, "http_413", False)


async def test_the_client_never_sends_what_a_gateway_would_decode_out_of_the_app_plane(
    gateway: str,
) -> None:
    escaped = exchange(gateway, "GET", "/app/%2e%2e/%2e%2e/no-such-route")
    assert escaped.status == 404
    async with client(gateway) as ron:
        with pytest.raises(RonRequestError):
            await ron.get("/%2e%2e/ping")
