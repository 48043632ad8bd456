"""A development node: a stand-in for a RON gateway, micronode or macronode on this machine.

It answers as the real servers do (``protocol.md`` 1, 2 and 6) on the routes that it has, and is no
RON node otherwise. ``python -m ron_app_sdk_py.devnode`` runs it; in an event loop of your own, use
:func:`~.server.running`, and in an aiohttp server of your own, :func:`~.app.application`.

::

    __main__ → command → server → app → gateway   → proxy → forwarding, upstream
                                      → omnigate  → admission, policy, site, own_routes
                                      → micronode → upstream
                                      → macronode

``listening`` opens the ports for ``server`` and ``app``. ``settings``, ``answers`` and ``faithful``
are below all of them. ``docs/devnode.md`` is for users.
"""
