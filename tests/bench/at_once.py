"""Many calls at once."""

from __future__ import annotations

import functools

from .candidates import CLIENTS
from .report import Row, Section, median, ratios
from .rounds import Burst, Stage, microseconds
from .servers import HELLO, HELLO_PATH


def few(stage: Stage) -> Section:
    """32 at once."""
    return _measure(stage, 32, calls=128, rounds=stage.settings.fewer(4).rounds)


def many(stage: Stage) -> Section:
    """256 at once: above the default of 100 places, which is raised."""
    # The pool of httpx takes time with the square of that: a few seconds a burst.
    return _measure(stage, 256, calls=512, rounds=stage.settings.fewer(10).rounds)


def _measure(stage: Stage, tasks: int, *, calls: int, rounds: int) -> Section:
    """Small GETs by that many tasks. The places of ours and the pools of the rivals are as many."""
    section = Section(f"{calls} small GETs by {tasks} tasks with {tasks} connections")
    bursts: dict[str, Burst] = {}
    with stage.clients([*CLIENTS], connections=tasks) as clients:
        for name, client in clients.items():
            work = functools.partial(client.get, HELLO_PATH)
            stage.check(name, work, HELLO)
            bursts[name] = stage.at_once(work, tasks)
        # The first burst opens the connections.
        figures = microseconds(bursts, rounds=rounds, calls=calls, warm_up=tasks)
    section.figures = {"calls": calls, "microseconds": figures}
    for name, values in figures.items():
        section.rows += [
            Row(f"{name}: wall time", median(values) * calls / 1000, "ms"),
            Row(f"{name}: rate", 1e6 / median(values), "a second"),
        ]
    section.rows += ratios(figures, ("httpx", "ours"), ("httpx2", "ours"), ("ours", "aiohttp"))
    return section
