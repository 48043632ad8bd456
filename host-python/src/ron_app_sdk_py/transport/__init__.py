"""Carries single HTTP exchanges; never retries, redirects, decompresses or keeps cookies.

``protocol`` says what a transport is, ``aiohttp_`` is the default one. Nothing here knows of the
component.
"""
