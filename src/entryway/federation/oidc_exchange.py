"""One login at an OpenID Connect provider: what it is asked, and who came back with its answer."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from entryway.federation import identity, oidc_tokens
from entryway.federation.oidc_tokens import ExpectedToken, TokenInvalid
from entryway.oauth.errors import echo
from entryway.saml.errors import InteractionNeeded

if TYPE_CHECKING:
    from entryway.federation.configuration import OidcConfig
    from entryway.federation.identity import Identity
    from entryway.federation.oidc_partners import Discovered, OidcPartners, Owner

# OpenID Connect Core §3.1.2.6
_INTERACTION = frozenset({"login_required", "interaction_required", "consent_required", "account_selection_required"})


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the answer must fit; it stays here, and only `state` comes back through the browser."""

    nonce: str
    verifier: str

    def facts(self) -> Mapping[str, str]:
        """Return the form in which an open question keeps them."""
        return asdict(self)


def new_secrets() -> tuple[str, Secrets]:
    """Return a state, and what is kept under it."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return state, Secrets(nonce, verifier)


def authorization_parameters(
    config: OidcConfig,
    state: str,
    kept: Secrets,
    callback: str,
    *,
    is_forced: bool,
    is_passive: bool = False,
    passed_on: Sequence[str] = (),
    login_hint: str | None = None,
) -> Mapping[str, str | None]:
    """Return what the provider's authorization endpoint is asked: a code, with PKCE and nonce."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(kept.verifier.encode()).digest()).rstrip(b"=").decode()
    return {
        **config.additional_parameters,
        "response_type": "code",
        "client_id": config.client_id,
        "redirect_uri": callback,
        "scope": " ".join(dict.fromkeys(("openid", *config.scopes))),
        "state": state,
        "nonce": kept.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "prompt": "none" if is_passive else "login" if is_forced else None,
        # Providers that pass logins on read which of theirs is meant.
        "idp": ",".join(passed_on) or None,
        "login_hint": login_hint,
    }


async def identify(
    partners: OidcPartners[Owner],
    owner: Owner,
    config: OidcConfig,
    kept: Secrets,
    answer: Mapping[str, str],
    *,
    callback: str,
    now: datetime,
) -> tuple[Identity, str]:
    """Return who the provider's answer is about, and the id_token that says so; raise TokenInvalid if it fails."""
    document = await partners.discover(config)
    _check_issuer(answer.get("iss"), document)
    if "error" in answer:
        kind = InteractionNeeded if answer["error"] in _INTERACTION else TokenInvalid
        raise kind(f"the identity provider answered {echo(answer['error'])}")
    if not answer.get("code"):
        raise TokenInvalid("the identity provider gave no code")
    told = await partners.redeem(
        owner, config, document, code=answer["code"], redirect_uri=callback, verifier=kept.verifier
    )
    id_token = told.get("id_token")
    if not isinstance(id_token, str):
        raise TokenInvalid("the identity provider gave no id_token")
    keys = await partners.keys_of(document, oidc_tokens.key_id(id_token))
    claims = oidc_tokens.verify(id_token, keys, ExpectedToken(config.issuer, config.client_id, kept.nonce), now)
    everything = await partners.with_userinfo(document, told, claims)
    return identity.of_claims(everything, config.attributes, oidc_tokens.authenticated_at(claims, now)), id_token


def _check_issuer(named: str | None, document: Discovered) -> None:
    # RFC 9207 §2.4
    if named is None and not document.authorization_response_iss_parameter_supported:
        return
    if named != document.issuer:
        raise TokenInvalid("the answer is of another issuer")
