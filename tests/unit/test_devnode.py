"""The parts of the development node that need no socket."""

from __future__ import annotations

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ron_app_sdk_py.devnode.admission import Bucket, Buckets
from ron_app_sdk_py.devnode.command import _parser
from ron_app_sdk_py.devnode.forwarding import passes, upstream_url
from ron_app_sdk_py.devnode.settings import Quota, Settings, SettingsError
from servers import ROOT

BASE = "http://127.0.0.1:9090/v1/app"
PASSED_ON = """
    x-ron-passport x-ron-token x-ron-wallet-account x-correlation-id authorization cookie
    x-ron-checkpoints keep-alive x-ron-reload-gen idempotency-key last-event-id
"""
KEPT_BACK = """
    Host Content-Length Transfer-Encoding upgrade x-ron-receipt X-RON-Unlock x-ron-unlocked
    x-ron-root x-ron-checkpoint x-ron-checkpoint-hash x-ron-quorum-certificate x-qc-1
    x-ron-validator-bond x-ron-passport-validator x-ron-passport-validator-admission
    x-ron-freeze x-ron-frozen-bond x-ron-irreversible-slash x-ron-finality
"""


def test_a_bucket_starts_full_and_fills_at_its_rate_up_to_its_size() -> None:
    now = 100.0
    bucket = Bucket(Quota(qps=2, burst=3), lambda: now)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    now += 0.5
    assert [bucket.take() for _ in range(2)] == [True, False]
    now += 1000
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]


@given(st.lists(st.floats(0, 10), max_size=30), st.integers(0, 5), st.integers(0, 20))
def test_a_bucket_never_gives_more_than_its_size_and_its_rate(
    waits: list[float], qps: int, burst: int
) -> None:
    now = 0.0
    bucket = Bucket(Quota(qps=qps, burst=burst), lambda: now)
    taken = 0
    for wait in waits:
        now += wait
        while bucket.take():
            taken += 1
        assert taken <= burst + qps * now + 1e-6


def test_the_names_with_buckets_are_bounded_and_the_longest_unseen_goes_first() -> None:
    buckets = Buckets(Quota(qps=0, burst=1), limit=2)
    assert [buckets.take(name) for name in ("a", "b", "a", "c")] == [True, True, False, True]
    assert buckets.take("a") is False  # Seen after b, so c took the place of b.
    assert buckets.take("b") is True


@given(st.binary(), st.binary(max_size=20).filter(lambda query: b"\0" not in query))
def test_a_target_goes_to_the_upstream_and_nowhere_else_or_is_not_utf_8(
    tail: bytes, query: bytes
) -> None:
    escaped = "".join(f"%{byte:02x}" for byte in tail)
    target = f"/app/{escaped}?{query.decode('utf-8', 'surrogateescape')}"
    try:
        url = upstream_url(BASE, target)
    except UnicodeDecodeError:
        with pytest.raises(UnicodeDecodeError):
            tail.decode()
    else:
        assert url.startswith("http://127.0.0.1:9090/")
        assert url.isascii()


@pytest.mark.parametrize("name", PASSED_ON.split())
def test_headers_of_callers_pass(name: str) -> None:
    assert passes(name)


@pytest.mark.parametrize("name", KEPT_BACK.split())
def test_headers_of_authority_and_of_one_hop_do_not(name: str) -> None:
    assert not passes(name)


def test_settings_name_every_fault_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings(max_inflight=-1, headroom=-2, global_quota=Quota(qps=-1, burst=0))
    for named in ("max_inflight is -1", "headroom is -2", "global_quota is -1:0"):
        assert named in str(caught.value)


def test_settings_do_not_show_the_admin_token() -> None:
    settings = Settings(profile="macronode", admin_token="secret-token")
    assert "secret-token" not in f"{settings} {settings!r}"
    with pytest.raises(SettingsError) as caught:
        Settings(admin_token="secret-token\n", profile="mininode", security="open")
    assert "secret-token" not in str(caught.value)
    for named in ("profile is 'mininode'", "security is 'open'", "admin_token is empty"):
        assert named in str(caught.value)


def test_an_upstream_excludes_what_only_omnigate_has() -> None:
    with pytest.raises(SettingsError, match="ip_quota, max_inflight can't be had"):
        Settings(upstream="http://127.0.0.1:9000", max_inflight=1, ip_quota=None)
    assert Settings(upstream="http://[::1]:9000/x/", ready=False).upstream


def test_every_setting_is_an_option_with_the_same_default() -> None:
    given = vars(_parser().parse_args([]))
    assert given.pop("host") == "127.0.0.1"
    assert given.pop("port") == 8080
    assert given.pop("policy") == "off"
    defaults = dataclasses.asdict(Settings(), dict_factory=dict)
    del defaults["policy"]
    quotas = {name: dataclasses.asdict(given.pop(name)) for name in ("global_quota", "ip_quota")}
    assert given | quotas == defaults


def test_the_help_tells_the_defaults() -> None:
    text = " ".join(_parser().format_help().split())
    quotas = (Settings().global_quota, Settings().ip_quota)
    assert [f"({quota.qps}:{quota.burst})" in text for quota in quotas if quota] == [True, True]
    for number in (2_048, 10_485_760, 67_108_864):
        assert f"({number})" in text


@pytest.mark.checkout
def test_the_document_lists_every_option() -> None:
    document = (ROOT / "docs/devnode.md").read_text("utf-8")
    documented = set(re.findall(r"^\| `(--[a-z-]+)", document, re.M))
    options = {
        option
        for action in _parser()._actions
        for option in action.option_strings
        if option.startswith("--") and option != "--help"
    }
    assert documented == options
