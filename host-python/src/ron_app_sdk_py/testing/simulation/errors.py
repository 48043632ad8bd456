"""What a simulation itself raises."""

from __future__ import annotations


class SimulationError(Exception):
    """A simulation can't go on, or its script says nothing of a request. It is no
    :class:`~ron_app_sdk_py.RonError`, so a program's handling of those does not hide it."""


class SimulationDeadlockError(SimulationError):
    """Nothing is scheduled and nothing can come: the program would wait for ever."""
