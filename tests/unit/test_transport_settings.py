"""What a configuration says of TLS, proxy and writing, and what is wrong with it."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from hypothesis import given
from hypothesis import strategies as st

from certificates import Authority
from ron_app_sdk_py import ClientConfig, RonClient, RonClientSync, RonConfigError
from ron_app_sdk_py.calls.limits import Limits
from ron_app_sdk_py.transport.proxy import Proxy, parse_proxy
from ron_app_sdk_py.transport.settings import transport_settings

PASSWORD = "hunter22-hunter22"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def files(authority: Authority) -> dict[str, str]:
    """Files, good and bad."""
    certificate, key = authority.client()
    _, other = authority.files("other@example.org")
    encrypted = authority.folder / "encrypted.key"
    encrypted.write_bytes(
        load_pem_private_key(Path(key).read_bytes(), None).private_bytes(
            Encoding.PEM,
            PrivateFormat.PKCS8,
            BestAvailableEncryption(PASSWORD.encode()),
        )
    )
    broken = authority.folder / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    empty = authority.folder / "empty"
    empty.mkdir()
    text = authority.folder / "text.pem"
    text.write_text("nothing")
    return {
        "ca": authority.file,
        "certificate": certificate,
        "key": key,
        "other": other,
        "encrypted": str(encrypted),
        "broken": str(broken),
        "empty": str(empty),
        "text": str(text),
        "missing": str(authority.folder / "missing.pem"),
        "nul": "a\0b",
    }


def faults(**fields: Any) -> list[str]:
    _, found = transport_settings(ClientConfig(base_url="https://gw.example", **fields))
    assert not any(PASSWORD in fault for fault in found)
    return found


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"tls_ca": "missing"}, ["tls_ca", "missing.pem", "No such file"]),
        ({"tls_ca": "nul"}, ["tls_ca", "can't be read"]),
        ({"tls_ca": "text"}, ["tls_ca", "text.pem", "no certificate"]),
        ({"tls_ca": "empty"}, ["tls_ca", "empty", "no certificate"]),
        ({"tls_ca": "broken"}, ["tls_ca", "broken.pem", "broken certificate"]),
        ({"tls_client_certificate": "missing"}, ["tls_client_certificate", "No such file"]),
        ({"tls_client_certificate": "text"}, ["tls_client_certificate", "no certificate"]),
        ({"tls_client_certificate": "certificate"}, ["tls_client_certificate", "no private key"]),
        (
            {"tls_client_certificate": "certificate", "tls_client_key": "missing"},
            ["tls_client_key", "No such file"],
        ),
        (
            {"tls_client_certificate": "certificate", "tls_client_key": "text"},
            ["tls_client_key", "no private key"],
        ),
        (
            {"tls_client_certificate": "certificate", "tls_client_key": "other"},
            ["tls_client_key", "other.key", "not that of the certificate", "client.pem"],
        ),
        (
            {"tls_client_certificate": "certificate", "tls_client_key": "encrypted"},
            ["tls_client_key", "encrypted.key", "give its password"],
        ),
        (
            {"tls_client_certificate": "broken", "tls_client_key": "key"},
            ["tls_client_certificate", "broken.pem", "can't read"],
        ),
        ({"tls_client_key": "key"}, ["tls_client_key", "without tls_client_certificate"]),
    ],
)
def test_a_file_that_is_no_good_is_named_with_its_field_and_the_reason(
    files: dict[str, str], fields: dict[str, str], words: list[str]
) -> None:
    (fault,) = faults(**{name: files[key] for name, key in fields.items()})
    for word in words:
        assert word in fault, fault


def test_a_wrong_password_is_told_and_a_right_one_is_not_asked_for(files: dict[str, str]) -> None:
    pair = {
        "tls_client_certificate": files["certificate"],
        "tls_client_key": files["encrypted"],
    }
    assert faults(**pair, tls_client_key_password=PASSWORD) == []
    (fault,) = faults(**pair, tls_client_key_password=PASSWORD + "x")
    assert "can't be read with the password given" in fault
    (fault,) = faults(**pair, tls_client_key_password="x" * 5000)
    assert "tls_client_key_password is longer" in fault


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("tls_verify", "false", "str"),
        ("tls_verify", 0, "int"),
        ("tls_ca", b"/x", "bytes"),
        ("tls_client_key_password", PASSWORD.encode(), "bytes"),
        ("proxy", b"http://h", "bytes"),
        ("tls_pq_mode", None, "NoneType"),
        ("tls_pq_mode", False, "bool"),
    ],
)
def test_a_value_of_the_wrong_type_is_named(field: str, value: object, kind: str) -> None:
    found = faults(**{field: value})
    assert f"{field} is {kind}; give" in found[0]


@pytest.mark.parametrize("base_url", ["https://gw.example", "http://127.0.0.1:1"])
@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("hybrid", ["'hybrid'", "reserved", "Python 3.11", "neither set nor read", "give 'off'"]),
        ("on", ["'on'", "give 'off'"]),
        ("OFF", ["'OFF'", "give 'off'"]),
        ("", ["''", "give 'off'"]),
        ("x" * 1000, ["'xxx"]),
    ],
)
def test_a_mode_of_key_exchange_that_can_not_be_held_is_refused_with_the_reason(
    base_url: str, mode: str, words: list[str]
) -> None:
    for kind in (RonClient, RonClientSync):
        with pytest.raises(RonConfigError) as caught:
            kind(config=ClientConfig(base_url=base_url, tls_pq_mode=mode))
        for word in ("tls_pq_mode", *words):
            assert word in caught.value.message
        assert len(caught.value.message) < 300
    RonClientSync(config=ClientConfig(base_url=base_url, tls_pq_mode="off")).close()


def test_all_faults_are_told_at_once(files: dict[str, str]) -> None:
    with pytest.raises(RonConfigError) as caught:
        RonClient(
            config=ClientConfig(
                base_url="https://gw.example",
                tls_ca=files["missing"],
                tls_client_key=files["key"],
                proxy=f"https://user:{PASSWORD}@h",
                write_timeout=0,
            ),
            transport="requests",
        )
    for name in ("tls_ca", "tls_client_key", "proxy", "write_timeout", "transport"):
        assert name in caught.value.message
    assert PASSWORD not in f"{caught.value!r}{caught.value.__context__!r}"


def test_a_context_checks_names_and_speaks_tls_1_2_and_newer(files: dict[str, str]) -> None:
    config = ClientConfig(base_url="https://gw.example", tls_ca=files["ca"])
    context = transport_settings(config)[0].ssl_context
    assert context is not None
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.cert_store_stats()["x509_ca"] == 1
    assert transport_settings(ClientConfig(base_url="http://127.0.0.1"))[0].ssl_context is None


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://proxy:3128", Proxy("proxy", 3128)),
        ("http://proxy/", Proxy("proxy", 80)),
        ("http://[::1]:1", Proxy("::1", 1)),
        ("http://u:p@h:1", Proxy("h", 1, "Basic dTpw")),
        ("http://u@h:1", Proxy("h", 1, "Basic dTo=")),
        ("http://%75:%3A%2f@h:1", Proxy("h", 1, "Basic dTo6Lw==")),
    ],
)
def test_a_proxy_is_read_from_its_url(url: str, proxy: Proxy) -> None:
    assert parse_proxy(url) == proxy


@pytest.mark.parametrize(
    "url",
    [
        "",
        "proxy:3128",
        f"user:{PASSWORD}@proxy:3128",
        f"https://user:{PASSWORD}@proxy",
        f"socks5://user:{PASSWORD}@proxy",
        f"http://user:{PASSWORD}@",
        f"http://user:{PASSWORD}@h:port",
        f"http://user:{PASSWORD}@h:99999",
        f"http://user:{PASSWORD}@h/path",
        f"http://user:{PASSWORD}@h?{PASSWORD}",
        f"http://user:{PASSWORD}@h#{PASSWORD}",
        f"http://us%3Aer:{PASSWORD}@h",
        f"http://user:{PASSWORD}@[::1",
        f"http://user:{PASSWORD}@h\n",
        f"http://us\ter:{PASSWORD}@h",
        f"http://user:{PASSWORD}@é",
    ],
)
def test_a_bad_proxy_is_refused_without_repeating_it(url: str) -> None:
    (fault,) = faults(proxy=url)
    assert fault.startswith("proxy ")
    with pytest.raises(ValueError, match="proxy") as caught:
        parse_proxy(url)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@given(st.text() | st.text().map("http://".__add__))
def test_no_text_but_a_url_of_a_proxy_gets_through(text: str) -> None:
    try:
        proxy = parse_proxy(text)
    except ValueError:
        return
    assert text.lower().startswith("http://")
    assert proxy.host


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_plain_http_through_a_proxy_elsewhere_must_be_allowed(host: str) -> None:
    def found(**fields: Any) -> list[str]:
        return transport_settings(ClientConfig(base_url=f"http://{host}", **fields))[1]

    (fault,) = found(proxy="http://proxy.example:3128")
    assert "allow_insecure_http=True" in fault
    assert found(proxy="http://proxy.example:3128", allow_insecure_http=True) == []
    assert found(proxy=f"http://{host}:3128") == []


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({}, 5.0),
        ({"timeout": 30}, 5.0),
        ({"timeout": 2.0}, None),
        ({"write_timeout": 1.5}, 1.5),
        ({"write_timeout": 1.5, "timeout": 2.0}, 1.5),
        ({"write_timeout": 2.0, "timeout": 2.0}, None),
    ],
)
def test_the_write_time_out_gives_way_to_a_shorter_overall_one(
    fields: dict[str, Any], seconds: float | None
) -> None:
    assert Limits.of(ClientConfig(**fields)).write_timeout == seconds


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"write_timeout": 3.0, "timeout": 2.0}, "longer than the overall"),
        ({"write_timeout": 0}, "positive"),
        ({"write_timeout": -1.0}, "positive"),
        ({"write_timeout": float("nan")}, "positive"),
        ({"write_timeout": float("inf")}, "positive"),
        ({"write_timeout": True}, "positive"),
        ({"write_timeout": "5"}, "positive"),
    ],
)
def test_a_write_time_out_that_can_not_be_is_refused(fields: dict[str, Any], word: str) -> None:
    with pytest.raises(RonConfigError, match=word) as caught:
        RonClient(config=ClientConfig(**fields))
    assert "write" in caught.value.message
