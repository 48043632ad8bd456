"""A development node: a stand-in for a RON gateway on this machine.

It answers as the real servers do (``protocol.md`` 1 and 2) on the routes that it has, and is no
RON node otherwise. ``python -m ron_app_sdk_py.devnode`` runs it.
"""
