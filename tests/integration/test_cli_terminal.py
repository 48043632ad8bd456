"""What a terminal shows: colours where it can, nothing that a server could do to it."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from ron_app_sdk_py.cli.exit_codes import ExitCode
from ron_command import on_terminal, shown_on_terminal
from servers import TOKEN, answering, on_a_thread, read_request, reply

pytestmark = pytest.mark.linux

JSON = "content-type: application/json"
STYLE = re.compile(r"\x1b\[[0-9;]*m")
CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")


def without_styles(shown: bytes) -> str:
    text = STYLE.sub("", shown.decode())
    assert not CONTROLS.search(text), text
    return text


def last_shown(shown: bytes) -> str:
    """What is shown in the end, after progress, which a busy machine may have had to show."""
    return without_styles(shown.rpartition(b"\x1b[2K")[2])


def test_json_is_indented_and_coloured_and_no_digit_is_lost() -> None:
    content = b'{"a":[1.10,340282366920938463463374607431768211455],"b":{}}'
    with on_a_thread(answering([], reply("200 OK", content, JSON))) as url:
        done = shown_on_terminal("get", "/x", url=url)
        plain = shown_on_terminal("get", "/x", url=url, environ={"NO_COLOR": "1"})
        dumb = shown_on_terminal("get", "/x", url=url, environ={"TERM": "dumb"})
    assert b"\x1b[" in done.out
    expected = (
        '{\n  "a": [\n    1.10,\n    340282366920938463463374607431768211455\n  ],\n  "b": {}\n}\n'
    )
    assert without_styles(done.out) == expected
    assert not re.search(rb"\x1b\[[0-9;]*3[0-9]", plain.out)
    assert without_styles(plain.out) == expected
    assert b"\x1b" not in dumb.out


EVIL = f"\x1b[2J\x1b]0;owned\x07[bold]x[/bold]\x9b31m\u202e\r{TOKEN} :smile: http://x"
SHOWN = r"\x1b[2J\x1b]0;owned\x07[bold]x[/bold]\x9b31m\u202e\x0d[redacted] :smile: http://x"


@pytest.mark.parametrize(
    ("kind", "content", "shown"),
    [
        ("text/plain", EVIL.encode(), SHOWN),
        (
            "application/json",
            json.dumps({EVIL: EVIL}, ensure_ascii=False).encode(),
            SHOWN.replace(r"\x", r"\u00").replace(r"\u000d", r"\r"),
        ),
        ("application/json", b"{" + EVIL.encode(), "{" + SHOWN),
        ("text/plain", b"\xff\x1b[2J", "\ufffd" + r"\x1b[2J"),
        ("text/plain; charset=utf-7", b"+ABs-[2J", r"\x1b[2J"),
        ("image/png", EVIL.encode(), ""),
    ],
)
def test_a_hostile_answer_is_shown_escaped(kind: str, content: bytes, shown: str) -> None:
    answer = reply("200 OK", content, f"content-type: {kind}")
    with on_a_thread(answering([], answer)) as url:
        done = shown_on_terminal("get", "/x", url=url, columns=200)
        included = shown_on_terminal("get", "/x", "-i", url=url, columns=200)
    assert done.code == 0
    expected = f'{{\n  "{shown}": "{shown}"\n}}' if shown.startswith(r"\u") else shown
    assert without_styles(done.out).rstrip("\n") == expected
    assert without_styles(included.out).startswith(f"HTTP 200\ncontent-length: {len(content)}\n")


def test_a_dumb_terminal_gets_no_escape_sequence_and_no_token() -> None:
    for kind in ("text/plain", "application/json", "a/b"):
        content = json.dumps({EVIL: TOKEN}, ensure_ascii=False) if "json" in kind else EVIL + TOKEN
        answer = reply("200 OK", content.encode(), f"content-type: {kind}")
        with on_a_thread(answering([], answer)) as url:
            done = shown_on_terminal("get", "/x", url=url, environ={"TERM": "dumb"})
        assert done.code == 0
        assert b"\x1b" not in done.out


def test_what_is_no_text_is_not_shown_on_a_terminal() -> None:
    with (
        on_a_thread(answering([], reply("200 OK", EVIL.encode(), "content-type: a/b"))) as url,
        on_terminal("get", "/x", url=url) as terminal,
    ):
        done = terminal.end()
    said = f"{len(EVIL.encode())} bytes of a/b are not shown on a terminal; use --output FILE"
    assert said in last_shown(done.out)


def test_a_hostile_problem_is_one_escaped_line() -> None:
    body = json.dumps({"code": EVIL, "message": EVIL}).encode()
    with (
        on_a_thread(answering([], reply("400 Bad", body, JSON))) as url,
        on_terminal("get", "/x", url=url) as terminal,
    ):
        done = terminal.end()
    assert done.code == ExitCode.PROBLEM
    assert last_shown(done.out) == f"ron: HTTP 400 {SHOWN}: {SHOWN}\n"


@pytest.mark.parametrize("columns", [40, 1])
def test_a_narrow_terminal_gets_whole_lines(columns: int) -> None:
    content = b'{"long":"' + b"x" * 200 + b'"}'
    with on_a_thread(answering([], reply("200 OK", content, JSON))) as url:
        done = shown_on_terminal("get", "/x", url=url, columns=columns)
        checked = shown_on_terminal("doctor", url=url, columns=columns)
    assert json.loads(without_styles(done.out)) == {"long": "x" * 200}
    assert without_styles(checked.out).count("\n") == 7


@pytest.mark.parametrize(
    "environ", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}]
)
def test_a_terminal_without_unicode_gets_escapes(environ: dict[str, str]) -> None:
    with on_a_thread(answering([], reply("200 OK", '["é→"]'.encode(), JSON))) as url:
        done = shown_on_terminal("get", "/x", url=url, environ=environ)
        checked = shown_on_terminal("doctor", url=url, environ=environ)
    assert done.code == 0
    encoding = "latin-1" if "latin-1" in environ.values() else "utf-8"
    assert json.loads(STYLE.sub("", done.out.decode(encoding))) == ["é→"]
    assert checked.code == ExitCode.SUCCESS
    assert b"Traceback" not in checked.out


@pytest.mark.parametrize("environ", [{}, {"PYTHONIOENCODING": "ascii"}])
def test_progress_of_what_takes_long_is_shown_and_taken_away(environ: dict[str, str]) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
        await writer.drain()
        await reader.read(1)

    with (
        on_a_thread(handler) as url,
        on_terminal("get", "/x", "--timeout", "5", url=url, environ=environ) as terminal,
    ):
        terminal.read_until(b"4/9 bytes")
        done = terminal.end()
    assert done.code == ExitCode.TIMEOUT
    assert last_shown(done.out).startswith("ron: ")
    assert TOKEN.encode() not in done.out
