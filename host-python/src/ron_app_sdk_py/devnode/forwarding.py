"""What the gateway passes on, and where to: ``protocol.md`` 1.3 and 1.12."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote_to_bytes

import ada_url

PREFIX: Final = "/app/"
"""What the paths of the app plane begin with."""

_ONE_HOP: Final = """
    host connection content-length proxy-authenticate proxy-authorization te trailer
    transfer-encoding upgrade
"""

_AUTHORITY: Final = """
    account-sequence operation-id
    receipt balance entitlement unlock-authorized paid unlock unlocked cache-unlock local-unlock
    client-receipt spend-authority capture-authority
    root state-root receipt-root accounting-root reward-root hold-root epoch-root checkpoint
    data-availability-root
    quorum validator
    finalized finality epoch-included anchored anchor settlement bridge external-settlement
    bond bonded-stake slash slashing stake staking liquidity
    dispute challenge appeal freeze
"""
"""Names of authority, without the ``x-ron-`` before each."""

_AUTHORITY_FAMILIES: Final = """
    quickchain- validator- passport-validator registry-validator capability-validator
    attestation-identity bridge- anchor- checkpoint- root- ledger- proof- replay- verifier-
    committee- quorum- settlement- governance- lifecycle- bond- slash- stake- dispute- disputed-
    challenge- appeal- freeze- frozen- irreversible-slash slash-simulation
"""
"""Beginnings of such names."""

_KEPT_BACK: Final = frozenset(
    (*_ONE_HOP.split(), *(f"x-ron-{name}" for name in _AUTHORITY.split()))
)
_KEPT_BACK_FAMILIES: Final = (
    "x-quickchain-",
    "x-qc-",
    *(f"x-ron-{name}" for name in _AUTHORITY_FAMILIES.split()),
)


def passes(name: str) -> bool:
    """Whether the gateway passes a header on, in either direction.

    It keeps back what belongs to one hop, as the real gateway lists it (so not what ``Connection``
    names, and not ``Keep-Alive``), and headers with which a caller could claim an authority of
    the ledger.
    """
    lower = name.lower()
    return lower not in _KEPT_BACK and not lower.startswith(_KEPT_BACK_FAMILIES)


def upstream_url(base: str, target: str) -> str:
    """The URL for a request target that begins with :data:`PREFIX`.

    The tail of the path is percent-decoded once and pasted into a URL, which is parsed again
    (WHATWG): decoded dot segments, ``?`` and ``#`` mean then what they mean in a URL.

    Args:
        base: where the app plane begins, such as ``http://127.0.0.1:9090/v1/app``.
        target: path and query as they came; bytes that are not UTF-8 as lone surrogates.

    Raises:
        UnicodeDecodeError: the decoded tail is not UTF-8.
    """
    path, mark, query = target.partition("?")
    tail = unquote_to_bytes(_bytes(path.removeprefix(PREFIX))).decode()
    verbatim = _bytes(query).decode("utf-8", "replace")
    return ada_url.normalize_url(f"{base.rstrip('/')}/{tail}{mark}{verbatim}")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
