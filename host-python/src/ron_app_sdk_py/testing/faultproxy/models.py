"""The objects of the REST API: proxies, toxics, and what each type of toxic is told.

Names, units and defaults are Toxiproxy's. Members that are not known are ignored, because newer
servers may send more.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationInfo,
    field_validator,
)

Stream = Literal["upstream", "downstream"]
"""``upstream`` is from the client to the server, ``downstream`` from the server to the client."""

Natural = Annotated[int, Field(ge=0, lt=2**63)]
"""Toxiproxy's int64, where below 0 makes no sense."""


class Attributes(BaseModel):
    """What a toxic is told; each type has a class of its own."""

    model_config = ConfigDict(frozen=True, strict=True)


class Latency(Attributes):
    """Data arrives later, in order.

    Attributes:
        latency: delay in milliseconds.
        jitter: how much more or less it may be, in milliseconds.
    """

    latency: Natural = 0
    jitter: Natural = 0


class Bandwidth(Attributes):
    """Data arrives no faster than at a rate.

    Attributes:
        rate: thousands of bytes a second; with 0 nothing arrives.
    """

    rate: Natural = 0


class SlowClose(Attributes):
    """The end of the stream arrives later.

    Attributes:
        delay: milliseconds.
    """

    delay: Natural = 0


class Timeout(Attributes):
    """Nothing arrives; then the connection is closed.

    Attributes:
        timeout: after how many milliseconds; with 0, when the toxic is removed.
    """

    timeout: Natural = 0


class ResetPeer(Attributes):
    """Both sides get a TCP RST.

    Attributes:
        timeout: milliseconds after the first data, or the end, of the stream.
    """

    timeout: Natural = 0


class Slicer(Attributes):
    """Data arrives in small pieces.

    Attributes:
        average_size: bytes of a piece.
        size_variation: how many bytes more or less it may have; less than ``average_size``.
        delay: microseconds after each piece.
    """

    average_size: Annotated[int, Field(ge=1, lt=2**63)]
    size_variation: Natural = 0
    delay: Natural = 0

    @field_validator("size_variation")
    @classmethod
    def _less_than_average(cls, value: int, info: ValidationInfo) -> int:
        average = info.data.get("average_size")
        if average is not None and value >= average:
            raise ValueError(f"give less than average_size, {average}")
        return value


class LimitData(Attributes):
    """After so many bytes the connection is closed.

    Attributes:
        bytes: how many get through.
    """

    bytes: Natural = 0


TYPES: dict[str, type[Attributes]] = {
    "bandwidth": Bandwidth,
    "latency": Latency,
    "limit_data": LimitData,
    "reset_peer": ResetPeer,
    "slicer": Slicer,
    "slow_close": SlowClose,
    "timeout": Timeout,
}
"""The types of toxics."""


class Toxic(BaseModel):
    """What happens to one stream of a proxy's connections.

    Attributes:
        name: unique in its proxy.
        type: one of :data:`TYPES`.
        stream: which stream.
        toxicity: the share of connections that it happens to, from 0 to 1.
        attributes: what it is told; those of a type that is not known are left out.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    type: str
    stream: Stream
    toxicity: float = Field(default=1.0, ge=0, le=1)
    attributes: SerializeAsAny[Attributes]

    @field_validator("attributes", mode="before")
    @classmethod
    def _by_type(cls, value: Any, info: ValidationInfo) -> Any:
        return TYPES.get(info.data.get("type", ""), Attributes).model_validate(value)


class ProxyState(BaseModel):
    """A proxy.

    Attributes:
        name: unique at its server.
        listen: where it listens, as ``host:port``.
        upstream: where it connects to, likewise.
        enabled: whether it listens now.
        toxics: what happens to its connections, those of each stream in order.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    listen: str
    upstream: str
    enabled: bool
    toxics: list[Toxic]
