"""Carries calls between the component and the transports.

``calls`` performs them; ``inflight`` is one of them, ``sessions`` has the instance that they run
on, and ``loops`` what belongs to each event loop. ``limits`` and ``guard`` are what this side
enforces by itself; ``logs`` and ``metrics`` tell of it.
"""
