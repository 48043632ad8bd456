"""The TLS context of a client, from file names."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from ..debug import is_debugging

_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
_KEY = b"PRIVATE KEY-----"


class _NoPasswordError(Exception):
    """OpenSSL wants a password, and would ask on the terminal."""


def tls_context(
    *,
    verify: object = True,
    ca: object = None,
    certificate: object = None,
    key: object = None,
    password: object = None,
) -> tuple[ssl.SSLContext, list[str]]:
    """A context for TLS 1.2 and newer.

    Args:
        verify: whether the server's certificate and name are checked.
        ca: a PEM file, or a folder of PEM files, of the authorities to trust instead of the
            system's.
        certificate: a PEM file of the client's certificate and its chain.
        key: a PEM file of its private key; by default the key is in the certificate's file.
        password: the password of an encrypted key.

    While ``RON_DEBUG`` is ``1``, the keys of its connections go to the file that ``SSLKEYLOGFILE``
    names (draft-ietf-tls-keylogfile).

    Returns:
        The context and what is wrong with the arguments, as sentences without secrets.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    faults: list[str] = []
    for name, value in (
        ("tls_ca", ca),
        ("tls_client_certificate", certificate),
        ("tls_client_key", key),
        ("tls_client_key_password", password),
    ):
        if value is not None and not isinstance(value, str):
            faults.append(f"{name} is {type(value).__name__}; give a str")
    if not isinstance(verify, bool):
        faults.append(f"tls_verify is {type(verify).__name__}; give True or False")
    elif not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if isinstance(ca, str):
        _trust(context, ca, faults)
    elif ca is None:
        context.load_default_certs()
    if isinstance(certificate, str):
        _present(
            context,
            certificate,
            key if isinstance(key, str) else None,
            password if isinstance(password, str) else None,
            faults,
        )
    elif certificate is None and (key is not None or password is not None):
        faults.append("tls_client_key or its password is given without tls_client_certificate")
    _log_keys(context, faults)
    return context, faults


def _trust(context: ssl.SSLContext, place: str, faults: list[str]) -> None:
    # OpenSSL finds the files of a folder by hashed names only and says nothing of all others.
    try:
        files = [file for file in sorted(Path(place).iterdir()) if file.is_file()]
    except (OSError, ValueError):
        files = [Path(place)]
    found, before = False, len(faults)
    for file in files:
        content = _read("tls_ca", str(file), faults)
        if content is None or _CERTIFICATE not in content:
            continue
        try:
            context.load_verify_locations(cafile=file)
            found = True
        except ssl.SSLError as error:
            faults.append(f"tls_ca: {str(file)!r} holds a broken certificate ({error.reason})")
    if not found and len(faults) == before:
        faults.append(f"tls_ca names {place!r}, which holds no certificate in PEM form")


def _present(
    context: ssl.SSLContext,
    certificate: str,
    key: str | None,
    password: str | None,
    faults: list[str],
) -> None:
    key_name = "tls_client_certificate" if key is None else "tls_client_key"
    key_file = certificate if key is None else key
    before = len(faults)
    for name, file, mark, what in (
        ("tls_client_certificate", certificate, _CERTIFICATE, "certificate"),
        (key_name, key_file, _KEY, "private key"),
    ):
        content = _read(name, file, faults)
        if content is not None and mark not in content:
            faults.append(f"{name} names {file!r}, which holds no {what} in PEM form")
        if key is None and len(faults) > before:
            return
    if len(faults) > before:
        return

    def given() -> str:
        if password is None:
            raise _NoPasswordError
        return password

    try:
        context.load_cert_chain(certificate, key_file, given)
    except _NoPasswordError:
        faults.append(f"{key_name}: the key in {key_file!r} is encrypted; give its password")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            faults.append(
                f"{key_name}: the key in {key_file!r} is not that of the certificate in "
                f"{certificate!r}"
            )
        elif password is not None:
            faults.append(
                f"{key_name}: the key in {key_file!r} can't be read with the password given"
            )
        else:
            faults.append(
                f"tls_client_certificate: OpenSSL can't read {certificate!r} and {key_file!r} "
                f"({error.reason or 'broken PEM'})"
            )
    except ValueError:
        # A password longer than OpenSSL's 1,024 bytes.
        faults.append("tls_client_key_password is longer than OpenSSL takes")


def _log_keys(context: ssl.SSLContext, faults: list[str]) -> None:
    file = os.environ.get("SSLKEYLOGFILE")
    if not file or not is_debugging():
        return
    try:
        context.keylog_filename = file
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else "no reason given"
        faults.append(f"SSLKEYLOGFILE names {file!r}, which can't be written: {why}; unset it")


def _read(name: str, file: str, faults: list[str]) -> bytes | None:
    try:
        return Path(file).read_bytes()
    except (OSError, ValueError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "no path"
        faults.append(f"{name} names {file!r}, which can't be read: {why}")
        return None
