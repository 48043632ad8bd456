"""Loads the composed component into wasmtime and calls it.

``artifact`` finds and checks the bytes, ``cache`` keeps their compiled form, ``runtime`` has one
compiled component per process, ``ffi`` and ``instance`` call into it, ``messages`` is the ABI of
``docs/abi.md``, and ``guest`` offers the whole as typed functions. Nothing here knows of HTTP
libraries or event loops.
"""
