"""What a binding asks for: the kind of its proof, and what is particular to a certificate."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from entryway.errors import BadRequest

SECRET, INSTANCE_SECRET, CERTIFICATE = "binding-secret", "instance-secret", "x509"
LONGEST = {"DAYS": 30, "MONTHS": 12, "YEARS": 1}
DAYS_IN = {"DAYS": 1, "MONTHS": 30, "YEARS": 365}


def _as_flag(value: Any) -> Any:
    return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value


Flag = Annotated[bool, BeforeValidator(_as_flag)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)


_OF_MADE = ("key_length", "validity", "validity_type")
_OF_PROVIDED = ("pinned", "unique", "hidden")


class X509Parameters(_Strict):
    """With a certificate, it is the caller's own; without one, the server makes a pair of key and certificate."""

    key_length: Literal[2048, 4096, 8192] = Field(default=2048, alias="key-length")
    validity: Annotated[int, Field(ge=1, le=366)] = 7
    validity_type: Literal["DAYS", "MONTHS", "YEARS"] = Field(default="DAYS", alias="validity-type")
    certificate: Annotated[str, StringConstraints(min_length=1, max_length=32768)] | None = None
    pinned: Flag = Field(default=True, alias="certificate-pinning")
    unique: Flag = Field(default=False, alias="ensure-uniqueness")
    hidden: Flag = Field(default=False, alias="hide-certificate")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.validity > LONGEST[self.validity_type]:
            raise ValueError("validity: at most 30 days, 12 months or 1 year")
        fields = type(self).model_fields
        unfit = _OF_MADE if self.certificate else _OF_PROVIDED
        # What would change nothing is a misunderstanding, which would show when the binding is in use already.
        if wrong := [fields[name].alias or name for name in unfit if getattr(self, name) != fields[name].default]:
            raise ValueError(f"{', '.join(wrong)}: not {'with' if self.certificate else 'without'} a certificate")
        return self

    @property
    def days(self) -> int:
        """How long a certificate that we make is valid."""
        return self.validity * DAYS_IN[self.validity_type]


class BindingParameters(_Strict):
    """What stands in `parameters` of a binding, or in `xsuaa` of it where a reuse service passes it on."""

    credential_type: Literal["binding-secret", "instance-secret", "x509"] | None = Field(
        default=None, alias="credential-type"
    )
    x509: X509Parameters = X509Parameters()
    hide_secret: Flag = Field(default=False, alias="hide-secret")

    def kind(self, allowed: list[str]) -> str:
        """Return the credential type, which the application must allow."""
        kind = self.credential_type or allowed[0]
        if kind not in allowed:
            raise BadRequest(f"the credential-type {kind} is not one of the application's: {', '.join(allowed)}")
        if self.hide_secret and kind != SECRET:
            raise BadRequest("hide-secret is for the credential-type binding-secret")
        if kind != CERTIFICATE and self.x509 != X509Parameters():
            raise BadRequest("x509 is for the credential-type x509")
        return kind


def parse(parameters: dict[str, Any]) -> tuple[BindingParameters, bool]:
    """Return the parameters, and whether they came wrapped as reuse services pass them on."""
    wrapped = parameters.get("xsuaa")
    if wrapped is not None and (not isinstance(wrapped, dict) or len(parameters) > 1):
        raise BadRequest("beside xsuaa, nothing may stand in the parameters")
    try:
        read = BindingParameters.model_validate(wrapped if wrapped is not None else parameters)
    except ValidationError as error:
        wrong = [
            f"/{'/'.join(map(str, one['loc']))}: {one['msg']}"
            for one in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise BadRequest("; ".join(wrong)) from error
    return read, wrapped is not None
