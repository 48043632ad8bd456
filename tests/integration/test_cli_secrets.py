"""Where the token comes from, and that it goes nowhere else."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from ron_app_sdk_py.cli.exit_codes import ExitCode
from ron_command import LIMIT, RON, environment, interruptible, on_terminal, ron
from servers import TOKEN, Request, answering, on_a_thread, reply

OTHER = "other-token-9876543210"
NO_TERMINAL = "ron: there is no terminal to ask for the token; give --token-file or RON_APP_TOKEN\n"


def sent(seen: list[Request]) -> list[str]:
    return [value for _, fields, _ in seen for name, value in fields if name == "authorization"]


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(OTHER + "\n")
    file.chmod(0o600)
    return file


def test_a_token_file_wins_over_the_environment_and_neither_is_shown(token_file: Path) -> None:
    seen: list[Request] = []
    echo = reply("400 Bad", f'{{"code":"c","message":"{TOKEN} {OTHER}"}}'.encode())
    with on_a_thread(answering(seen, echo)) as url:
        for option in ("--json", "-vv"):
            done = ron("get", "/x", option, "--token-file", str(token_file), url=url)
            assert done.code == ExitCode.PROBLEM
            assert OTHER not in done.err
    assert sent(seen) == [f"Bearer {OTHER}"] * 2


def test_a_token_comes_from_stdin_and_from_a_shells_pipe(token_file: Path) -> None:
    seen: list[Request] = []
    with on_a_thread(answering(seen, reply("200 OK"))) as url:
        assert ron("get", "/x", "--token-file", "-", url=url, stdin=OTHER.encode()).code == 0
        done = subprocess.run(
            ["bash", "-c", f'"$0" get /x --token-file <(cat {token_file})', RON],
            capture_output=True,
            timeout=LIMIT,
            env=environment(url, None, {}),
        )
    assert (done.returncode, done.stderr) == (0, b"")
    assert sent(seen) == [f"Bearer {OTHER}"] * 2


@pytest.mark.parametrize("of", ["file", "stdin", "environment"])
def test_a_macaroon_takes_the_place_of_a_token_and_is_not_shown(of: str, token_file: Path) -> None:
    """Its scheme is learned."""
    seen: list[Request] = []
    body = f'{{"code":"c","message":"{OTHER}"}}'.encode()
    echo = reply("401 No", body, 'www-authenticate: Macro realm="micronode"')
    options = {
        "file": ["--macaroon-file", str(token_file)],
        "stdin": ["--macaroon-file", "-"],
        "environment": [],
    }[of]
    with on_a_thread(answering(seen, echo)) as url:
        done = ron(
            *("get", "/x", "-vv", *options),
            url=url,
            token=None if of == "environment" else TOKEN,
            stdin=OTHER.encode(),
            environ={"RON_APP_MACAROON": OTHER} if of == "environment" else None,
        )
    assert done.code == ExitCode.AUTH
    assert OTHER not in done.err + done.out.decode()
    assert sent(seen) == [f"Bearer {OTHER}", f"Macro {OTHER}"]


def test_the_passport_of_the_environment_is_sent_and_not_shown() -> None:
    seen: list[Request] = []
    echo = reply("400 Bad", f'{{"code":"c","message":"{OTHER}"}}'.encode())
    with on_a_thread(answering(seen, echo)) as url:
        done = ron("get", "/x", "-vv", url=url, environ={"RON_APP_PASSPORT": OTHER})
    assert OTHER not in done.err + done.out.decode()
    assert [value for name, value in seen[0][1] if name == "x-ron-passport"] == [OTHER]


@pytest.mark.linux
def test_a_token_file_that_others_may_read_is_warned_of(token_file: Path) -> None:
    with on_a_thread(answering([], reply("200 OK"))) as url:
        arguments = ["get", "/x", "--token-file", str(token_file)]
        assert ron(*arguments, url=url).err == ""
        for mode in (0o640, 0o604, 0o666):
            token_file.chmod(mode)
            done = ron(*arguments, url=url)
            assert done.code == 0
            assert done.err == (
                f"ron: warning: others may read {token_file}; chmod 600 {token_file}\n"
            )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"two tokens-0123456789", "holds more than a token"),
        (b"x" * 40_000, "holds more than a token"),
        (b"t\xc3\xb6ken-0123456789", "holds other than ASCII text"),
        (b"token\0-0123456789", "token holds"),
    ],
)
def test_a_file_that_holds_no_token_is_refused_unseen(
    content: bytes, said: str, token_file: Path
) -> None:
    token_file.write_bytes(content)
    done = ron("get", "/x", "--token-file", str(token_file), url="http://127.0.0.1:1")
    assert (done.code, done.out) == (ExitCode.REFUSED, b"")
    assert said in done.err
    assert "0123456789" not in done.err


def test_a_folder_is_no_token_file(tmp_path: Path) -> None:
    done = ron("get", "/x", "--token-file", str(tmp_path), url="http://127.0.0.1:1")
    assert done.code == ExitCode.REFUSED
    assert done.err == f"ron: --token-file: {tmp_path} can't be read: Is a directory\n"


@pytest.mark.linux
def test_a_token_is_asked_for_without_showing_it() -> None:
    seen: list[Request] = []
    with (
        on_a_thread(answering(seen, reply("200 OK", b"done"))) as url,
        on_terminal("get", "/x", "--ask-token", url=url) as terminal,
    ):
        terminal.read_until(b"Token: ")
        terminal.write(OTHER.encode() + b"\n")
        done = terminal.end()
    assert done.code == 0
    assert OTHER.encode() not in done.out
    assert sent(seen) == [f"Bearer {OTHER}"]


@pytest.mark.linux
def test_ctrl_c_and_the_end_of_input_while_the_token_is_asked_for() -> None:
    for typed, code in ((b"\x03", ExitCode.INTERRUPTED), (b"\x04", ExitCode.REFUSED)):
        with on_terminal("get", "/x", "--ask-token", url="http://127.0.0.1:1") as terminal:
            terminal.read_until(b"Token: ")
            terminal.write(typed)
            done = terminal.end()
        assert done.code == code
        assert b"Traceback" not in done.out


def test_without_a_terminal_the_token_is_not_asked_for() -> None:
    for stdin in (b"", OTHER.encode() + b"\n"):
        url = "http://127.0.0.1:1"
        done = ron("get", "/x", "--ask-token", url=url, stdin=stdin, start_new_session=True)
        assert (done.code, done.err) == (ExitCode.REFUSED, NO_TERMINAL)


@pytest.mark.parametrize(
    "options",
    [
        ["--token-file", "x", "--ask-token"],
        ["--macaroon-file", "x", "--ask-token"],
        ["--token-file", "x", "--macaroon-file", "x"],
    ],
)
def test_a_credential_is_given_once(options: list[str]) -> None:
    done = ron("get", "/x", *options, url="http://127.0.0.1:1")
    assert done.code == ExitCode.REFUSED
    one, other = [option for option in options if option != "x"]
    assert done.err == f"ron: {one} and {other} are both given; give one\n"


def test_a_short_token_is_warned_of() -> None:
    with on_a_thread(answering([], reply("200 OK"))) as url:
        done = ron("get", "/x", url=url, token="short")
    assert done.code == 0
    assert done.err.startswith("ron: warning: the token has fewer than 8 characters")


@pytest.mark.linux
def test_the_token_is_in_no_ones_command_line() -> None:
    with on_a_thread(answering([], b"")) as url, interruptible("watch", "/x", url=url) as process:
        assert process.stderr is not None
        process.stderr.readline()
        assert TOKEN.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()


COMMANDS: list[list[str]] = [
    ["get", "/x"],
    ["get", "/x", "-i"],
    ["get", "/x", "--json"],
    ["get", "/x", "-o", "/no/such/folder/x"],
    ["post", "/x", "--json-body", "{}", "--idem"],
    ["put", "/x", "--data", "x"],
    ["get", "--node", "/x"],
    ["watch", "/x", "--max-duration", "1", "--no-reconnect"],
    ["watch", "/x", "--json", "--max-duration", "1", "--no-reconnect"],
    ["doctor"],
    ["doctor", "--json"],
]
"""Each kind of command that has the token."""


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_shows_the_token_whatever_goes_wrong(command: list[str]) -> None:
    body = json.dumps({"code": TOKEN, "message": TOKEN, TOKEN: TOKEN, "unhealthy": [TOKEN]})
    answers = (
        reply("400 Bad", body.encode(), f"x-a: {TOKEN}", "content-type: application/json"),
        reply(f"503 {TOKEN}", body.encode(), f"retry-after: {TOKEN}"),
        b"HTTP/1.1 " + TOKEN.encode() + b"\r\n\r\n",
        b"",
    )
    for answer in answers:
        with on_a_thread(answering([], answer + b"\r\n")) as url:
            ron(*command, "-vv", "--timeout", "1", url=url)
    ron(*command, url=f"http://{TOKEN}@x")
    ron(*command, url="ftp://x", environ={"RON_APP_TIMEOUT": TOKEN})
