"""An import that would take a sixth of the time that a command may take to start."""

from __future__ import annotations

import os

_PLACES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""Where OpenSSL looks for the system's authorities, if it is told."""


def import_aiohttp() -> None:
    """Imports aiohttp without the authorities of the system, which it reads twice when it is
    imported, for TLS contexts of its own.

    They are never used: for https the transport gives aiohttp a context, which is made later and
    reads them. One that was used all the same would trust nobody.
    """
    before = {name: os.environ.get(name) for name in _PLACES}
    os.environ.update(dict.fromkeys(_PLACES, os.devnull))
    try:
        import aiohttp  # noqa: F401
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
