"""A TCP proxy that does to connections what networks do, under Toxiproxy's REST API (version 2).

``python -m ron_app_sdk_py.testing.faultproxy`` runs it; in an event loop of your own, use
:func:`~.server.running`. :class:`~.client.Toxiproxy` drives it, and the real server as well.

::

    __main__ → command → server → api → bodies
                                      → proxies → proxy → connection → link → effects
    client

``models`` and ``errors`` are below all of them, ``addresses`` below ``bodies`` and ``proxy``.
``docs/testing.md`` is for users.
"""
