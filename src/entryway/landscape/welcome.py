"""What a person at the terminal is told when everything is ready."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from entryway.landscape.application import Application, url_of
from entryway.landscape.plan import Plan
from entryway.landscape.state import StateFolder


def ready_text(plan: Plan, state: StateFolder, seconds: float) -> str:
    """Return the URLs, the users, and how to make a browser trust the login page."""
    return "\n".join(_lines(plan, state, seconds))


def _lines(plan: Plan, state: StateFolder, seconds: float) -> Iterator[str]:
    application = plan.application
    yield f"ready after {seconds:.1f} seconds"
    yield ""
    for name, url in _addresses(application):
        yield f"  open    {url}   ({name})"
    for line in _users(application):
        yield f"  {line}"
    yield from _identity_provider(plan)
    yield f"  login   {plan.ports.public_url}, with a certificate of this landscape's own authority: browsers warn,"
    yield "          until they trust it. It can speak for this machine only."
    for line in _trust(state.ca_certificate):
        yield f"  trust   {line}"
    yield "  stop    Ctrl-C"
    yield ""


def _identity_provider(plan: Plan) -> Iterator[str]:
    if not plan.needs_identity_provider:
        return
    yield f"  people  {plan.ports.identity_provider_url}/profile   (identity provider)"
    document = plan.application.landscape.identity_provider
    for user in document.users if document else []:
        yield f"  person  {user.name}  password {user.password}  {', '.join(user.groups) or 'no group'}"


def _addresses(application: Application) -> Iterator[tuple[str, str]]:
    modules = application.descriptor.modules
    shown = [module for module in modules if module.is_router] or list(modules)
    for module in shown:
        yield module.name, url_of(application.module_ports[module.name])


def _users(application: Application) -> Iterator[str]:
    users = application.landscape.users
    names = max((len(user.name) for user in users), default=0)
    passwords = max((len(user.password) for user in users), default=0)
    for user in users:
        roles = ", ".join(user.role_collections) or "no role collection"
        yield f"user    {user.name:<{names}}  password {user.password:<{passwords}}  {roles}"


def _trust(certificate: Path) -> Iterator[str]:
    yield f"Chromium on Linux: certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n entryway -i {certificate}"
    yield f"macOS: security add-trusted-cert -r trustRoot -k ~/Library/Keychains/login.keychain-db {certificate}"
    yield f"Firefox: Settings, Certificates, Authorities, Import {certificate}"
