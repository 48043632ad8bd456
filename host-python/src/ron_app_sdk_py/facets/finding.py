"""What there is to say of a manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """An error or a warning. As a text: ``error: route[1].method: …``.

    Attributes:
        severity: ``error``: the node would not load the facet, or it would be dangerous.
            ``warning``: the node ignores something, or does otherwise than one may think.
        field: where, such as ``route[1].method``; empty for the whole text.
        message: what, and the mend: a sentence that begins with the field.
        line: the line of the TOML text, from 1; None if the manifest was made in Python, or the
            text is too large to look for it.
        source: the file, or what else the text is called; empty without a text.
    """

    severity: Literal["error", "warning"]
    field: str
    message: str
    line: int | None = None
    source: str = ""

    @property
    def where(self) -> str:
        """The source and the line, such as ``docs.toml:7``."""
        return self.source if self.line is None else f"{self.source}:{self.line}"

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.severity, self.field, self.message)))
