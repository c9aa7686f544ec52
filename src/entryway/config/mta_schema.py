"""The shape of `mta.yaml`: schema versions 2 and 3, as far as a machine of its own needs it.

Every key that the format has is known here, also those that only other tools use, so that a misspelled one is noticed.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from entryway.config.schema import Document


def kebab(name: str) -> str:
    """Return the key of a field as these files write it."""
    return name.removeprefix("x_").replace("_", "-")


class KebabDocument(Document):
    """A part of a document whose keys have dashes."""

    model_config = ConfigDict(alias_generator=kebab)


def _text_of_number(value: Any) -> Any:
    # `_schema-version: 3.1` without quotes is a number to YAML and a version to everybody else.
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _nothing_is_empty(value: Any) -> Any:
    # `properties:` with nothing below it is null to YAML.
    return {} if value is None else value


def _no_entries(value: Any) -> Any:
    return [] if value is None else value


Text = Annotated[str, BeforeValidator(_text_of_number)]
Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_.\-]+$")]
Values = Annotated[dict[str, Any], BeforeValidator(_nothing_is_empty), Field(default_factory=dict)]


class RequiresDocument(KebabDocument):
    name: Name
    group: str | None = None
    list: str | None = None
    properties: Values
    properties_metadata: Any = None
    parameters: Values
    parameters_metadata: Any = None
    includes: Any = None
    optional: Any = None


class ProvidesDocument(KebabDocument):
    name: Name
    public: bool = False
    properties: Values
    properties_metadata: Any = None
    parameters: Values
    parameters_metadata: Any = None


class ModuleDocument(KebabDocument):
    name: Name
    type: str
    path: str | None = None
    description: Text | None = None
    properties: Values
    properties_metadata: Any = None
    parameters: Values
    parameters_metadata: Any = None
    build_parameters: Any = None
    requires: Annotated[list[RequiresDocument], BeforeValidator(_no_entries), Field(default_factory=list)]
    provides: Annotated[list[ProvidesDocument], BeforeValidator(_no_entries), Field(default_factory=list)]
    includes: Any = None
    hooks: Any = None
    deployed_after: Any = None


class ResourceDocument(KebabDocument):
    name: Name
    type: str | None = None
    description: Text | None = None
    active: bool = True
    optional: bool = False
    properties: Values
    properties_metadata: Any = None
    parameters: Values
    parameters_metadata: Any = None
    requires: Annotated[list[RequiresDocument], BeforeValidator(_no_entries), Field(default_factory=list)]
    includes: Any = None
    processed_after: Any = None


class MtaDocument(KebabDocument):
    x_schema_version: Annotated[Text, Field(alias="_schema-version")] = "3.1"
    id: Annotated[str, Field(alias="ID", min_length=1, pattern=r"^[A-Za-z0-9_.\-]+$")]
    version: Text
    description: Text | None = None
    provider: Text | None = None
    copyright: Text | None = None
    modules: Annotated[list[ModuleDocument], BeforeValidator(_no_entries), Field(default_factory=list)]
    module_types: Any = None
    resources: Annotated[list[ResourceDocument], BeforeValidator(_no_entries), Field(default_factory=list)]
    resource_types: Any = None
    parameters: Values
    parameters_metadata: Any = None
    build_parameters: Any = None


class HealthParameters(KebabDocument):
    """The parameters of a module that say how to know that it is ready."""

    health_check_type: Literal["port", "http", "process"] = "port"
    health_check_http_endpoint: str = "/"
    health_check_timeout: Annotated[int, Field(ge=1, le=600)] = 60
