"""Combinations that cover every pair of values."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from typing import Any

_CANDIDATES = 20

Row = dict[str, Any]
_Pair = frozenset[tuple[str, int]]


def pairwise(dimensions: Mapping[str, Sequence[Any]], generator: random.Random) -> list[Row]:
    """Rows with one value of each dimension, such that every two values of different dimensions are
    together in a row.

    Greedy: each row begins with a pair that is missing, and is the best of a few at adding others.

    Args:
        dimensions: names and values.
        generator: decides between rows that are as good.
    """
    missing = {
        frozenset([(one, i), (other, j)])
        for one, other in itertools.combinations(dimensions, 2)
        for i in range(len(dimensions[one]))
        for j in range(len(dimensions[other]))
    }
    rows = []
    while missing:
        begun = sorted(map(sorted, missing))
        candidates = [
            _completed(dict(generator.choice(begun)), dimensions, missing, generator)
            for _ in range(_CANDIDATES)
        ]
        best = max(candidates, key=lambda row: len(missing & _pairs(row)))
        missing -= _pairs(best)
        rows.append({name: dimensions[name][best[name]] for name in dimensions})
    return rows


def _completed(
    row: dict[str, int],
    dimensions: Mapping[str, Sequence[Any]],
    missing: set[_Pair],
    generator: random.Random,
) -> dict[str, int]:
    """A row with what adds most in each dimension that it lacks."""
    lacking = [name for name in dimensions if name not in row]
    generator.shuffle(lacking)
    for name in lacking:
        gains = [
            sum(frozenset([(name, index), other]) in missing for other in row.items())
            for index in range(len(dimensions[name]))
        ]
        best = [index for index, gain in enumerate(gains) if gain == max(gains)]
        row[name] = generator.choice(best)
    return row


def _pairs(row: dict[str, int]) -> set[_Pair]:
    return {frozenset(pair) for pair in itertools.combinations(row.items(), 2)}
