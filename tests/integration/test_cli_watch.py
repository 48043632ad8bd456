"""``ron watch``: streams on pipes and terminals, and their ends."""

from __future__ import annotations

import asyncio
import json
import subprocess
import threading

import pytest

from processes import devnode, run_python
from ron_app_sdk_py.cli.exit_codes import ExitCode
from ron_command import LIMIT, RON, environment, interrupted, interruptible, on_terminal, ron
from servers import TOKEN, on_a_thread, read_request
from stream_servers import (
    Exchange,
    chunk,
    chunked_head,
    closing,
    event,
    serving_on_a_thread,
    stream,
)

EVIL = f"\x1b[2J[red]\r\u202e{TOKEN}"


def test_each_event_is_a_line_and_the_counters_are_told_at_the_end() -> None:
    parts = (event("one", "1"), event("two\nlines", type_="tick"), ": comment\n\n")
    with serving_on_a_thread(stream(*parts)) as served:
        done = ron("watch", "/x", "-q", "a=b", "-H", "X-A: c", url=served.url)
    assert done.code == 0
    assert done.out == b"message 1 one\ntick 1 two\\nlines\n"
    lost, counters = done.err.splitlines()
    assert lost == "ron: connection lost: the server has ended the stream"
    assert counters.startswith("events 2, connections 1, bytes received ")
    assert counters.endswith("; go on with --last-event-id '1'")
    first = served.seen[0]
    assert first.target == "/app/x?a=b"
    assert first.fields["x-a"] == "c"
    assert first.fields["authorization"] == f"Bearer {TOKEN}"


def test_json_is_a_document_an_event_and_the_counters_one_on_stderr() -> None:
    with serving_on_a_thread(stream(event("é\n[red]", "7", type_="tick", retry=5))) as served:
        done = ron("watch", "/x", "--json", "--no-reconnect", url=served.url)
    assert done.code == 0
    document = done.json()
    assert document.pop("received").endswith("+00:00")
    assert document == {"type": "tick", "id": "7", "data": "é\n[red]", "retry": 5}
    assert json.loads(done.err.splitlines()[-1])["counters"]["events"] == 1
    assert json.loads(done.err.splitlines()[-1])["last_event_id"] == "7"


def test_it_goes_on_after_an_event_and_ends_after_so_many() -> None:
    many = [event(str(number), str(number)) for number in range(20)]
    with serving_on_a_thread(stream(*many, ends="silence")) as served:
        options = ["--last-event-id", "41", "--max-events", "3", "--json"]
        done = ron("watch", "/x", *options, url=served.url)
    assert done.code == 0
    assert [json.loads(line)["data"] for line in done.out.splitlines()] == ["0", "1", "2"]
    assert served.ids == ["41"]


def test_it_ends_after_so_long() -> None:
    with serving_on_a_thread(stream(event("x"), ends="silence")) as served:
        done = ron("watch", "/x", "--max-duration", "0.5", url=served.url)
    assert (done.code, done.out) == (0, b"message - x\n")


def test_the_nodes_own_streams_are_watched_without_the_token(node: str) -> None:
    done = ron("watch", "--node", "/registry/stream", "--max-events", "1", "--json", url=node)
    assert (done.code, done.json()["type"]) == (0, "heartbeat")
    with serving_on_a_thread(stream(event("x"))) as served:
        assert ron("watch", "--node", "/x", "--max-events", "1", url=served.url).code == 0
    assert "authorization" not in served.seen[0].fields


def test_a_gateway_that_holds_the_stream_back_is_warned_of(node: str) -> None:
    done = ron("watch", "/events?n=2", "--max-events", "2", url=node)
    assert done.out == b'tick 0 {"i": 0}\ntick 1 {"i": 1}\n'
    assert done.err.startswith("ron: warning: something on the way, as the gateway does, holds")


def test_hostile_events_are_shown_escaped() -> None:
    hostile = event(EVIL.replace("\r", ""), "\x1b[31m", type_=f"\x9b{TOKEN}")
    raw = b"data: \xff\xfe\x1b]0;x\x07\n\n"
    with serving_on_a_thread(stream(hostile, raw)) as served:
        plain = ron("watch", "/x", url=served.url)
    with serving_on_a_thread(stream(hostile, raw)) as served:
        as_json = ron("watch", "/x", "--json", url=served.url)
    for done in (plain, as_json):
        shown = done.out.decode()
        assert all(character.isprintable() or character == "\n" for character in shown + done.err)
    assert plain.out.decode().splitlines()[0] == (
        r"\x9b[redacted] \x1b[31m \x1b[2J[red]\u202e[redacted]"
    )


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (closing("404 No", b'{"code":"gone","message":"m"}'), ExitCode.PROBLEM),
        (closing("401 No"), ExitCode.AUTH),
        (closing("200 OK", b"{}", "content-type: application/json"), ExitCode.UNREADABLE),
        (stream(event("x" * (1 << 20))), ExitCode.UNREADABLE),
    ],
)
def test_what_ends_a_stream_for_good_has_its_exit_code(step: object, code: int) -> None:
    with serving_on_a_thread(step) as served:  # type: ignore[arg-type]
        done = ron("watch", "/x", "--json", url=served.url)
    assert (done.code, done.error()["exit_code"]) == (code, code)
    assert "counters" in json.loads(done.err.splitlines()[-2])


def test_events_come_through_a_pipe_as_they_come_and_ctrl_c_tells_the_counters() -> None:
    with (
        serving_on_a_thread(stream(event("one", "1"), ends="silence")) as served,
        interruptible("watch", "/x", "--json", url=served.url) as process,
    ):
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["data"] == "one"
        done = interrupted(process)
    assert done.code == ExitCode.INTERRUPTED
    told = json.loads(done.err)
    assert (told["counters"]["events"], told["last_event_id"]) == (1, "1")


def test_a_reader_that_goes_ends_it() -> None:
    gone = threading.Event()

    async def endless(exchange: Exchange) -> None:
        await exchange.send(chunked_head())
        while not exchange.gone.is_set():
            await exchange.send(chunk(event("x")), 0.01)
        gone.set()

    with serving_on_a_thread(endless) as served:
        process = subprocess.Popen(
            [RON, "watch", "/x"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(served.url, TOKEN, {}),
        )
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read().decode()
        process.stderr.close()
        assert process.wait(LIMIT) == ExitCode.PIPE_CLOSED
        assert gone.wait(LIMIT)
    assert err.startswith("events ")
    assert err.count("\n") == 1


@pytest.mark.linux
def test_progress_is_shown_on_a_terminal_while_events_go_elsewhere() -> None:
    parts = (event("one"), 1.5, event("two"))
    with (
        open("/dev/null", "wb") as nowhere,
        serving_on_a_thread(stream(*parts)) as served,
        on_terminal(
            "watch", "/x", "--max-events", "2", url=served.url, stdout=nowhere.fileno()
        ) as terminal,
    ):
        terminal.read_until(b"1 events")
        done = terminal.end()
    assert done.code == 0
    assert b"events 2" in done.out


# Ctrl-C in each phase.


def test_ctrl_c_before_the_server_answers() -> None:
    asked = threading.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        asked.set()
        await reader.read()

    for command in (["get", "/x"], ["watch", "/x"], ["post", "/x", "--data", "x"], ["doctor"]):
        asked.clear()
        with on_a_thread(handler) as url, interruptible(*command, url=url) as process:
            assert asked.wait(LIMIT)
            done = interrupted(process)
        assert done.code == ExitCode.INTERRUPTED, (command, done)


def test_ctrl_c_in_the_middle_of_an_answer() -> None:
    sent = threading.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
        await writer.drain()
        sent.set()
        await reader.read()

    with on_a_thread(handler) as url, interruptible("get", "/x", url=url) as process:
        assert sent.wait(LIMIT)
        done = interrupted(process)
    assert (done.code, done.out, done.err) == (ExitCode.INTERRUPTED, b"", "")


def test_ctrl_c_while_it_waits_to_connect_again() -> None:
    with (
        serving_on_a_thread(stream(event("x", retry=30_000), ends="reset")) as served,
        interruptible("watch", "/x", url=served.url) as process,
    ):
        assert process.stderr is not None
        assert b"connection lost" in process.stderr.readline()
        done = interrupted(process)
    assert done.code == ExitCode.INTERRUPTED
    assert "events 1" in done.err


def test_ctrl_c_while_stdin_is_read() -> None:
    with interruptible("post", "/x", "--data-file", "-", url="http://127.0.0.1:1") as process:
        assert process.stdin is not None
        # A pipe takes no more than 64 KiB until somebody reads from it.
        process.stdin.write(bytes(1 << 20))
        process.stdin.flush()
        done = interrupted(process)
    assert (done.code, done.err) == (ExitCode.INTERRUPTED, "")


def test_another_ctrl_c_ends_the_process_without_a_complaint_of_pythons() -> None:
    done = run_python("""
        import signal, sys
        signal.signal(signal.SIGINT, signal.default_int_handler)
        from ron_app_sdk_py import cli
        from ron_app_sdk_py.cli import root
        root.ron = lambda: sys.exit(130)
        try:
            cli.main()
        finally:
            assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    """)
    assert (done.returncode, done.stderr) == (ExitCode.INTERRUPTED, "")


def test_a_stream_behind_a_gateway_in_another_process_is_watched_to_its_end() -> None:
    """As in the documents: a development node, and a shell's pipe."""
    with devnode() as url:
        done = subprocess.run(
            ["/bin/sh", "-c", '"$0" watch /events?n=5 --max-events 5 --json | wc -l', RON],
            capture_output=True,
            timeout=LIMIT,
            env=environment(url, TOKEN, {}),
        )
    assert done.stdout.strip() == b"5"
