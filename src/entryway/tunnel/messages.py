"""What is said on a control connection: one JSON object a line, told apart by its `type`."""

from __future__ import annotations

import json
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from entryway.errors import BadRequest

MAX_LINE = 4096


class MalformedMessage(BadRequest):
    """The other end of a control connection said something that is not part of the protocol."""

    code = "control_message_malformed"


class _Message(BaseModel):
    # What a later version adds is no reason for an earlier one to break off.
    model_config = ConfigDict(frozen=True, extra="ignore")


class Welcome(_Message):
    """Gateway: you are who your certificate says, and nobody else holds your place. The first message there is."""

    type: Literal["welcome"] = "welcome"
    max_connections: int = Field(ge=1, le=65536)
    ping_seconds: float = Field(gt=0, le=3600)
    """How often the gateway pings; silence of three times as long means that it is gone."""


GoodbyeReason: TypeAlias = Literal["location_taken", "superseded", "shutting_down", "protocol_error", "revoked"]


class Goodbye(_Message):
    """Gateway: this connection ends, and why; `retry` says whether trying again can help."""

    type: Literal["goodbye"] = "goodbye"
    reason: GoodbyeReason
    retry: bool


class Open(_Message):
    """Gateway: dial `count` more connections for requests."""

    type: Literal["open"] = "open"
    count: int = Field(ge=1, le=1024)


class Ping(_Message):
    """Gateway: are you there?"""

    type: Literal["ping"] = "ping"


class Pong(_Message):
    """Connector: I am."""

    type: Literal["pong"] = "pong"


class DialFailed(_Message):
    """Connector: so many of the connections asked for could not be made."""

    type: Literal["dial_failed"] = "dial_failed"
    count: int = Field(ge=1, le=1024)


FromGateway: TypeAlias = Welcome | Goodbye | Open | Ping
FromConnector: TypeAlias = Pong | DialFailed

_from_gateway: TypeAdapter[FromGateway] = TypeAdapter(Annotated[FromGateway, Field(discriminator="type")])
_from_connector: TypeAdapter[FromConnector] = TypeAdapter(Annotated[FromConnector, Field(discriminator="type")])


def build_line(message: FromGateway | FromConnector) -> bytes:
    """Return the message as it travels."""
    return json.dumps(message.model_dump()).encode() + b"\n"


def parse_from_gateway(line: bytes) -> FromGateway:
    """Return what the gateway said."""
    try:
        return _from_gateway.validate_json(line)
    except ValidationError as error:
        raise MalformedMessage(f"not a message of a gateway: {error.error_count()} mistakes") from error


def parse_from_connector(line: bytes) -> FromConnector:
    """Return what the connector said."""
    try:
        return _from_connector.validate_json(line)
    except ValidationError as error:
        raise MalformedMessage(f"not a message of a connector: {error.error_count()} mistakes") from error
