"""The header section of an answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


class Headers(Mapping[str, str]):
    """Fields by name, without regard to case (RFC 9110, section 5).

    A name that came several times maps to its values joined by ``", "``; :meth:`get_all` has them
    one by one. ``repr`` shows names only, since values may be secret.
    """

    __slots__ = ("_fields", "_index")

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self._fields = fields
        self._index: dict[str, list[str]] | None = None

    def _by_name(self) -> dict[str, list[str]]:
        if self._index is None:
            self._index = {}
            for name, value in self._fields:
                self._index.setdefault(name.lower(), []).append(value)
        return self._index

    def __getitem__(self, name: str) -> str:
        return ", ".join(self._by_name()[name.lower()])

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name())

    def __len__(self) -> int:
        return len(self._by_name())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._by_name()

    def first(self, name: str) -> str:
        """The first value of a name given in lower case, or the empty string; makes no index."""
        for given, value in self._fields:
            if given.lower() == name:
                return value
        return ""

    def get_all(self, name: str) -> list[str]:
        """The values of a name in the order received."""
        return list(self._by_name().get(name.lower(), ()))

    def raw(self) -> list[tuple[str, str]]:
        """All fields as received: names in their case, values as latin-1."""
        return list(self._fields)

    def __repr__(self) -> str:
        return f"Headers({list(self)})"
