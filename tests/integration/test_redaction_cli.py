"""Secrets planted in what the command is given and in what comes back, looked for in what it
writes."""

from __future__ import annotations

import json
import subprocess
from urllib.parse import quote

import pytest

from ron_command import LIMIT, RON, environment
from servers import answering, on_a_thread, reply

JSON = "content-type: application/json"
SECRETS = {
    "RON_APP_TOKEN": 'to"ken/\\^7Zq-0123456789',
    "RON_APP_PASSPORT": "pass%port+^7Zq-0123456789",
    "proxy": "pro@xy:/^7Zq-0123456789",
}
COMMANDS: list[list[str]] = [
    ["get", "/x/{0}", "-vv"],
    ["get", "/x", "-q", "a={0}", "--json"],
    ["get", "/x", "-i"],
    ["get", "/x", "--json", "-vv"],
    ["post", "/x", "--data", "{0}", "-vv"],
    ["watch", "/x", "--json", "--no-reconnect", "-vv"],
    ["watch", "/{0}", "--no-reconnect"],
    ["doctor", "-vv"],
    ["doctor", "--json"],
    ["node", "profile", "-vv"],
]


def forms(secret: str) -> list[str]:
    """A secret as it may be written."""
    return [secret, quote(secret, safe=""), json.dumps(secret)[1:-1], quote(quote(secret))]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_shows_a_secret_in_any_form(command: list[str]) -> None:
    said = [form for secret in SECRETS.values() for form in forms(secret)]
    problem = json.dumps({"code": said[0], "message": " ".join(said), "a": said}).encode()
    field = quote(said[0], safe="")
    answers = [
        reply("400 Bad", problem, JSON, f"x-request-id: {field}"),
        reply("200 OK", problem, JSON, f"x-note: {field}", f"set-cookie: {field}"),
        reply(f"503 {field}", problem, JSON, f"retry-after: {field}"),
    ]
    password = quote(SECRETS["proxy"], safe="")
    for number, answer in enumerate(answers):
        # A successful answer's content goes to a pipe as it is.
        if number == 1 and "--json" not in command and "doctor" not in command:
            continue
        planted = [part.format(said[number]) for part in command]
        with on_a_thread(answering([], answer)) as url:
            proxy = url.replace("//", f"//user:{password}@")
            extra = {"RON_APP_PASSPORT": SECRETS["RON_APP_PASSPORT"], "RON_SDK_PROXY": proxy}
            done = subprocess.run(
                [RON, *planted, "--timeout", "2"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=LIMIT,
                env=environment("http://127.0.0.1:9", SECRETS["RON_APP_TOKEN"], extra),
            )
        shown = (done.stdout + done.stderr).decode()
        assert "Traceback" not in shown
        assert [form for form in said if form in shown] == [], shown
