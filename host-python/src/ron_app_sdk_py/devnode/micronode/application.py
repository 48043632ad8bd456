"""The micronode: its planes put together."""

from __future__ import annotations

from aiohttp import web

from ..faithful import application as faithful_application
from ..faithful import axum_errors
from ..settings import Settings
from . import status
from .facets import Facets
from .kv import KeyValueStore
from .loader import load

_MAX_BODY_BYTES = 8 * 1024 * 1024
"""What a proxy facet buffers: the largest body that any route reads."""


def application(settings: Settings) -> web.Application:
    """The micronode. It has no app plane."""
    app = faithful_application(client_max_size=_MAX_BODY_BYTES)
    app.middlewares.append(axum_errors)
    status.add_to(app.router, ready=settings.ready)
    KeyValueStore(settings.security).add_to(app.router)
    manifests = () if settings.facets_dir is None else load(settings.facets_dir)
    Facets(manifests, settings.security).add_to(app)
    return app
