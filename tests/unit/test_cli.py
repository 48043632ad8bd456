"""What the commands of ``ron`` have in common."""

from __future__ import annotations

import json
import math
import re
import sys
from typing import Any

import click
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from processes import run_python
from ron_app_sdk_py import errors
from ron_app_sdk_py.cli.exit_codes import ExitCode, exit_code
from ron_app_sdk_py.cli.json_layout import in_one_line, indented
from ron_app_sdk_py.cli.output import Output
from ron_app_sdk_py.cli.root import ron
from ron_app_sdk_py.cli.terminal import encodable, escaped, escaped_json, one_line
from servers import ROOT, TOKEN

COMMANDS = ron.list_commands(click.Context(ron))
HEAVY = {"wasmtime", "aiohttp", "pydantic", "rich", "asyncio"}

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=20,
)


def imported_by(*arguments: str) -> set[str]:
    """The heavy modules that a command has imported when it ends."""
    code = f"""
        import atexit, sys
        atexit.register(lambda: print({HEAVY!r} & set(sys.modules), file=sys.stderr))
        from ron_app_sdk_py.cli import main
        main()
    """
    done = run_python(code, *arguments)
    assert done.returncode == 0, done.stderr
    return set(re.findall(r"'(\w+)'", done.stderr))


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_loads_nothing_heavy(command: str) -> None:
    assert imported_by(*filter(None, [command]), "--help") == set()


def test_the_version_and_completion_load_nothing_heavy() -> None:
    assert imported_by("--version") == set()
    assert imported_by("completion", "fish") == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_the_list_of_commands_says_what_each_says_of_itself(command: str) -> None:
    listed = CliRunner().invoke(ron, ["--help"]).output
    line = re.search(rf"^  {command} +(.*)$", listed, re.M)
    assert line is not None
    said = CliRunner().invoke(ron, [command, "--help"]).output.splitlines()[2].strip()
    assert said.startswith(line[1].rstrip(".").split(" ")[0])


def test_there_is_no_option_for_a_token() -> None:
    for name in COMMANDS:
        command = ron.get_command(click.Context(ron), name)
        assert command is not None
        options = {option for parameter in command.params for option in parameter.opts}
        assert "--token" not in options


def test_without_the_extra_it_says_what_to_install() -> None:
    code = """
        sys.modules["click"] = None
        from ron_app_sdk_py.cli import main
        main()
    """
    done = run_python(code, "get", "/x")
    said = "ron needs click; install it with pip install 'ron-app-sdk-py[cli]'\n"
    assert (done.returncode, done.stderr) == (ExitCode.REFUSED, said)


# Exit codes.


def all_errors() -> list[type[errors.RonError]]:
    return [
        value
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.RonError) and value.__name__ == name
    ]


def made(cls: type[errors.RonError], code: str = "x") -> errors.RonError:
    error = cls.__new__(cls)
    error.code = code
    if isinstance(error, errors.RonStreamError):
        error.last_error = None
    return error


@pytest.mark.checkout
def test_the_document_has_every_exit_code_and_every_error_has_one_of_them() -> None:
    text = (ROOT / "docs/cli.md").read_text("utf-8").partition("## Exit codes")[2]
    rows = re.findall(r"^\| (\d+) \| [^|]+ \|([^|]*)\|$", text.partition("\n## ")[0], re.M)
    documented = {int(number): set(re.findall(r"`(Ron\w+)`", names)) for number, names in rows}
    expected: dict[int, set[str]] = {int(code): set() for code in ExitCode}
    for cls in all_errors():
        if cls is not errors.RonError:
            expected[exit_code(made(cls))].add(cls.__name__)
    # They may have one or the other.
    expected[ExitCode.REFUSED].add("RonTooLargeError")
    for code in (ExitCode.NETWORK, ExitCode.PROBLEM, ExitCode.UNREADABLE):
        expected[code].add("RonStreamError")
    assert documented == expected


@pytest.mark.checkout
def test_the_document_has_every_command_and_every_check() -> None:
    text = (ROOT / "docs/cli.md").read_text("utf-8")
    named = " ".join(re.findall(r"^\| `ron ([^`]*)` \|", text, re.M)).split()
    assert set(COMMANDS) <= set(named)
    checks = re.findall(r"^\| `(\w+)` \| [^|]+ \|$", text.partition("## Doctor")[2], re.M)
    shown = re.findall(r"^(\w+) +(?:ok|warn|fail|skip)  ", text, re.M)
    assert checks * 2 == shown


def test_a_request_that_is_too_large_is_refused_and_such_an_answer_unreadable() -> None:
    large = errors.RonTooLargeError
    assert exit_code(made(large, "request_too_large")) == ExitCode.REFUSED
    assert exit_code(made(large, "response_too_large")) == ExitCode.UNREADABLE


def test_a_stream_exits_as_its_last_connection_did() -> None:
    stream = errors.RonStreamError
    dns = errors.RonDnsError("x")
    assert exit_code(stream("x", last_error=dns)) == ExitCode.NETWORK
    assert exit_code(stream("x", last_error=errors.RonTimeoutError("x"))) == ExitCode.TIMEOUT
    assert exit_code(made(stream, "wrong_content_type")) == ExitCode.UNREADABLE
    assert exit_code(made(stream, "unexpected_status")) == ExitCode.PROBLEM


# Texts.


@settings(deadline=None)
@given(JSON, st.booleans())
def test_a_layout_leaves_the_meaning_and_shows_no_control_characters(
    value: Any, ascii_only: bool
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=1)
    line = in_one_line(text)
    assert line.isascii()
    assert line.isprintable()
    shown = escaped_json(indented(text))
    assert all(character.isprintable() or character == "\n" for character in shown)
    # Pairs of surrogates become one character on the way.
    expected = json.loads(json.dumps(value))
    assert json.loads(line) == expected
    assert json.loads(shown) == expected


@settings(deadline=None)
@given(JSON)
def test_an_indented_layout_is_that_of_pythons_json(value: Any) -> None:
    text = json.dumps(value)
    assert indented(text) == json.dumps(json.loads(text), indent=2)


def test_no_digit_and_no_member_is_lost() -> None:
    text = '{"a":1.10,"a":1e400,"b":340282366920938463463374607431768211455,"c":-0.0E+1}'
    assert re.findall(r"[^\s]+", indented(text)) == re.findall(
        r"[^\s]+", text.replace(":", ": ").replace(",", ", ").replace("{", "{ ").replace("}", " }")
    )


@settings(deadline=None)
@given(st.text(st.characters()))
def test_escaped_text_has_nothing_that_a_terminal_obeys(text: str) -> None:
    assert all(character.isprintable() or character in "\n\t" for character in escaped(text))
    assert one_line(text).isprintable()
    assert "\n" not in one_line(text)
    for encoding in ("ascii", "latin-1", "utf-8", "cp1252"):
        encodable(escaped(text), encoding).encode(encoding)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("a\u202eb\u200bc", r"a\u202eb\u200bc"),
        ("\x9b2J\x7f\r", r"\x9b2J\x7f\x0d"),
        ("é 𝄞 [red]", "é 𝄞 [red]"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_is_not_printable_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert escaped(text) == shown


# Output.


def test_results_go_to_stdout_and_the_rest_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output()
    output.value({"a": [1]})
    output.line("result")
    output.note("note")
    output.warning("careful")
    output.error(errors.RonConfigError("base_url is no good; give another", code="x"))
    out, err = capsys.readouterr()
    assert out == '{\n  "a": [\n    1\n  ]\n}\nresult\n'
    assert err == (
        "note\nron: warning: careful\nron: base_url is no good; give another\n"
        "ron: here base_url is --url\n"
    )


def test_json_results_are_one_document_to_a_line_and_so_are_errors(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = Output(json=True)
    output.value({"a": "é\x1b"})
    output.line("for people")
    output.result([1], "for people")
    output.error(errors.RonTimeoutError("late", code="overall_timeout", attempts=2))
    out, err = capsys.readouterr()
    assert out == '{"a": "\\u00e9\\u001b"}\n[1]\n'
    assert json.loads(err) == {
        "error": {
            "type": "RonTimeoutError",
            "message": "late",
            "code": "overall_timeout",
            "phase": "overall",
            "attempts": 2,
            "exit_code": 6,
        }
    }


SECRET = 'quo"te\\d-0123456789'


@settings(deadline=None)
@given(st.text(), st.text(), st.sampled_from([TOKEN, SECRET]))
def test_a_hidden_secret_is_in_nothing_that_is_written(
    before: str, after: str, secret: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        written: list[str] = []
        for way in ("_tell", "_mention"):
            patch.setattr(Output, way, lambda _, text: written.append(text))
        for as_json in (True, False):
            output = Output(json=as_json, verbosity=1)
            output.hide(secret)
            text = before + secret + after
            output.value({text: text})
            output.line(text)
            output.styled((text, "green"))
            output.note(text)
            output.told([text])
            output.error(errors.RonConfigError(text, code=text, request_id=text))
            output.fault("OSError", text, 8)
    escaped_secret = json.dumps(secret)[1:-1]
    # What surrounds it may be the secret's own beginning.
    if secret[:8] not in before + after:
        assert [t for t in written if secret in t or escaped_secret in t] == []


@pytest.mark.parametrize(
    "form",
    [
        "0123456789+abc/def==",
        r"0123456789+abc\/def==",
        r"0123456789\u002babc\u002Fdef==",
        "0123456789%2Babc%2Fdef%3D%3D",
    ],
)
def test_a_hidden_secret_is_found_in_the_escapes_of_servers(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for as_json in (True, False):
        output = Output(json=as_json)
        output.hide("0123456789+abc/def==")
        output.document(f'{{"a\\n{form}": ["{form}", 1.10, "\\u00e9"]}}')
        shown = capsys.readouterr().out
        assert json.loads(shown) == {"a\n[redacted]": ["[redacted]", 1.1, "é"]}
        assert "1.10" in shown


def test_a_number_that_holds_the_secret_leaves_valid_json(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = Output(json=True)
    output.hide("1234567890")
    output.document('{"a": 12345678901, "b": 1.5}')
    assert capsys.readouterr().out == '{"a": "[redacted]1", "b": 1.5}\n'


def test_a_closed_stdout_is_an_error_and_a_closed_stderr_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    Output().note("nobody hears it")
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(OSError, match="closed"):
        Output().content(b"x")
    with pytest.raises(OSError, match="closed"):
        Output().line("x")


# Arguments.


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["get"], "Missing argument 'PATH'"),
        (["get", "/x", "-q", "secret"], "'--query': has no '='"),
        (["get", "/x", "-H", "secret"], "'--header': has no ':'"),
        (["get", "/x", "--data", "x"], "--data"),
        (["post", "/x", "--data", "x", "--json-body", "1"], "give one of --json-body"),
        (["post", "/x", "--json-body", "{secret"], "'--json-body': is not JSON: "),
        (["post", "/x", "--json-body", "NaN"], "is not JSON: NaN is not JSON"),
        (["post", "/x", "--idem", "--idem-key", "k"], "give one of --idem and --idem-key"),
        (["post", "/x", "--data", "-", "--token-file", "-"], "stdin can't be both"),
        (["get", "/x", "--timeout", "soon"], "'soon' is not a valid float"),
        (["get", "/x", "--proxy", "http://u:secret@p:1"], "put the URL into RON_SDK_PROXY"),
        (["completion", "tcsh"], "'tcsh' is not one of"),
        (["frobnicate"], "No such command 'frobnicate'"),
    ],
)
def test_usage_that_is_no_good_exits_with_2_and_names_what(arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(ron, arguments)
    assert done.exit_code == ExitCode.REFUSED
    assert said in done.stderr
    assert done.stdout == ""
    assert "secret" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["get", "/x", TOKEN],
        ["get", "/x", "--timeout", TOKEN],
        ["get", f"--{TOKEN}"],
        ["post", "/x", "--data", "x", "--json-body", "1"],
        ["facet", "validate"],
        ["facet", "validate", TOKEN],
        ["codegen", TOKEN],
        ["init", "py", f"{TOKEN}/"],
        [TOKEN],
        [f"--{TOKEN}"],
    ],
)
def test_usage_errors_too_are_json_if_that_is_asked_for_and_hide_the_token(
    arguments: list[str],
) -> None:
    environ = {"RON_APP_TOKEN": TOKEN}
    plain = CliRunner().invoke(ron, arguments, env=environ)
    done = CliRunner().invoke(ron, [*arguments, "--json"], env=environ)
    assert (plain.exit_code, done.exit_code) == (ExitCode.REFUSED, ExitCode.REFUSED)
    assert TOKEN not in plain.output + done.output
    assert done.stdout == ""
    error = json.loads(done.stderr)["error"]
    assert error["exit_code"] == ExitCode.REFUSED
    assert {"type", "message"} <= error.keys()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--timeout", "nan"], "timeout is nan"),
        (["--timeout", "-1"], "timeout is -1.0"),
        (["--url", "ftp://x"], "base_url"),
        (["--url", "http://user:secret@x"], "user name or password"),
        (["--url", "http://192.0.2.1"], "allow_insecure_http is --insecure-http"),
        (["--url", "https://x", "--ca", "/no/such"], "tls_ca is --ca"),
        (["--max-bytes", "0"], "max_request_bytes is 0"),
        (["--retries", "1000"], "retries is 1000"),
        (["--output", "/no/such/folder/x"], "--output: /no/such/folder/x can't be written"),
        (["--token-file", "/no/such"], "--token-file: /no/such can't be read: No such file"),
        (["-H", "authorization: secret"], "authorization"),
    ],
)
def test_what_this_side_refuses_exits_with_2_and_names_the_option(
    arguments: list[str], said: str
) -> None:
    done = CliRunner().invoke(ron, ["get", "/x", *arguments])
    assert done.exit_code == ExitCode.REFUSED, done.output
    assert said in done.stderr
    assert "secret" not in done.stderr


def test_a_proxy_of_the_environment_may_have_a_password_which_is_not_shown() -> None:
    done = CliRunner().invoke(
        ron,
        ["get", "/x", "--url", "https://x.invalid"],
        env={"RON_SDK_PROXY": "http://u:hunter22:@p:x"},
    )
    assert done.exit_code == ExitCode.REFUSED
    assert "proxy" in done.stderr
    assert "hunter22" not in done.stderr


# What nobody expects.


@pytest.mark.parametrize("verbose", [[], ["-v"], ["-vv"]])
def test_an_internal_error_is_one_line_without_the_text_of_the_exception(
    verbose: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError(f"with {TOKEN} in it")

    monkeypatch.setattr("ron_app_sdk_py.cli.running.asyncio.run", fail)
    monkeypatch.setattr("ron_app_sdk_py.cli.running.call", fail)
    done = CliRunner().invoke(ron, ["get", "/x", *verbose], env={"RON_APP_TOKEN": TOKEN})
    assert done.exit_code == ExitCode.INTERNAL
    assert TOKEN not in done.output
    first, *rest = done.stderr.splitlines()
    assert re.fullmatch(
        r"ron: internal error: ZeroDivisionError at test_cli\.py:\d+; please report it", first
    )
    assert bool(rest) == bool(verbose)
    as_json = CliRunner().invoke(ron, ["get", "/x", "--json"], env={"RON_APP_TOKEN": TOKEN})
    assert json.loads(as_json.stderr)["error"]["exit_code"] == ExitCode.INTERNAL


def test_infinities_never_make_invalid_json() -> None:
    assert "Infinity" not in in_one_line('{"a": 1e400}')
    assert math.isinf(json.loads(in_one_line('{"a": 1e400}'))["a"])
