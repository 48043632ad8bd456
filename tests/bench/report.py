"""What was measured: figures, rows with budgets, a table."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Budget:
    """What a figure should keep to.

    Attributes:
        text: as the table shows it.
        least: the smallest figure that is within it, or None.
        most: the largest, or None.
    """

    text: str
    least: float | None = None
    most: float | None = None

    def admits(self, value: float) -> bool:
        """Whether a figure is within it."""
        too_small = self.least is not None and value < self.least
        return not too_small and (self.most is None or value <= self.most)


def at_most(most: float, unit: str = "") -> Budget:
    """An upper bound."""
    return Budget(f"≤ {most:g} {unit}".strip(), most=most)


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        what: what was measured.
        value: the figure.
        unit: its unit; empty for a ratio.
        budget: what it should keep to, or None.
    """

    what: str
    value: float
    unit: str = ""
    budget: Budget | None = None

    def cells(self) -> tuple[str, str, str, str]:
        """Its cells as text."""
        shown = f"{self.value:.2f}" if abs(self.value) < 10 else f"{self.value:,.0f}"
        if self.budget is None:
            return self.what, f"{shown} {self.unit}".strip(), "", ""
        within = "yes" if self.budget.admits(self.value) else "**no**"
        return self.what, f"{shown} {self.unit}".strip(), self.budget.text, within


@dataclass
class Section:
    """What a part has measured.

    Attributes:
        title: its heading in the table.
        rows: its lines.
        figures: everything that was measured, for the file.
    """

    title: str
    rows: list[Row] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)


def median(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)


def ratio(figures: Mapping[str, Sequence[float]], one: str, other: str) -> float:
    """The median of the rounds' ratios of two candidates."""
    return median([a / b for a, b in zip(figures[one], figures[other], strict=True)])


def medians(figures: Mapping[str, Sequence[float]], unit: str = "µs") -> list[Row]:
    """A line for each candidate."""
    return [Row(name, median(values), unit) for name, values in figures.items()]


def ratios(figures: Mapping[str, Sequence[float]], *pairs: tuple[str, str]) -> list[Row]:
    """A line for each pair."""
    return [Row(f"{one} / {other}", ratio(figures, one, other)) for one, other in pairs]


def table(sections: Sequence[Section]) -> str:
    """The rows of all sections as one table in Markdown."""
    lines = ["| what | measured | budget | within |", "|---|---:|---|---|"]
    for section in sections:
        lines.append(f"| **{section.title}** | | | |")
        lines += ["| " + " | ".join(row.cells()) + " |" for row in section.rows]
    return "\n".join(lines)
