"""Every error form of gateway and omnigate, as the client reports it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ron_app_sdk_py import ClientConfig, RonAuthError, RonClient, RonClientSync, RonProblem
from ron_app_sdk_py.devnode.policy import DEMO, STOCK, Broken, Bundle, Rule
from ron_app_sdk_py.devnode.server import running
from ron_app_sdk_py.devnode.settings import Quota, Settings

MIB = 1024 * 1024
EMPTY = Quota(qps=0, burst=0)


@dataclass(frozen=True)
class Form:
    """A node, a call to it, and the problem that comes of it."""

    settings: Settings
    method: str
    path: str
    status: int
    code: str
    retryable: bool = False
    retry_after: float | None = None
    reason: str | None = None
    content: bytes | None = None
    encoding: str | None = None
    message: str | None = None
    error: type[RonProblem] = RonProblem


FORMS = {
    "O1 by default": Form(
        Settings(policy=STOCK),
        "POST",
        "/echo",
        403,
        "POLICY_DENY",
        reason="default",
        message="Access denied",
        error=RonAuthError,
    ),
    "O1 by a rule": Form(
        Settings(policy=DEMO),
        "PUT",
        "/echo",
        403,
        "POLICY_DENY",
        reason="put blocked",
        error=RonAuthError,
    ),
    "O1 for legal reasons": Form(
        Settings(policy=Bundle((Rule("GET", False, "LEGAL"),))),
        "GET",
        "/hello",
        451,
        "LEGAL_RESTRICTION",
        reason="LEGAL",
    ),
    "O2 of an address": Form(
        Settings(ip_quota=EMPTY),
        "GET",
        "/hello",
        429,
        "TOO_MANY_REQUESTS",
        retryable=True,
        retry_after=0.05,
        message="IP quota exceeded",
    ),
    "O2 of all": Form(
        Settings(global_quota=EMPTY),
        "GET",
        "/hello",
        429,
        "TOO_MANY_REQUESTS",
        retryable=True,
        retry_after=0.05,
        message="Global rate limit",
    ),
    "O3 of one": Form(
        Settings(),
        "POST",
        "/echo",
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        reason="unsupported_media_type",
        encoding="br",
        message="Content-Encoding not allowed by policy",
    ),
    "O3 of several": Form(
        Settings(),
        "POST",
        "/echo",
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        reason="unsupported_media_type",
        encoding="gzip, gzip",
        message="stacked Content-Encoding not allowed",
    ),
    "O4 of what could become too much": Form(
        Settings(max_content_length=10),
        "POST",
        "/echo",
        413,
        "PAYLOAD_TOO_LARGE",
        reason="payload_too_large",
        content=b"xx",
        encoding="gzip",
        message="compressed body exceeds allowed expansion budget",
    ),
    "O4": Form(
        Settings(max_body_bytes=MIB),
        "POST",
        "/echo",
        413,
        "PAYLOAD_TOO_LARGE",
        reason="payload_too_large",
        content=b"x" * (MIB + 1),
        message="request body too large",
    ),
    "O5": Form(
        Settings(max_inflight=0),
        "GET",
        "/hello",
        503,
        "http_503",
        retryable=True,
        reason="overloaded",
        message="server is shedding load; please retry",
    ),
    "O6": Form(
        Settings(policy=Broken()),
        "GET",
        "/hello",
        503,
        "POLICY_ERROR",
        retryable=True,
        retry_after=0.25,
    ),
    "the gateway's limit": Form(
        Settings(), "POST", "/echo", 413, "http_413", content=b"x" * 3 * MIB
    ),
    "no such route": Form(Settings(), "GET", "/nowhere", 404, "http_404"),
    "no such method": Form(Settings(), "POST", "/hello", 405, "http_405"),
    "no such file": Form(Settings(), "GET", "/site/x", 404, "http_404"),
    "an app's own": Form(
        Settings(), "GET", "/problem", 502, "upstream_unavailable", True, reason="connect"
    ),
}


def check(problem: RonProblem, form: Form) -> None:
    assert type(problem) is form.error
    assert (problem.status, problem.code) == (form.status, form.code)
    assert (problem.retryable, problem.retry_after) == (form.retryable, form.retry_after)
    assert problem.problem.reason == form.reason
    assert problem.correlation_id
    assert problem.request_id
    if form.message is not None:
        assert problem.message == form.message


@pytest.mark.parametrize("name", FORMS)
async def test_an_error_form_becomes_its_problem(name: str) -> None:
    form = FORMS[name]
    async with running(settings=form.settings) as url:
        config = ClientConfig(base_url=url, max_request_bytes=4 * MIB)
        headers = {"Content-Encoding": form.encoding} if form.encoding else {}
        async with RonClient(config=config) as client:
            with pytest.raises(RonProblem) as caught:
                await client.request(form.method, form.path, content=form.content, headers=headers)
    check(caught.value, form)


def test_the_synchronous_client_reports_the_same(node: str) -> None:
    with RonClientSync(node) as client:
        for name, form in FORMS.items():
            if form.settings == Settings() and not (form.content or form.encoding):
                with pytest.raises(RonProblem) as caught:
                    client.request(form.method, form.path)
                check(caught.value, FORMS[name])
