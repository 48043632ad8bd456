"""Configurations from arguments and the environment."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import pickle
from pathlib import Path
from typing import Any

import pytest

from ron_app_sdk_py import (
    ClientConfig,
    RonClient,
    RonClientSync,
    RonConfigError,
    RonSecurityWarning,
    Secret,
)
from servers import TOKEN


def test_the_environment_is_read_in_the_order_of_precedence() -> None:
    assert ClientConfig.from_env({}).base_url == "http://127.0.0.1:8080"
    both = {"RON_APP_URL": "https://b", "RON_SDK_GATEWAY_ADDR": "https://a"}
    assert ClientConfig.from_env(both).base_url == "https://a"
    assert ClientConfig.from_env({"RON_APP_URL": "https://b"}).base_url == "https://b"
    assert ClientConfig.from_env(both, base_url="https://c").base_url == "https://c"
    assert ClientConfig.from_env({"RON_APP_TOKEN": "t"}).token == Secret("t")
    assert ClientConfig.from_env({"RON_SDK_INSECURE_HTTP": "1"}).allow_insecure_http


@pytest.mark.parametrize(
    ("environ", "timeout"),
    [
        ({"RON_APP_TIMEOUT": "2.5"}, 2.5),
        ({"RON_APP_TIMEOUT": "2s"}, 2.0),
        ({"RON_APP_TIMEOUT": "1500ms"}, 1.5),
        ({"RON_APP_TIMEOUT": "9", "RON_SDK_OVERALL_TIMEOUT_MS": "250"}, 0.25),
    ],
)
def test_time_outs_come_in_either_variable(environ: dict[str, str], timeout: float) -> None:
    assert ClientConfig.from_env(environ).timeout == timeout


def test_every_bad_variable_is_named_in_one_error() -> None:
    bad = {
        "RON_SDK_INSECURE_HTTP": "maybe",
        "RON_SDK_OVERALL_TIMEOUT_MS": "-1",
        "RON_SDK_CONNECT_TIMEOUT_MS": "1e3",
        "RON_APP_TIMEOUT": "inf",
    }
    with pytest.raises(RonConfigError) as caught:
        ClientConfig.from_env(bad)
    assert all(name in caught.value.message for name in bad)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("RON_SDK_OVERALL_TIMEOUT_MS", "9" * 400),
        ("RON_SDK_READ_TIMEOUT_MS", "9" * 5000),
        ("RON_SDK_READ_TIMEOUT_MS", "٣"),
        ("RON_APP_TIMEOUT", "9" * 400),
        ("RON_APP_TIMEOUT", "9" * 5000 + "ms"),
        ("RON_APP_TIMEOUT", "\udcff"),
        ("RON_APP_TIMEOUT", "."),
        ("RON_APP_TIMEOUT", 3),
        ("RON_APP_TOKEN", b"hunter22"),
    ],
)
def test_an_odd_value_of_a_variable_is_named_and_kept_short(variable: str, value: Any) -> None:
    with pytest.raises(RonConfigError, match=f"{variable} is ") as caught:
        ClientConfig.from_env({variable: value})
    assert "hunter22" not in caught.value.message
    assert len(caught.value.message) < 200
    caught.value.message.encode()


def test_neither_repr_nor_str_shows_the_token_and_pickling_keeps_it() -> None:
    config = ClientConfig(base_url="https://e", token=TOKEN)
    assert TOKEN not in repr(config) + str(config)
    assert pickle.loads(pickle.dumps(config)) == config
    secrets: dict[str, Any] = {
        "base_url": "https://user:hunter22@e",
        "token": "hunter22",
        "tls_client_key_password": "hunter22",
        "proxy": "http://user:hunter22@e",
    }
    assert "hunter22" not in repr(ClientConfig(**secrets)) + str(ClientConfig(**secrets))
    with RonClientSync(config=config) as client:
        assert TOKEN not in repr(client) + repr(client._session) + repr(client._calls)


def test_a_token_too_short_to_be_found_in_texts_is_warned_of() -> None:
    with pytest.warns(RonSecurityWarning, match="fewer than 8"):
        RonClientSync("https://e", token="7letter").close()
    RonClientSync("https://e", token="8letters").close()


NOT_TEXT: Any = 3
NOT_SECONDS: Any = "5"


@pytest.mark.parametrize(
    ("config", "word"),
    [
        (ClientConfig(base_url="ftp://e"), "base_url"),
        (ClientConfig(base_url="e"), "base_url"),
        (ClientConfig(base_url=""), "base_url"),
        (ClientConfig(base_url="http://e"), "allow_insecure_http=True"),
        (ClientConfig(base_url="https://user:secret-pw@e"), "user name"),
        (ClientConfig(base_url=NOT_TEXT), "base_url is int"),
        (ClientConfig(token=TOKEN + "\n"), "token"),
        (ClientConfig(token=TOKEN + " x"), "token"),
        (ClientConfig(token=TOKEN + "é"), "token"),
        (ClientConfig(token=TOKEN + "\ud800"), "token"),
        (ClientConfig(token=""), "token"),
        (ClientConfig(timeout=0), "timeout"),
        (ClientConfig(timeout=-1), "timeout"),
        (ClientConfig(timeout=float("nan")), "timeout"),
        (ClientConfig(timeout=float("inf")), "timeout"),
        (ClientConfig(timeout=True), "timeout"),
        (ClientConfig(timeout=1, read_timeout=2), "read"),
        (ClientConfig(connect_timeout=11), "connect"),
        (ClientConfig(timeout=1, write_timeout=1.1), "write"),
        (ClientConfig(connect_timeout=-1), "connect_timeout is -1"),
        (ClientConfig(read_timeout=0), "read_timeout is 0"),
        (ClientConfig(write_timeout=float("nan")), "write_timeout is nan"),
        (ClientConfig(write_timeout=float("inf")), "write_timeout is inf"),
        (ClientConfig(read_timeout=NOT_SECONDS), "read_timeout is str"),
        (ClientConfig(max_concurrency=0), "max_concurrency is 0; give a whole number from 1 to"),
        (ClientConfig(max_request_bytes=-1), "max_request_bytes is -1; give .* from 1 to"),
        (ClientConfig(max_queue=-1), "max_queue"),
        (ClientConfig(max_request_bytes=2**40), "max_request_bytes"),
        (ClientConfig(max_response_bytes=-1), "max_response_bytes"),
        (ClientConfig(timeout=10**400), "timeout is an int of more than 20 digits"),
        (ClientConfig(connect_timeout=10**400), "connect_timeout"),
        (ClientConfig(base_url="https://e/" + "x" * 70_000_000), "base_url has 70000010"),
        (ClientConfig(token="x" * 40_000), "token has 40000"),
        (ClientConfig(user_agent="a\nb"), "user_agent"),
        (ClientConfig(user_agent="é"), "user_agent"),
    ],
)
def test_a_bad_value_is_refused_when_the_client_is_made(config: ClientConfig, word: str) -> None:
    with pytest.raises(RonConfigError, match=word) as caught:
        RonClient(config=config)
    shown = f"{caught.value!r} {caught.value}"
    assert TOKEN not in shown
    assert "secret-pw" not in shown


@pytest.mark.parametrize("config", [{}, ClientConfig, "https://e"], ids=repr)
def test_what_is_no_configuration_is_refused(config: Any) -> None:
    with pytest.raises(RonConfigError, match="give a ClientConfig"):
        RonClient(config=config)


def test_arguments_win_over_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    config = ClientConfig(base_url="https://a", timeout=1)
    client = RonClient("https://b", config=config)
    assert (client.config.base_url, client.config.timeout) == ("https://b", 1)
    monkeypatch.setenv("RON_APP_URL", "https://from-env")
    assert RonClient().config.base_url == "https://from-env"


def test_every_fault_of_both_sides_is_named_in_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong: Any = "many"
    config = ClientConfig(
        base_url="ftp://e",
        token=TOKEN + " x",
        timeout=-1,
        read_timeout=float("nan"),
        max_concurrency=0,
        max_queue=wrong,
        max_response_bytes=-1,
        allow_insecure_http=wrong,
        user_agent="é",
    )
    fields = [
        "base_url",
        "token",
        "timeout",
        "read_timeout",
        "max_concurrency",
        "max_queue",
        "max_response_bytes",
        "allow_insecure_http",
        "user_agent",
    ]
    with pytest.raises(RonConfigError) as caught:
        RonClientSync(config=config)
    assert all(name in caught.value.message for name in fields), caught.value.message
    monkeypatch.setenv("RON_SDK_READ_TIMEOUT_MS", "soon")
    monkeypatch.setenv("RON_APP_URL", "ftp://e")
    with pytest.raises(RonConfigError) as caught:
        RonClientSync()
    assert "RON_SDK_READ_TIMEOUT_MS" in caught.value.message
    assert "ftp" in caught.value.message


@pytest.mark.parametrize("part", ["CONNECT", "READ", "WRITE", "OVERALL"])
def test_each_time_out_has_its_variable(part: str) -> None:
    config = ClientConfig.from_env({f"RON_SDK_{part}_TIMEOUT_MS": "1500"})
    field = "timeout" if part == "OVERALL" else f"{part.lower()}_timeout"
    assert getattr(config, field) == 1.5


def test_a_dotenv_file_is_read_if_asked_for_and_gives_way_to_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text(
        "# comment\nexport RON_APP_URL='https://file'\nRON_APP_TOKEN=\"from $HOME\"\n"
        "RON_APP_TIMEOUT=3\nRON_SDK_OVERALL_TIMEOUT_MS=\n"
    )
    assert ClientConfig.from_env({}).base_url == "http://127.0.0.1:8080"
    config = ClientConfig.from_env({}, dotenv=True)
    assert (config.base_url, config.timeout) == ("https://file", 3.0)
    assert config.token == Secret("from $HOME")
    environ = {"RON_SDK_GATEWAY_ADDR": "https://environment"}
    assert ClientConfig.from_env(environ, dotenv=True).base_url == "https://environment"
    given = ClientConfig.from_env(environ, dotenv=True, base_url="https://argument")
    assert given.base_url == "https://argument"
    Path("other.env").write_text("RON_APP_URL=https://other")
    assert ClientConfig.from_env({}, dotenv="other.env").base_url == "https://other"
    with RonClientSync.from_env(dotenv=Path("other.env"), timeout=1) as client:
        assert client.config.base_url == "https://other"


def test_a_dotenv_file_that_is_not_there_is_a_fault_only_if_it_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert ClientConfig.from_env({}, dotenv=True).base_url == "http://127.0.0.1:8080"
    with pytest.raises(RonConfigError, match=r"missing\.env does not exist"):
        ClientConfig.from_env({}, dotenv="missing.env")
    Path("latin.env").write_bytes(b"RON_APP_URL=\xff")
    with pytest.raises(RonConfigError, match="not UTF-8"):
        ClientConfig.from_env({}, dotenv="latin.env")
    with pytest.raises(RonConfigError, match="can't be read"):
        ClientConfig.from_env({}, dotenv=tmp_path)
    no_path: Any
    for no_path in ("a\0b", 3, None, b"a"):
        with pytest.raises(RonConfigError, match="dotenv is"):
            ClientConfig.from_env({}, dotenv=no_path)
    Path("bad.env").write_text("RON_SDK_READ_TIMEOUT_MS=never")
    with pytest.raises(RonConfigError, match="RON_SDK_READ_TIMEOUT_MS"):
        ClientConfig.from_env({}, dotenv="bad.env")


def test_every_field_has_a_docstring_and_the_configuration_is_frozen() -> None:
    source = ast.parse(Path(inspect.getfile(ClientConfig)).read_text("utf-8"))
    (cls,) = (
        node
        for node in source.body
        if isinstance(node, ast.ClassDef) and node.name == "ClientConfig"
    )
    for field, after in itertools.pairwise(cls.body):
        if isinstance(field, ast.AnnAssign):
            assert isinstance(after, ast.Expr), ast.unparse(field)
            assert isinstance(after.value, ast.Constant), ast.unparse(field)
    config: Any = ClientConfig()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.timeout = 1
