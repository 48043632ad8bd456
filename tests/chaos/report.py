"""What came out, as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ron_app_sdk_py import RonError

from .faults import FAULTS, End
from .observing import Observation


@dataclass(frozen=True)
class Result:
    """A case that ran.

    Attributes:
        seed: the seed of its round.
        seen: what it came to.
        violations: what does not hold of it.
    """

    seed: int
    seen: Observation
    violations: list[str]

    @property
    def end(self) -> str:
        """What it came to."""
        error = self.seen.error
        if error is None or isinstance(error, RonError):
            return next((end.value for end in End if end.admits(error)), "other")
        return "other"

    @property
    def repetition(self) -> str:
        """The command that repeats it."""
        return f"make chaos SEED={self.seed} CASE={self.seen.case.number}"


_ENDS = [*(end.value for end in End), "other"]


def table(results: Sequence[Result]) -> str:
    """A line for each fault, with how many calls came to what, and one for all."""
    lines = [
        f"| fault | cases | {' | '.join(_ENDS)} | requests | slowest, s | violations |",
        "|---|" + "---:|" * (len(_ENDS) + 4),
    ]
    for fault in FAULTS:
        of_fault = [result for result in results if result.seen.case.fault.name == fault.name]
        if of_fault:
            lines.append(_line(fault.name, of_fault))
    return "\n".join([*lines, _line("**all**", results)])


def _line(name: str, results: Sequence[Result]) -> str:
    ends = Counter(result.end for result in results)
    cells = [
        name,
        len(results),
        *(ends[end] for end in _ENDS),
        sum(len(result.seen.arrivals) for result in results),
        f"{max((result.seen.seconds for result in results), default=0.0):.1f}",
        sum(len(result.violations) for result in results),
    ]
    return "| " + " | ".join(map(str, cells)) + " |"


def failures(results: Sequence[Result]) -> str:
    """Each case of which something does not hold, and how to repeat it."""
    return "\n".join(
        f"\n{result.seen.case}\n"
        + "".join(f"  - {violation}\n" for violation in result.violations)
        + f"  repeat: {result.repetition}"
        for result in results
        if result.violations
    )
