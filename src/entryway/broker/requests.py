"""What platforms send, checked at the edge."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from entryway.broker.errors import BrokerRequestInvalid, VersionUnsupported
from entryway.errors import Unauthorized

PLATFORM_CLIENT = "entryway-platform"

# Ids become part of client ids and secrets.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_VERSION = re.compile(r"2\.[0-9]{1,3}")

Id = Annotated[str, Field(min_length=1, max_length=200)]


def _json(value: dict[str, Any]) -> dict[str, Any]:
    # The parser takes NaN and Infinity, which could not be answered again.
    json.dumps(value, allow_nan=False)
    return value


Parameters = Annotated[dict[str, Any], AfterValidator(_json)]


class InstanceContext(BaseModel):
    model_config = ConfigDict(extra="ignore")

    instance_name: str = Field(default="", max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")


class InstanceRequest(BaseModel):
    """The body that creates or changes an instance; what the platform says of itself is not needed."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    service_id: Id
    plan_id: Id | None = None
    context: InstanceContext = InstanceContext()
    parameters: Parameters | None = None


class BindingRequest(BaseModel):
    """The body that creates a binding."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    service_id: Id
    plan_id: Id
    parameters: Parameters | None = None


def check_platform(authorization: str | None, secret: str) -> None:
    """Return if the request comes from the platform, else raise; how long it takes tells nothing."""
    scheme, _, encoded = (authorization or "").partition(" ")
    try:
        if scheme.lower() != "basic":
            raise Unauthorized("no Basic authentication")
        user, _, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError) as error:
        raise Unauthorized("the Basic authentication cannot be read") from error
    right_user = hmac.compare_digest(user, PLATFORM_CLIENT.encode())
    right_password = hmac.compare_digest(password, secret.encode())
    if not (right_user and right_password):
        raise Unauthorized("wrong user or password")


def check_version(headers: Mapping[str, str]) -> None:
    """Return if the platform speaks a version of the interface that we do."""
    version = headers.get("x-broker-api-version")
    if version is None:
        raise BrokerRequestInvalid("the header X-Broker-API-Version is missing")
    if not _VERSION.fullmatch(version):
        raise VersionUnsupported(version[:50])


def check_id(value: str) -> str:
    """Return an id that may be one."""
    if not _ID.fullmatch(value):
        raise BrokerRequestInvalid("an id has 1 to 64 letters, digits, hyphens and underscores")
    return value
