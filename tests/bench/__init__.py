"""Measures the client against httpx, httpx2, aiohttp and pyreqwest, all in one run.

What is compared: one client kept for all calls, with connections that are kept; the same header
fields, as many and as long, whether the library or the bench sets them; the same limit of
connections; the body read whole and decoded as JSON. Rivals do no more than that: ours also makes
request ids, checks paths and answers, and bounds each call as a whole. The server is nginx, in a
process of its own, on loopback.

How: each round measures every candidate in turn, so that a change of the machine's speed hits all
alike. Rounds are short and many. A figure is the median of the rounds; a ratio is the median of the
rounds' ratios. Before it is measured each candidate's answer is checked, and in each round it is
warmed up and the garbage of others is collected. Nothing fails for being slow: the report says what
is within its budget and what is not.

``python -m bench`` (with ``tests`` on the path) prints a table and writes ``build/bench.json``.
Environment: ``ONLY``, ``ROUNDS``, ``CALLS``, ``SECONDS``: see :mod:`bench.settings`.
"""
