"""``ron doctor`` against what can be wrong between here and an answer."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from certificates import LAST_WEEK, NEXT_WEEK, TOMORROW, YESTERDAY, Authority, self_signed
from processes import devnode, tinyproxy
from ron_app_sdk_py.cli.exit_codes import ExitCode
from ron_app_sdk_py.cli.root import ron as command
from ron_command import ron, shown_on_terminal
from servers import (
    TOKEN,
    answering,
    on_a_thread,
    read_request,
    refusing_port,
    reply,
)
from stream_servers import chunk, chunked_head, event

NAMES = ("configuration", "dns", "tcp", "tls", "gateway", "auth", "streaming")
JSON = "content-type: application/json"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def examine(url: str, *options: str, **environ: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and what it says by the names of the checks."""
    done = ron("doctor", "--json", *options, url=url, environ=environ)
    document = done.json()
    assert document["ok"] == (done.code == 0)
    assert [check["name"] for check in document["checks"]] == list(NAMES)
    return done.code, {check["name"]: check for check in document["checks"]}


def fails_at(name: str, url: str, *options: str, **environ: str) -> dict[str, Any]:
    """The only check that fails: those before are well, and those after not reached."""
    code, checks = examine(url, *options, **environ)
    assert code == ExitCode.FINDINGS
    at = NAMES.index(name)
    assert {checks[before]["state"] for before in NAMES[:at]} <= {"ok", "skip"}
    assert checks[name]["state"] == "fail", checks
    assert checks[name]["mend"] or name == "configuration"
    for after in NAMES[at + 1 :]:
        assert (checks[after]["state"], checks[after]["cause"]) == (
            "skip",
            f"not reached: {name} failed",
        )
    return checks[name]


@contextmanager
def gateway(answers: dict[str, bytes]) -> Iterator[str]:
    """A server that answers by paths; what it does not know is fine with it."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first, _, _ = await read_request(reader)
            path = first.split()[1]
            writer.write(answers.get(path, reply("200 OK", b"ok", "content-type: text/plain")))
            await writer.drain()
            if b"transfer-encoding" in answers.get(path, b""):
                await reader.read()

    with on_a_thread(handler) as url:
        yield url


def test_a_well_gateway_is_well_and_that_it_holds_streams_back_is_a_warning(node: str) -> None:
    code, checks = examine(node)
    assert code == 0
    states = {name: check["state"] for name, check in checks.items()}
    assert states == {
        "configuration": "ok",
        "dns": "ok",
        "tcp": "ok",
        "tls": "skip",
        "gateway": "ok",
        "auth": "ok",
        "streaming": "warn",
    }
    assert "held back until it ends" in checks["streaming"]["cause"]
    assert "docs/streams.md" in checks["streaming"]["mend"]
    assert "with the token" in checks["auth"]["cause"]


def test_each_check_is_a_line_with_state_cause_and_mend() -> None:
    with refusing_port() as port:
        done = ron("doctor", url=f"http://127.0.0.1:{port}")
    lines = done.out.decode().splitlines()
    assert done.err == ""
    assert [line.split()[0] for line in lines] == list(NAMES)
    assert lines[2] == (
        f"tcp           fail  127.0.0.1:{port} can't be connected to: 127.0.0.1: Connection "
        f"refused; start what should listen on port {port}, or check the port and the firewall"
    )
    assert lines[-1] == "streaming     skip  not reached: tcp failed"


def test_a_configuration_that_is_no_good_is_the_first_thing_to_mend() -> None:
    check = fails_at("configuration", "http://192.0.2.1")
    assert "base_url is plain http" in check["cause"]
    assert "tls_ca" in fails_at("configuration", "https://x.invalid", "--ca", "/no/such")["cause"]
    assert "timeout" in fails_at("configuration", "http://127.0.0.1:1", "--timeout", "-1")["cause"]
    no_file = fails_at("configuration", "http://127.0.0.1:1", "--token-file", "/no/such")
    assert "/no/such" in no_file["cause"]


@pytest.mark.parametrize("timeout", ["0", "nan", "-1"])
def test_a_time_out_that_is_none_is_said_once(timeout: str) -> None:
    check = fails_at("configuration", "http://127.0.0.1:1", "--timeout", timeout)
    assert check["cause"].count("give a positive number of seconds") == 1


def test_a_name_that_does_not_resolve() -> None:
    check = fails_at("dns", "https://no-such-host.invalid")
    assert "no-such-host.invalid does not resolve" in check["cause"]


def test_a_lookup_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    end = threading.Event()

    def hang(*_: object, **__: object) -> list[object]:
        end.wait()
        return []

    # The system's resolver can't be told to hang; what would call it can.
    monkeypatch.setattr("ron_app_sdk_py.transport.resolver.socket.getaddrinfo", hang)
    arguments = ["doctor", "--url", "https://gateway.example", "--timeout", "0.3"]
    done = CliRunner().invoke(command, arguments)
    # It has ended, so the thread of the lookup was not waited for.
    end.set()
    assert done.exit_code == ExitCode.FINDINGS
    assert "fail  nobody has told the address of gateway.example within 0.3 s" in done.output


def test_a_port_that_never_answers_is_given_up() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        # What its queue has no place for gets no answer at all.
        waiting = []
        for _ in range(4):
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(address)
        check = fails_at("tcp", f"http://127.0.0.1:{address[1]}", "--timeout", "0.5")
        for one in waiting:
            one.close()
    assert check["cause"] == f"127.0.0.1:{address[1]} does not answer within 0.5 s"


def test_a_server_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        check = fails_at("gateway", f"http://127.0.0.1:{port}", "--timeout", "0.5")
        assert "--timeout" in check["mend"]
        check = fails_at("tls", f"https://127.0.0.1:{port}", "--timeout", "0.5")
        assert check["cause"] == "the handshake does not end within 0.25 s"


def test_each_fault_of_tls_has_its_cause_and_mend(authority: Authority) -> None:
    for context, reason, mend in (
        (authority.server("example.org"), "wrong_host", "--url"),
        (authority.server(not_before=LAST_WEEK, not_after=YESTERDAY), "expired", "renew"),
        (authority.server(not_before=TOMORROW, not_after=NEXT_WEEK), "not_yet_valid", "clock"),
        (self_signed(), "self_signed", "--ca"),
    ):
        with on_a_thread(answering([], reply("200 OK")), tls=context) as url:
            check = fails_at("tls", url, "--ca", authority.file)
        assert f"({reason})" in check["cause"]
        assert mend in check["mend"]
    with on_a_thread(answering([], reply("200 OK")), tls=authority.server()) as url:
        check = fails_at("tls", url)
        assert "(unknown_issuer)" in check["cause"]
        code, checks = examine(url, "--ca", authority.file)
        assert (code, checks["tls"]["state"]) == (0, "ok")

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(reply("400 Bad"))
        await writer.drain()

    with on_a_thread(plain) as url:
        check = fails_at("tls", url.replace("http:", "https:"))
    assert "(not_tls)" in check["cause"]


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"/healthz": reply("404 No", b"no such page")}, "HTTP 404"),
        ({"/healthz": reply("503 Ill", b'{"unhealthy":["db"]}', JSON)}, "unwell: db"),
        ({"/healthz": reply("200 OK", b"<html>welcome", "content-type: text/html")}, "a web page"),
        ({"/healthz": b"SSH-2.0-OpenSSH_9.2\r\n\r\n"}, "not HTTP"),
        ({"/readyz": reply("503 No", b'{"missing":["config"]}', JSON)}, "waits for config"),
        ({"/readyz": b"nonsense\r\n\r\n"}, "not HTTP"),
    ],
)
def test_what_is_no_well_gateway_is_said_to_be_none(answers: dict[str, bytes], said: str) -> None:
    with gateway(answers) as url:
        assert said in fails_at("gateway", url)["cause"]


@pytest.mark.parametrize(
    ("answer", "said", "mend"),
    [
        (reply("401 No", b'{"code":"bad_token","message":"m"}', JSON), "bad_token", "new token"),
        (reply("403 No", b'{"code":"policy","message":"m"}', JSON), "policy", "may do"),
        (reply("500 No", b'{"code":"oh","message":"m"}', JSON), "oh", "--path"),
    ],
)
def test_an_app_plane_that_refuses_the_token_is_told_from_one_that_is_down(
    answer: bytes, said: str, mend: str
) -> None:
    with gateway({"/app/mine": answer}) as url:
        check = fails_at("auth", url, "--path", "/mine")
    assert said in check["cause"]
    assert mend in check["mend"]


def test_a_refusal_without_a_token_asks_for_one() -> None:
    with gateway({"/app/healthz": reply("401 No")}) as url:
        done = ron("doctor", "--json", url=url, token=None)
    auth = next(check for check in done.json()["checks"] if check["name"] == "auth")
    assert "RON_APP_TOKEN" in auth["mend"]


STREAM = chunked_head() + chunk(event("x"))
OPEN = chunked_head()


@pytest.mark.parametrize(
    ("answer", "state", "said"),
    [
        (STREAM, "ok", "gives events as they come"),
        (OPEN, "ok", "is open, and silent for 1 s"),
        (reply("404 No"), "fail", "HTTP 404"),
        (reply("401 No"), "fail", "is refused"),
        (reply("200 OK", b"{}", JSON), "fail", "/mine"),
        (reply("200 OK", b"data: x\n\n", "content-type: text/event-stream"), "warn", "held back"),
    ],
)
def test_a_stream_that_is_named_is_tried_and_what_it_is_like_is_said(
    answer: bytes, state: str, said: str
) -> None:
    with gateway({"/app/mine": answer}) as url:
        code, checks = examine(url, "--stream", "/mine", "--timeout", "1")
    assert (checks["streaming"]["state"], code) == (state, int(state == "fail"))
    assert said in checks["streaming"]["cause"]


def test_no_stream_need_be_there_unless_it_is_named() -> None:
    for answer in (reply("404 No"), reply("200 OK", b"{}", JSON)):
        with gateway({"/app/events": answer}) as url:
            code, checks = examine(url)
        assert (code, checks["streaming"]["state"]) == (0, "skip")
        assert checks["streaming"]["mend"] == "name a stream of your app with --stream"


@pytest.mark.servers
def test_a_proxy_is_what_is_connected_to(authority: Authority, tmp_path: Path) -> None:
    with (
        tinyproxy(tmp_path) as port,
        on_a_thread(answering([], reply("200 OK", b"ok")), tls=authority.server()) as url,
    ):
        proxy = f"http://127.0.0.1:{port}"
        code, checks = examine(url, "--proxy", proxy, "--ca", authority.file)
        assert code == 0
        assert f"proxy 127.0.0.1:{port}" in checks["configuration"]["cause"]
        assert f"port {port}" in checks["tcp"]["cause"]
        # Only the proxy has to know the gateway's name.
        check = fails_at("tls", "https://no-such-host.invalid", "--proxy", proxy)
        assert "(proxy_status)" in check["cause"]
        assert "CONNECT" in check["mend"]


@pytest.mark.servers
def test_a_proxy_that_wants_a_password_gets_it_from_the_environment(
    authority: Authority, tmp_path: Path
) -> None:
    with (
        tinyproxy(tmp_path, "BasicAuth alice hunter22") as port,
        on_a_thread(answering([], reply("200 OK", b"ok")), tls=authority.server()) as url,
    ):
        check = fails_at("tls", url, "--ca", authority.file, "--proxy", f"http://127.0.0.1:{port}")
        assert "RON_SDK_PROXY" in check["mend"]
        environ = {"RON_SDK_PROXY": f"http://alice:hunter22@127.0.0.1:{port}"}
        done = ron("doctor", "-vv", "--ca", authority.file, url=url, environ=environ)
    assert done.code == 0
    assert b"hunter22" not in done.out
    assert "hunter22" not in done.err


def test_a_proxy_that_is_not_there_is_told_from_a_gateway_that_is_not() -> None:
    with refusing_port() as port:
        options = ["--proxy", f"http://127.0.0.1:{port}"]
        check = fails_at("tcp", "https://no-such-host.invalid", *options)
    assert f"127.0.0.1:{port} can't be connected to" in check["cause"]
    check = fails_at("dns", "https://gateway.invalid", "--proxy", "http://no-such-proxy.invalid:1")
    assert "no-such-proxy.invalid" in check["cause"]


def test_a_conventional_proxy_variable_that_is_not_used_is_named(node: str) -> None:
    _, checks = examine(node, HTTPS_PROXY="http://alice:hunter22@proxy.invalid:1")
    assert "HTTPS_PROXY is not used: give --proxy" in checks["configuration"]["cause"]
    assert "hunter22" not in str(checks)


def test_an_ill_gateways_words_are_escaped() -> None:
    evil = f'"\\u001b[2J[red]\\u202e{TOKEN}"'.encode()
    answers = {
        "/healthz": reply("503 Ill", b'{"unhealthy":[' + evil + b"]}", JSON),
        "/readyz": reply("503 Ill", b'{"missing":[' + evil + b"]}", JSON),
        "/app/healthz": reply("401 No", b'{"code":"c","message":' + evil + b"}", JSON),
    }
    while answers:
        with gateway(answers) as url:
            done = ron("doctor", url=url)
            on_terminal = shown_on_terminal("doctor", url=url, environ={"NO_COLOR": "1"})
        assert done.code == on_terminal.code == ExitCode.FINDINGS
        text = done.out.decode()
        assert all(character.isprintable() or character == "\n" for character in text)
        assert "[red]" in text
        for control in (b"\x1b[2J", "\u202e".encode()):
            assert control not in on_terminal.out
        answers.pop(next(iter(answers)))


def test_a_node_that_is_not_ready_is_said_to_be_so() -> None:
    with devnode("--not-ready") as url:
        check = fails_at("gateway", url)
    assert check["cause"].startswith("not ready")
