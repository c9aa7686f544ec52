"""The shape of `xs-security.json`, as it is written."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

XSAPPNAME_RULE = "Invalid xsappname: May only include characters 'a'-'z', 'A'-'Z', '0'-'9', '_', '-', '\\', and '/'."
# RFC 8259 lets one name appear as a key with blanks around it; a published sample does so.
Text = Annotated[str, StringConstraints(max_length=1000)]
Reference = Annotated[str, StringConstraints(min_length=1, max_length=400)]


ApplicationName = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_/\\-]+$")]


class Wire(BaseModel):
    """Strict about types, forgiving about keys that it does not know: those become warnings elsewhere."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", populate_by_name=False)


def _as_object(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _as_flag(value: Any) -> Any:
    return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value


Flag = Annotated[bool, BeforeValidator(_as_flag)]


class ScopeWire(Wire):
    name: Reference
    description: Text = ""
    granted_apps: tuple[Reference, ...] = Field(default=(), alias="granted-apps")
    authority_apps: tuple[Reference, ...] = Field(default=(), alias="grant-as-authority-to-apps")


class AttributeWire(Wire):
    name: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_]+$")]
    description: Text = ""
    value_type: Literal["string", "s", "int", "date"] = Field(default="string", alias="valueType")
    value_required: Flag = Field(default=True, alias="valueRequired")


class AttributeReferenceWire(Wire):
    name: Reference
    # Not strict: a validator has run before, so this comes as a list of Python and no longer as JSON.
    default_values: tuple[Text, ...] = Field(default=(), alias="default-values", strict=False)


class RoleTemplateWire(Wire):
    name: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
    description: Text = ""
    default_role_name: Annotated[str, StringConstraints(max_length=255)] | None = Field(
        default=None, alias="default-role-name"
    )
    scope_references: tuple[Reference, ...] = Field(default=(), alias="scope-references")
    attribute_references: tuple[Annotated[AttributeReferenceWire, BeforeValidator(_as_object)], ...] = Field(
        default=(), alias="attribute-references"
    )


class RoleCollectionWire(Wire):
    name: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    description: Text = ""
    role_template_references: tuple[Reference, ...] = Field(alias="role-template-references")


class JwksWire(Wire):
    keys: tuple[dict[str, Any], ...] = Field(default=(), max_length=10)


class OAuth2ConfigurationWire(Wire):
    token_validity: int = Field(default=43200, ge=60, le=86400, alias="token-validity")
    refresh_token_validity: int = Field(default=604800, ge=60, le=31536000, alias="refresh-token-validity")
    redirect_uris: tuple[Reference, ...] = Field(default=(), max_length=500, alias="redirect-uris")
    credential_types: tuple[Literal["binding-secret", "x509", "instance-secret"], ...] = Field(
        default=("binding-secret",), alias="credential-types"
    )
    system_attributes: tuple[Literal["groups", "rolecollections", "ias-token", "ias-corporate-idp-token"], ...] = Field(
        default=("groups", "rolecollections"), alias="system-attributes"
    )
    allowed_providers: tuple[Reference, ...] | None = Field(default=None, alias="allowedproviders")
    autoapprove: Flag = True
    grant_types: tuple[Reference, ...] | None = Field(default=None, alias="grant-types")
    # Whether codes may be redeemed without a secret, with PKCE alone: for applications that cannot keep one.
    public: Flag = Field(default=False, alias="allowpublic")
    # The keys that the application signs with to prove who it is (private_key_jwt), or where it publishes them.
    jwks: JwksWire | None = None
    jwks_uri: Annotated[str, StringConstraints(max_length=1000, pattern=r"^https://[^\s#@]+$")] | None = None


class XsSecurityWire(Wire):
    xsappname: ApplicationName | None = None
    tenant_mode: Literal["dedicated", "shared", "external"] = Field(default="dedicated", alias="tenant-mode")
    description: Text = ""
    scopes: tuple[ScopeWire, ...] = Field(default=(), max_length=500)
    attributes: tuple[AttributeWire, ...] = Field(default=(), max_length=50)
    role_templates: tuple[RoleTemplateWire, ...] = Field(default=(), max_length=500, alias="role-templates")
    role_collections: tuple[RoleCollectionWire, ...] = Field(default=(), max_length=250, alias="role-collections")
    authorities: tuple[Reference, ...] = Field(default=(), max_length=1000)
    foreign_scope_references: tuple[Reference, ...] = Field(
        default=(), max_length=1000, alias="foreign-scope-references"
    )
    authorities_inheritance: Flag = Field(default=True, alias="authorities-inheritance")
    oauth2: OAuth2ConfigurationWire = Field(default_factory=OAuth2ConfigurationWire, alias="oauth2-configuration")
    asynchronous: Flag = Field(default=True, alias="xsenableasyncservice")


def known_keys(model: type[Wire]) -> frozenset[str]:
    """Return the keys that a part of the descriptor may have."""
    return frozenset(field.alias or name for name, field in model.model_fields.items())
