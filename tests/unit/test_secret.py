"""A secret shows nothing, compares like its text, and can be overwritten."""

from __future__ import annotations

import copy
import dataclasses
import gc
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ron_app_sdk_py import ClientConfig, RonClosedError, RonConfigError, Secret
from servers import TOKEN


def test_no_way_of_formatting_shows_it() -> None:
    secret = Secret(TOKEN)
    shown = f"{secret} {secret!r} {secret!s} {secret!a} {secret:>40} %s %r" % (secret, secret)
    assert "0123" not in shown + str([secret]) + repr({secret: secret}) + ascii((secret,))
    assert f"{secret:>12}" == "  [redacted]"
    assert not hasattr(secret, "__dict__")


@given(st.text(), st.text())
def test_it_compares_and_hashes_like_its_text(one: str, other: str) -> None:
    assert (Secret(one) == Secret(other)) == (one == other)
    assert Secret(one) == Secret(one)
    assert hash(Secret(one)) == hash(Secret(one))
    assert len({Secret(one), Secret(one)}) == 1
    assert Secret(one) != one
    assert Secret(one).get_secret_value() == one


@given(st.text(st.characters(codec=None)))
def test_any_text_comes_back_from_copies_and_pickles(text: str) -> None:
    for again in (
        Secret(text).copy(),
        copy.copy(Secret(text)),
        copy.deepcopy(Secret(text)),
        pickle.loads(pickle.dumps(Secret(text))),
    ):
        assert again == Secret(text)
        assert again.get_secret_value() == text


def test_a_secret_that_was_wiped_has_no_text_and_leaves_its_copies_theirs() -> None:
    secret = Secret(TOKEN)
    other, before = secret.copy(), hash(secret)
    content = secret._content
    assert content is not None
    assert bytes(content) == TOKEN.encode()
    secret.wipe()
    secret.wipe()
    assert bytes(content) == bytes(len(TOKEN))
    for use in (secret.get_secret_value, secret.copy, lambda: pickle.dumps(secret)):
        with pytest.raises(RonClosedError, match="wiped"):
            use()
    assert secret == secret
    assert secret not in (other, Secret(""))
    assert (hash(secret), repr(secret)) == (before, repr(other))
    assert other.get_secret_value() == TOKEN


def test_a_secret_that_is_wiped_while_it_is_read_gives_nothing_else() -> None:
    class Content(bytearray):
        def decode(self, *arguments: Any, **options: Any) -> str:
            secret.wipe()
            return super().decode(*arguments, **options)

    secret = Secret(TOKEN)
    secret._content = Content(TOKEN.encode())
    with pytest.raises(RonClosedError, match="wiped"):
        secret.get_secret_value()


def test_a_secret_that_nobody_has_any_more_is_overwritten() -> None:
    secret: Secret | None = Secret(TOKEN)
    assert secret is not None
    content = secret._content
    assert content is not None
    secret = None
    gc.collect()
    assert bytes(content) == bytes(len(TOKEN))


class SecretStr:
    """What Pydantic's looks like."""

    def __init__(self, value: Any = TOKEN) -> None:
        self._value = value

    def get_secret_value(self) -> Any:
        return self._value


def test_it_is_made_of_a_text_a_secret_or_anybodys_secret() -> None:
    secret = Secret(TOKEN)
    assert Secret.of(secret) is secret
    assert Secret.of(TOKEN) == Secret.of(SecretStr()) == secret


@pytest.mark.parametrize("value", [None, 7, TOKEN.encode(), [TOKEN], SecretStr(None), SecretStr(7)])
def test_what_is_no_secret_is_named_and_not_shown(value: Any) -> None:
    with pytest.raises(RonConfigError, match=r"a secret is (NoneType|int|bytes|list); give a str"):
        Secret.of(value)


@pytest.mark.parametrize(
    "name", ["token", "macaroon", "passport", "proxy", "tls_client_key_password"]
)
def test_a_configuration_keeps_secrets_as_such(name: str) -> None:
    def configured(value: Any) -> ClientConfig:
        return dataclasses.replace(ClientConfig(), **{name: value})

    config = configured(TOKEN)
    assert getattr(config, name) == Secret(TOKEN)
    assert config == configured(Secret(TOKEN))
    assert config != ClientConfig()
    assert TOKEN not in f"{config} {config!r} {dataclasses.asdict(config)}"
    assert pickle.loads(pickle.dumps(config)) == copy.copy(config) == config
    assert hash(dataclasses.replace(config, timeout=None)) == hash(config)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(config, name, "x")
    assert "x" * 9 not in repr(configured(b"x" * 9))
