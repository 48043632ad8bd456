"""Authorities, certificates and TLS servers' contexts."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import trustme

NAMES = ("localhost", "127.0.0.1", "::1")
_NOW = datetime.datetime.now(datetime.UTC)
YESTERDAY = _NOW - datetime.timedelta(days=1)
LAST_WEEK = _NOW - datetime.timedelta(days=7)
TOMORROW = _NOW + datetime.timedelta(days=1)
NEXT_WEEK = _NOW + datetime.timedelta(days=7)


class Authority:
    """A private authority with its certificate in a file."""

    def __init__(self, folder: Path) -> None:
        self.ca = trustme.CA()
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.file = str(folder / "ca.pem")
        self.ca.cert_pem.write_to_path(self.file)

    def server(
        self,
        *names: str,
        not_before: datetime.datetime = LAST_WEEK,
        not_after: datetime.datetime = NEXT_WEEK,
    ) -> ssl.SSLContext:
        """The context of a server with a certificate for these names, by default its own."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        leaf = self.ca.issue_cert(*(names or NAMES), not_before=not_before, not_after=not_after)
        leaf.configure_cert(context)
        return context

    def files(self, *names: str) -> tuple[str, str]:
        """The files of a new certificate for these names and of its key."""
        leaf = self.ca.issue_cert(*names)
        stem = names[0].partition("@")[0]
        certificate, key = self.folder / f"{stem}.pem", self.folder / f"{stem}.key"
        leaf.cert_chain_pems[0].write_to_path(certificate)
        leaf.private_key_pem.write_to_path(key)
        return str(certificate), str(key)

    def client(self) -> tuple[str, str]:
        """The files of a client's certificate and of its key."""
        return self.files("client@example.org")


def self_signed() -> ssl.SSLContext:
    """The context of a server whose certificate is its own authority."""
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with ca.private_key_pem.tempfile() as key, ca.cert_pem.tempfile() as certificate:
        context.load_cert_chain(certificate, key)
    return context
