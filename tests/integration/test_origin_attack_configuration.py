"""No configuration leads a client to another host than the one that it seems to name."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from attacks import (
    DOORS,
    Client,
    base_urls_of,
    enter,
    opened,
    plain_base_urls_of,
)
from certificates import Authority
from other_host import OtherHost
from ron_app_sdk_py import ClientConfig, RonClient, RonClientSync, RonConfigError
from ron_command import ron
from servers import TOKEN, Request, answering, raw_server, reply

OK = reply("200 OK", b'{"items":[]}', "content-type: application/json")
NO_MORE = b"HTTP/1.1 204 No Content\r\n\r\n"
GATEWAY = "127.0.0.1:8080"

clients = pytest.mark.parametrize("kind", [RonClient, RonClientSync])

Made = Callable[[type[Client], str, pytest.MonkeyPatch, Path], Client]


def _from_variable(name: str) -> Made:
    def made(kind: type[Client], url: str, patch: pytest.MonkeyPatch, _folder: Path) -> Client:
        # The system's own variables can't hold NUL.
        patch.setattr(os, "environ", {name: url, "RON_SDK_INSECURE_HTTP": "1"})
        return kind(token=TOKEN)

    return made


def _from_dotenv(kind: type[Client], url: str, _patch: pytest.MonkeyPatch, folder: Path) -> Client:
    (folder / ".env").write_text(f"RON_SDK_GATEWAY_ADDR='{url}'\n", "utf-8")
    return kind.from_env(dotenv=folder / ".env", token=TOKEN, allow_insecure_http=True)


def _from_argument(kind: type[Client], url: str, *_: object) -> Client:
    return kind(url, token=TOKEN, allow_insecure_http=True)


def _from_config(kind: type[Client], url: str, *_: object) -> Client:
    return kind(config=ClientConfig(base_url=url, token=TOKEN, allow_insecure_http=True))


WAYS: dict[str, Made] = {
    "argument": _from_argument,
    "config": _from_config,
    "RON_SDK_GATEWAY_ADDR": _from_variable("RON_SDK_GATEWAY_ADDR"),
    "RON_APP_URL": _from_variable("RON_APP_URL"),
    ".env": _from_dotenv,
}


@clients
@pytest.mark.parametrize("way", WAYS)
def test_a_base_url_that_two_readers_may_read_differently_is_refused(
    other_host: OtherHost,
    kind: type[Client],
    way: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    plain = f"http://{GATEWAY}"
    accepted = []
    for url in [*base_urls_of(other_host.authority, GATEWAY), plain]:
        with monkeypatch.context() as patch, suppress(RonConfigError):
            accepted.append(WAYS[way](kind, url, patch, tmp_path).config.base_url)
    assert accepted == [plain]


@clients
def test_plain_http_is_not_spoken_to_a_name_that_only_happens_to_be_this_machine(
    other_host: OtherHost, kind: type[Client]
) -> None:
    for url in plain_base_urls_of(other_host.port):
        with pytest.raises(RonConfigError, match="allow_insecure_http"):
            kind(url, token=TOKEN)


def _environment_of(other_host: OtherHost, folder: Path) -> dict[str, str]:
    """What programs find proxies and passwords by."""
    names = ("http", "https", "all", "ws", "wss", "ftp", "socks")
    proxies = {f"{name}_proxy": other_host.url for name in names}
    login = "\n".join(
        f"machine {host} login mallory password mallory-password"
        for host in ("127.0.0.1", "localhost", "default")
    )
    for name in (".netrc", "_netrc"):
        (folder / name).write_text(login)
        (folder / name).chmod(0o600)
    return {
        **proxies,
        **{name.upper(): url for name, url in proxies.items()},
        "no_proxy": "",
        "NO_PROXY": "",
        "NETRC": str(folder / ".netrc"),
        "HOME": str(folder),
    }


@clients
@pytest.mark.parametrize("secure", [False, True])
async def test_neither_a_proxy_nor_a_password_is_taken_from_the_environment(
    other_host: OtherHost,
    transport: str,
    kind: type[Client],
    secure: bool,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    for name, value in _environment_of(other_host, tmp_path).items():
        monkeypatch.setenv(name, value)
    authority = Authority(tmp_path / "authority")
    options: dict[str, Any] = {"tls_ca": authority.file} if secure else {}
    seen: list[Request] = []
    async with raw_server(answering(seen, OK), tls=authority.server() if secure else None) as url:
        config = ClientConfig(base_url=url, **options)
        async with opened(kind, config=config, transport=transport) as client:
            for door in ("get", "pages", "facet", "node"):
                await enter(client, DOORS[door], "/x")
    async with raw_server(
        answering(seen, NO_MORE), tls=authority.server() if secure else None
    ) as url:
        config = ClientConfig(base_url=url, **options)
        async with opened(kind, config=config, transport=transport) as client:
            for door in ("stream", "facet's stream", "node's stream"):
                await enter(client, DOORS[door], "/x")
    assert len(seen) == 7
    for first, fields, _ in seen:
        assert first.split(" ")[1].startswith(("/app/", "/x"))
        assert not [name for name, _ in fields if name.lower().endswith("authorization")]


async def test_the_command_takes_neither_from_the_environment(
    other_host: OtherHost, tmp_path: Path
) -> None:
    seen: list[Request] = []
    environ = _environment_of(other_host, tmp_path)
    async with raw_server(answering(seen, OK)) as url:
        done = await asyncio.to_thread(ron, "get", "/x", url=url, environ=environ)
    assert done.code == 0, done.err
    ((_, fields, _),) = seen
    assert [value for name, value in fields if name.lower() == "authorization"] == [
        f"Bearer {TOKEN}"
    ]


def test_the_command_refuses_an_address_that_is_odd(other_host: OtherHost, tmp_path: Path) -> None:
    for url in (f"http://{GATEWAY}@{other_host.authority}", f"http://127.1:{other_host.port}"):
        environ = {"RON_SDK_GATEWAY_ADDR": url, "RON_SDK_INSECURE_HTTP": "1"}
        done = ron("get", "/x", environ=environ)
        assert done.code not in (0, 1), done
        assert "base_url" in done.err
