"""``ron get`` and its sisters, against the development node and servers that misbehave."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from certificates import LAST_WEEK, YESTERDAY, Authority
from processes import run_python
from ron_app_sdk_py.cli.exit_codes import ExitCode
from ron_command import LIMIT, RON, Done, environment, ron
from servers import TOKEN, Request, answering, on_a_thread, read_request, refusing_port, reply

JSON = "content-type: application/json"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


# What is sent.


X_JSON = "application/x+json"


@pytest.mark.parametrize(
    ("arguments", "stdin", "content", "kind"),
    [
        (["--json-body", '{"a": 1.10}'], b"", b'{"a": 1.10}', "application/json"),
        (["--json-body", "-"], b"[1]\n", b"[1]\n", "application/json"),
        (["--json-body", "{}", "-H", f"content-type: {X_JSON}"], b"", b"{}", X_JSON),
        (["--data", "é -"], b"", "é -".encode(), None),
        (["--data", "-"], b"\xff\0", b"\xff\0", None),
        (["--data-file", "-"], b"\xff\0", b"\xff\0", None),
    ],
)
def test_the_content_is_sent_byte_for_byte(
    arguments: list[str], stdin: bytes, content: bytes, kind: str | None
) -> None:
    seen: list[Request] = []
    with on_a_thread(answering(seen, reply("200 OK"))) as url:
        assert ron("post", "/x", *arguments, url=url, stdin=stdin) == Done(0, b"", "")
    ((first, fields, sent),) = seen
    named = {name.lower(): value for name, value in fields}
    assert first == "POST /app/x HTTP/1.1"
    assert (sent, named.get("content-type")) == (content, kind)
    assert named["authorization"] == f"Bearer {TOKEN}"


def test_stdin_is_not_read_unless_it_is_asked_for() -> None:
    seen: list[Request] = []
    with on_a_thread(answering(seen, reply("200 OK"))) as url:
        assert ron("post", "/x", url=url, stdin=b"not asked for").code == 0
    assert [sent for _, _, sent in seen] == [b""]


def test_each_verb_sends_its_method_and_the_content_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "content"
    file.write_bytes(b"\0from\nfile")
    seen: list[Request] = []
    verbs = ("post", "put", "patch", "delete")
    with on_a_thread(answering(seen, reply("200 OK"))) as url:
        for verb in verbs:
            assert ron(verb, "/x", "--data-file", str(file), url=url).code == 0
        done = ron("put", "/x", "--data-file", "/no/such", url=url)
    assert [first for first, _, _ in seen] == [f"{v.upper()} /app/x HTTP/1.1" for v in verbs]
    assert {sent for _, _, sent in seen} == {b"\0from\nfile"}
    assert (done.code, done.err) == (
        ExitCode.REFUSED,
        "ron: --data-file: /no/such can't be read: No such file or directory\n",
    )


def test_queries_headers_and_keys_are_sent() -> None:
    seen: list[Request] = []
    with on_a_thread(answering(seen, reply("200 OK"))) as url:
        options = ["-q", "a=1=2", "--query", "b=é&", "-q", "c=", "-H", "X-A:  b:c "]
        assert ron("post", "/x?z=1", *options, "--idem", url=url).code == 0
        assert ron("post", "/x", "--idem-key", "k-1", url=url).code == 0
    (first, fields, _), (_, second, _) = seen
    assert first == "POST /app/x?z=1&a=1%3D2&b=%C3%A9%26&c= HTTP/1.1"
    assert ("X-A", "b:c") in [(name.title(), value) for name, value in fields]
    keys = [value for name, value in [*fields, *second] if name.lower() == "idempotency-key"]
    assert len(keys) == 2
    assert keys[1] == "k-1"


def test_the_nodes_own_paths_are_asked_without_the_token() -> None:
    seen: list[Request] = []
    with on_a_thread(answering(seen, reply("200 OK", b"ok"))) as url:
        assert ron("get", "--node", "/metrics", url=url).out == b"ok"
    ((first, fields, _),) = seen
    assert first == "GET /metrics HTTP/1.1"
    assert "authorization" not in {name.lower() for name, _ in fields}


def test_a_call_goes_through_the_proxy_that_is_named(node: str) -> None:
    seen: list[Request] = []
    with on_a_thread(answering(seen, reply("200 OK", b"proxied"))) as proxy:
        assert ron("get", "/x", "--proxy", proxy, url="http://127.0.0.1:1").out == b"proxied"
        environ = {"RON_SDK_PROXY": proxy.replace("//", "//alice:hunter22@")}
        done = ron("get", "/x", "-vv", url="http://127.0.0.1:1", environ=environ)
        # The conventional variable is for programs that take proxies unasked.
        assert ron("get", "/hello", url=node, environ={"HTTP_PROXY": proxy}).code == 0
    assert done.out == b"proxied"
    assert "hunter22" not in done.err
    assert len(seen) == 2
    assert seen[0][0] == "GET http://127.0.0.1:1/app/x HTTP/1.1"


# What comes back.


def test_a_pipe_gets_the_content_byte_for_byte() -> None:
    content = b'{"a":1.10,\r\n\x1b[31m\xff"' + TOKEN.encode()
    with on_a_thread(answering([], reply("200 OK", content, JSON))) as url:
        assert ron("get", "/x", url=url, may_show_token=True).out == content


def test_include_shows_status_and_fields_escaped_before_the_content() -> None:
    answer = reply("201 Made", b"{}", f"x-evil: \x1b[31m{TOKEN}\xe9\x9b", "set-cookie: a", JSON)
    with on_a_thread(answering([], answer)) as url:
        done = ron("post", "/x", "-i", url=url)
    head = "content-length: 2\nx-evil: \\x1b[31m[redacted]é\\x9b\nset-cookie: a\n"
    assert done.out.decode() == f"HTTP 201\n{head}{JSON}\n\n{{}}"


U128 = 2**128 - 1


@pytest.mark.parametrize(
    ("content", "kind", "shown"),
    [
        (b'{"n":%d,\n"f":1.10}' % U128, JSON, f'"body": {{"n":{U128}, "f":1.10}}'),
        (b"\xef\xbb\xbf null ", JSON, '"body":  null '),
        (b"", JSON, '"body": null'),
        ("é\x1b\n".encode(), "content-type: text/plain", r'"body": "\u00e9\u001b\n"'),
        (b"\xff\0", "content-type: image/png", '"body_base64": "/wA="'),
    ],
)
def test_json_is_one_document_that_loses_no_digit(content: bytes, kind: str, shown: str) -> None:
    with on_a_thread(answering([], reply("200 OK", content, kind))) as url:
        done = ron("get", "/x", "--json", url=url)
    document = done.json()
    assert (document["status"], document["attempts"]) == (200, 1)
    assert ["content-length", str(len(content))] in document["headers"]
    assert shown in done.out.decode("ascii")
    assert done.err == ""


def test_json_that_is_none_is_an_unreadable_answer() -> None:
    with on_a_thread(answering([], reply("200 OK", b"{", JSON))) as url:
        assert ron("get", "/x", url=url).out == b"{"
        done = ron("get", "/x", "--json", url=url)
    assert (done.code, done.error()["code"]) == (ExitCode.UNREADABLE, "invalid_json")
    assert "leave that out or give --output" in done.error()["message"]


def test_an_output_file_is_written_whole_and_keeps_its_permissions(tmp_path: Path) -> None:
    content = gzip.compress(b"x") * 1000
    file = tmp_path / "out"
    with on_a_thread(answering([], reply("200 OK", content))) as url:
        assert ron("get", "/x", "-o", str(file), url=url, umask=0o027) == Done(0, b"", "")
        assert file.read_bytes() == content
        assert stat.S_IMODE(file.stat().st_mode) == 0o640
        file.chmod(0o600)
        document = ron("get", "/x", "-o", str(file), "--json", url=url).json()
        assert (document["output"], document["bytes"]) == (str(file), len(content))
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert ron("get", "/x", "-o", os.devnull, url=url).code == 0
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.linux
def test_an_output_file_that_is_a_link_stays_one_and_what_is_no_file_is_written_to(
    tmp_path: Path,
) -> None:
    (tmp_path / "out").write_text("before")
    link, stream = tmp_path / "link", tmp_path / "stream"
    link.symlink_to("out")
    # As /dev/stdout is, which root can replace.
    stream.symlink_to("/dev/stdout")
    with on_a_thread(answering([], reply("200 OK", b"content"))) as url:
        assert ron("get", "/x", "-o", str(link), url=url) == Done(0, b"", "")
        assert ron("get", "/x", "-o", str(stream), url=url) == Done(0, b"content", "")
        with open(tmp_path / "log", "wb") as log:
            log.write(b"first ")
            log.flush()
            subprocess.run(
                [RON, "get", "/x", "-o", str(stream)],
                stdout=log,
                timeout=LIMIT,
                env=environment(url, TOKEN, {}),
                check=True,
            )
    assert (tmp_path / "out").read_bytes() == b"content"
    assert (tmp_path / "log").read_bytes() == b"first content"
    assert link.is_symlink()
    assert stream.is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["link", "log", "out", "stream"]


def test_a_failed_call_leaves_an_output_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "out"
    file.write_text("before")
    cut = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\nhalf"

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(cut)
        await writer.drain()

    with on_a_thread(handler) as url:
        done = ron("get", "/x", "-o", str(file), "--retries", "0", url=url)
    assert done.code == ExitCode.NETWORK
    assert file.read_text() == "before"
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.linux
def test_a_full_disk_is_one_line(node: str) -> None:
    done = ron("get", "/hello", "-o", "/dev/full", url=node)
    assert done.code == ExitCode.REFUSED
    assert done.err == "ron: --output: /dev/full can't be written: No space left on device\n"
    for arguments in (["get", "/hello"], ["get", "--help"], ["--help"], ["--version"]):
        with open("/dev/full", "wb") as full:
            process = subprocess.run(
                [RON, *arguments],
                stdout=full,
                stderr=subprocess.PIPE,
                timeout=LIMIT,
                env=environment(node, TOKEN, {}),
            )
        assert process.returncode == ExitCode.REFUSED
        assert process.stderr == b"ron: No space left on device\n"


def test_larger_content_can_be_asked_for() -> None:
    content = bytes(2 << 20)
    seen: list[Request] = []
    with on_a_thread(answering(seen, reply("200 OK", content))) as url:
        done = ron("post", "/x", "--data-file", "-", url=url, stdin=content)
        assert (done.code, "max_request_bytes is --max-bytes" in done.err) == (2, True)
        done = ron("post", "/x", "--data-file", "/dev/zero", url=url)
        assert (done.code, "max_request_bytes is --max-bytes" in done.err) == (2, True)
        assert ron("get", "/x", "--max-bytes", "1000", url=url).code == ExitCode.UNREADABLE
        options = ["--data-file", "-", "--max-bytes", str(3 << 20)]
        assert ron("post", "/x", *options, url=url, stdin=content).out == content
    assert seen[-1][2] == content


# Exit codes and what is said.


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("401 No", ExitCode.AUTH),
        ("403 No", ExitCode.AUTH),
        ("404 No", ExitCode.PROBLEM),
        ("302 Elsewhere", ExitCode.PROBLEM),
        ("500 Oh", ExitCode.PROBLEM),
    ],
)
def test_a_problem_has_its_exit_code_and_members(status: str, code: int) -> None:
    body = b'{"code":"c1","message":"m [red]","retryable":false}'
    with on_a_thread(answering([], reply(status, body, JSON))) as url:
        plain = ron("post", "/x", url=url)
        error = ron("post", "/x", "--json", url=url).error()
    number = int(status.split()[0])
    assert (plain.code, plain.out) == (code, b"")
    assert plain.err.startswith(f"ron: HTTP {number} ")
    assert plain.err.count("\n") == 1
    assert (error["status"], error["exit_code"], error["attempts"]) == (number, code, 1)


def test_nothing_listens_nothing_resolves_and_nobody_answers(tmp_path: Path) -> None:
    with refusing_port() as port:
        done = ron("get", "/x", "--retries", "0", url=f"http://127.0.0.1:{port}")
    assert done.code == ExitCode.NETWORK
    assert f"127.0.0.1:{port} refused the connection" in done.err
    done = ron("get", "/x", "--retries", "0", url="https://no-such-host.invalid")
    assert done.code == ExitCode.NETWORK
    assert "no-such-host.invalid does not resolve" in done.err
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        done = ron("get", "/x", "--timeout", "0.5", "--json", url=url)
    assert (done.code, done.error()["type"]) == (ExitCode.TIMEOUT, "RonTimeoutError")


def test_tls_is_checked_against_the_authority_that_is_named(authority: Authority) -> None:
    with on_a_thread(answering([], reply("200 OK", b"ok")), tls=authority.server()) as url:
        assert ron("get", "/x", "--ca", authority.file, url=url).out == b"ok"
        done = ron("get", "/x", "-v", url=url)
    assert (done.code, done.out) == (ExitCode.NETWORK, b"")
    assert "is not trusted" in done.err
    assert "certificate" in done.err
    for context, reason in (
        (authority.server("example.org"), "wrong_host"),
        (authority.server(not_before=LAST_WEEK, not_after=YESTERDAY), "expired"),
    ):
        with on_a_thread(answering([], reply("200 OK")), tls=context) as url:
            done = ron("get", "/x", "--ca", authority.file, "--json", url=url)
        assert (done.code, done.error()["reason"]) == (ExitCode.NETWORK, reason)


@pytest.mark.linux
def test_the_systems_authorities_are_trusted_though_the_import_of_aiohttp_reads_none(
    authority: Authority,
) -> None:
    system = {"SSL_CERT_FILE": authority.file}
    with on_a_thread(answering([], reply("200 OK", b"ok")), tls=authority.server()) as url:
        assert ron("get", "/x", url=url, environ=system).out == b"ok"
    code = """
        import os, ssl
        from ron_app_sdk_py.cli.quick_import import import_aiohttp
        before = dict(os.environ)
        import_aiohttp()
        assert dict(os.environ) == before
        import aiohttp.connector
        assert aiohttp.connector._SSL_CONTEXT_VERIFIED.get_ca_certs() == []
        assert len(ssl.create_default_context().get_ca_certs()) == 1
    """
    done = run_python(code, environ=system)
    assert done.returncode == 0, done.stderr


def test_verbose_tells_of_attempts_and_their_request_id(node: str) -> None:
    done = ron("get", "/problem", "-v", "--retries", "1", url=node)
    assert done.code == ExitCode.PROBLEM
    assert "attempt 2 at " in done.err
    assert "no other attempt: attempts used up" in done.err
    assert "request id " in done.err
    assert "info: " in done.err
    assert "debug: " in ron("get", "/hello", "-vv", url=node).err
    assert ron("get", "/hello", url=node).err == ""


EVIL = "\x1b[2J\x1b]0;owned\x07[red]\x9b31m\r\u202e\u0000" + TOKEN


@pytest.mark.parametrize("options", [[], ["-vv"], ["--json"]])
def test_hostile_problems_reach_nobody_raw(options: list[str]) -> None:
    body = json.dumps({"code": EVIL, "message": EVIL, "correlation_id": EVIL, EVIL: EVIL}).encode()
    answers = [
        reply("400 Bad", body, JSON),
        reply("400 " + TOKEN, EVIL.encode("latin-1", "replace"), "content-type: text/plain"),
        reply("401 No", b"\xff\xfe" + TOKEN.encode(), f"www-authenticate: {TOKEN}"),
        b"HTTP/1.1 " + EVIL.encode() + b"\r\n\r\n",
        b"\x1b[2J" + TOKEN.encode(),
    ]
    for answer in answers:
        with on_a_thread(answering([], answer)) as url:
            done = ron("get", "/x", "--retries", "0", *options, url=url)
        assert done.code in (3, 4, 5)
        assert all(character.isprintable() or character in "\n\t" for character in done.err)
        assert done.err


def test_text_that_is_wrong_in_arguments_does_not_reach_the_terminal_raw(node: str) -> None:
    for arguments in (["get", f"/../{TOKEN}\x1b[2J"], ["get", "/x", "-H", f"a\x1b: {TOKEN}"]):
        done = ron(*arguments, url=node)
        assert done.code == ExitCode.REFUSED
        assert "\x1b" not in done.err


# The world around.


def test_a_reader_that_has_gone_is_no_news() -> None:
    content = bytes(1 << 20)
    with on_a_thread(answering([], reply("200 OK", content))) as url:
        process = subprocess.Popen(
            [RON, "get", "/x"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(url, TOKEN, {}),
        )
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        err = process.stderr.read()
        process.stderr.close()
        assert process.wait(LIMIT) == ExitCode.PIPE_CLOSED
    assert err == b""


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_do_no_harm(closed: str, node: str) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$0" get /hello {closed}', RON],
        capture_output=True,
        timeout=LIMIT,
        env=environment(node, TOKEN, {}),
    )
    shows = ">&-" not in closed.replace("2>&-", "")
    assert done.returncode == (0 if shows else ExitCode.REFUSED)
    assert (b'"ok":true' in done.stdout) == shows
    assert b"Traceback" not in done.stderr


def test_a_closed_stdin_gives_no_content() -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", '"$0" post /x --data-file - <&-', RON],
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == ExitCode.REFUSED
    assert done.stderr == "ron: stdin is closed; give the content by an option\n"


@pytest.mark.parametrize(
    "environ", [{"LC_ALL": "C"}, {"LC_ALL": "POSIX"}, {"PYTHONIOENCODING": "ascii"}]
)
def test_text_that_the_locale_lacks_is_escaped(environ: dict[str, str]) -> None:
    body = '{"code":"c","message":"café"}'.encode()
    with on_a_thread(answering([], reply("400 Bad", body, JSON))) as url:
        done = ron("get", "/x", url=url, environ=environ)
    assert done.code == ExitCode.PROBLEM
    assert "café" in done.err.replace(r"\xe9", "é")
