"""What the parts of an `xs-security.json` promise one another: names that exist, names that are unique, references.

The rules read the document as it was written and pass over whatever has the wrong type, which the shape has reported
already; so one run finds the mistakes of both.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from entryway.config import redirect_patterns
from entryway.config.mistakes import Mistake
from entryway.config.xs_security_references import (
    ACCEPT_GRANTED_AUTHORITIES,
    ACCEPT_GRANTED_SCOPES,
    PLATFORM_SCOPES,
    SUFFIX_LETTERS,
    Reference,
    parse,
)
from entryway.config.xs_security_wire import (
    AttributeReferenceWire,
    AttributeWire,
    OAuth2ConfigurationWire,
    RoleCollectionWire,
    RoleTemplateWire,
    ScopeWire,
    Wire,
    XsSecurityWire,
    known_keys,
)

# What the authorization server grants; the names are those of the token endpoint.
GRANT_TYPES = frozenset(
    {
        "authorization_code",
        "client_credentials",
        "refresh_token",
        "password",
        "user_token",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:saml2-bearer",
    }
)
LONGEST_SCOPE = 193
MOST_GRANTED_SCOPES = 250
_LOCAL_NAME = re.compile(r"[A-Za-z0-9_\-/\\:][A-Za-z0-9_\-/\\:.]*")
# `!t1`, and room for a tenant with a larger number.
_SUFFIX_LENGTH = 8
_MOST_NAMES_IN_A_SUGGESTION = 8
# To find what is alike takes long: a descriptor full of mistakes gets help with the first ones.
MOST_SUGGESTIONS = 20
_LONGEST_TO_COMPARE = 200

Place = tuple[str, Any]


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules for one file."""

    file: str
    _suggestions: Iterator[int] = field(default_factory=lambda: iter(range(MOST_SUGGESTIONS)))

    def check(self, document: Mapping[str, Any]) -> Iterator[Mistake]:
        """Yield every mistake that the shape alone cannot show."""
        yield from self._unknown_keys(document)
        if document.get("xsappname", "") is None:
            yield self._error("/xsappname", "Invalid xsappname: Must not be <null>.")
        for kind in ("scopes", "attributes", "role-templates", "role-collections"):
            yield from self._duplicates(document, kind)
        yield from self._scope_names(document)
        yield from self._granted_apps(document)
        yield from self._scope_references(document)
        yield from self._attribute_references(document)
        yield from self._template_references(document)
        yield from self._accepted(document, "authorities", ACCEPT_GRANTED_AUTHORITIES)
        yield from self._accepted(document, "foreign-scope-references", ACCEPT_GRANTED_SCOPES)
        yield from self._redirect_uris(document)
        yield from self._credential_types(document)
        yield from self._without_effect(document)

    def _error(self, path: str, rule: str, suggestion: str = "") -> Mistake:
        return Mistake(self.file, path, rule, suggestion)

    def _warning(self, path: str, rule: str, suggestion: str = "") -> Mistake:
        return Mistake(self.file, path, rule, suggestion, severity="warning")

    def _nearest(self, name: str, known: Iterable[str]) -> str:
        if len(name) > _LONGEST_TO_COMPARE or next(self._suggestions, None) is None:
            return ""
        return _nearest(name, known)

    def _unknown_keys(self, document: Mapping[str, Any]) -> Iterator[Mistake]:
        parts: list[tuple[type[Wire], Iterable[Place]]] = [
            (XsSecurityWire, [("", document)]),
            (ScopeWire, _items(document, "scopes")),
            (AttributeWire, _items(document, "attributes")),
            (RoleTemplateWire, _items(document, "role-templates")),
            (RoleCollectionWire, _items(document, "role-collections")),
            (OAuth2ConfigurationWire, [("/oauth2-configuration", document.get("oauth2-configuration"))]),
            (
                AttributeReferenceWire,
                (
                    reference
                    for path, template in _items(document, "role-templates")
                    for reference in _items(template, "attribute-references", path)
                ),
            ),
        ]
        for model, places in parts:
            known = known_keys(model)
            for path, value in places:
                if isinstance(value, Mapping):
                    for key in value.keys() - known:
                        yield self._warning(
                            f"{path}/{_escaped(key)}", "unknown key, ignored", self._nearest(key, known)
                        )

    def _duplicates(self, document: Mapping[str, Any], kind: str) -> Iterator[Mistake]:
        first: dict[str, str] = {}
        for path, name in _strings(_items(document, kind), "name"):
            if name in first:
                yield self._error(path, f"the name {name!r} is used twice", f"it is also at {first[name]}")
            else:
                first[name] = path

    def _scope_names(self, document: Mapping[str, Any]) -> Iterator[Mistake]:
        application = document.get("xsappname")
        length = (len(application) if isinstance(application, str) else 0) + _SUFFIX_LENGTH
        for path, name in _strings(_items(document, "scopes"), "name"):
            reference = parse(name)
            if reference is None or not reference.own or not reference.local:
                if name not in PLATFORM_SCOPES:
                    yield self._error(path, f"the scope {name!r} must begin with $XSAPPNAME.", f"$XSAPPNAME.{name}")
            elif not _LOCAL_NAME.fullmatch(reference.local):
                yield self._error(
                    path,
                    f"the scope {name!r} may only include a-z A-Z 0-9 - _ / \\ : . after $XSAPPNAME. "
                    "and must not begin with a dot there",
                )
            elif length + 1 + len(reference.local) > LONGEST_SCOPE:
                yield self._error(path, f"the scope's full name is longer than {LONGEST_SCOPE} characters")

    def _granted_apps(self, document: Mapping[str, Any]) -> Iterator[Mistake]:
        granted = 0
        for path, scope in _items(document, "scopes"):
            grants = [
                place for key in ("granted-apps", "grant-as-authority-to-apps") for place in _items(scope, key, path)
            ]
            granted += bool(grants)
            for place, text in grants:
                reference = parse(text) if isinstance(text, str) else None
                if isinstance(text, str) and (reference is None or reference.local):
                    yield self._error(
                        place, f"{text!r} does not name an application", "for example $XSAPPNAME(application,other)"
                    )
                elif reference is not None:
                    yield from self._plan(place, reference)
        if granted > MOST_GRANTED_SCOPES:
            yield self._error("/scopes", f"more than {MOST_GRANTED_SCOPES} scopes are granted to applications")

    def _scope_references(self, document: Mapping[str, Any]) -> Iterator[Mistake]:
        declared = {name for _, name in _strings(_items(document, "scopes"), "name")}
        known = declared | PLATFORM_SCOPES
        for template_path, template in _items(document, "role-templates"):
            for path, text in _items(template, "scope-references", template_path):
                if isinstance(text, str) and text not in known:
                    yield from self._reference(path, text, "scope", declared)

    def _attribute_references(self, document: Mapping[str, Any]) -> Iterator[Mistake]:
        declared = {name for _, name in _strings(_items(document, "attributes"), "name")}
        for template_path, template in _items(document, "role-templates"):
            seen = set()
            for path, reference in _items(template, "attribute-references", template_path):
                name = reference.get("name") if isinstance(reference, Mapping) else reference
                if not isinstance(name, str):
                    continue
                if name not in declared:
                    yield self._error(path, f"the attribute {name!r} is not declared", self._nearest(name, declared))
                if name in seen:
                    yield self._error(path, f"the attribute {name!r} is referred to twice", "keep one of them")
                seen.add(name)

    def _template_references(self, document: Mapping[str, Any]) -> Iterator[Mistake]:
        templates = {
            f"$XSAPPNAME.{template['name']}": template
            for _, template in _items(document, "role-templates")
            if isinstance(template, Mapping) and isinstance(template.get("name"), str)
        }
        for collection_path, collection in _items(document, "role-collections"):
            for path, text in _items(collection, "role-template-references", collection_path):
                if not isinstance(text, str):
                    continue
                if text not in templates:
                    yield from self._reference(path, text, "role template", templates)
                    reference = parse(text)
                    if reference is not None and reference.elsewhere:
                        yield self._error(
                            path,
                            f"{text!r} is not of this subaccount",
                            "for example $XSAPPNAME(application,other).Template",
                        )
                elif needed := _values_needed(templates[text], document):
                    yield self._error(
                        path,
                        f"the role template {text!r} has no default role: its attribute {needed!r} needs a value",
                        "give it default-values in attribute-references, or valueRequired false",
                    )

    def _accepted(self, document: Mapping[str, Any], key: str, everything: str) -> Iterator[Mistake]:
        declared = {name for _, name in _strings(_items(document, "scopes"), "name")}
        for path, text in _items(document, key):
            if isinstance(text, str) and text != everything and text not in PLATFORM_SCOPES | declared:
                yield from self._reference(path, text, "scope", {*declared, everything})

    def _redirect_uris(self, document: Mapping[str, Any]) -> Iterator[Mistake]:
        for path, text in _items(document.get("oauth2-configuration"), "redirect-uris", "/oauth2-configuration"):
            if not isinstance(text, str):
                continue
            pattern = redirect_patterns.parse(text)
            if pattern is None:
                yield self._error(
                    path,
                    f"Client registration contains invalid redirect_uri: [{text}]",
                    "scheme://host[:port][/path], for example https://*.example.com/login/callback",
                )
            elif redirect_patterns.matches_any_host(pattern):
                yield self._error(path, f"{text!r} would send users to any host", "name the host's domain")

    def _credential_types(self, document: Mapping[str, Any]) -> Iterator[Mistake]:
        oauth2 = document.get("oauth2-configuration")
        if isinstance(oauth2, Mapping) and oauth2.get("credential-types") == []:
            path = "/oauth2-configuration/credential-types"
            yield self._error(path, "names no type, so that nothing could be bound", "for example binding-secret")

    def _without_effect(self, document: Mapping[str, Any]) -> Iterator[Mistake]:
        oauth2 = document.get("oauth2-configuration")
        place = "/oauth2-configuration"
        if isinstance(oauth2, Mapping) and str(oauth2.get("autoapprove", True)).lower() == "false":
            yield self._warning(f"{place}/autoapprove", "without effect: users are not asked for approval")
        for path, name in _items(oauth2, "system-attributes", place):
            if isinstance(name, str) and name in {"ias-token", "ias-corporate-idp-token"}:
                yield self._warning(path, "without effect: tokens of identity providers are not passed on")
        for path, name in _items(oauth2, "grant-types", place):
            if isinstance(name, str) and name not in GRANT_TYPES:
                yield self._warning(path, f"the grant type {name!r} is not known", self._nearest(name, GRANT_TYPES))

    def _reference(self, path: str, text: str, kind: str, known: Iterable[str]) -> Iterator[Mistake]:
        """Yield what is wrong with a reference that none of `known` is."""
        reference = parse(text)
        if reference is None or not reference.local:
            yield self._error(path, f"{text!r} does not name a {kind}", self._nearest(f"$XSAPPNAME.{text}", known))
        elif reference.own:
            yield self._error(path, f"the {kind} {text!r} is not declared", self._nearest(text, known))
        else:
            yield from self._plan(path, reference)

    def _plan(self, path: str, reference: Reference) -> Iterator[Mistake]:
        if reference.plan is not None and reference.plan not in SUFFIX_LETTERS and not reference.elsewhere:
            yield self._warning(
                path,
                f"the plan {reference.plan!r} is not known, so {reference.application} names nothing",
                self._nearest(reference.plan, SUFFIX_LETTERS),
            )


def _values_needed(template: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """Return the name of an attribute that keeps a template from having a default role."""
    required = {
        attribute.get("name")
        for _, attribute in _items(document, "attributes")
        if isinstance(attribute, Mapping)
        and isinstance(attribute.get("name"), str)
        and str(attribute.get("valueRequired", True)).lower() != "false"
    }
    for _, reference in _items(template, "attribute-references"):
        name = reference.get("name") if isinstance(reference, Mapping) else reference
        given = reference.get("default-values") if isinstance(reference, Mapping) else None
        if isinstance(name, str) and name in required and not given:
            return name
    return ""


def _items(parent: Any, key: str, path: str = "") -> Iterator[Place]:
    """Yield the members of the list `parent[key]` with their JSON pointers, nothing when there is no such list."""
    value = parent.get(key) if isinstance(parent, Mapping) else None
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield f"{path}/{key}/{number}", item


def _strings(places: Iterable[Place], key: str) -> Iterator[tuple[str, str]]:
    for path, value in places:
        if isinstance(value, Mapping) and isinstance(value.get(key), str):
            yield f"{path}/{key}", value[key]


def _nearest(name: str, known: Iterable[str]) -> str:
    choices = sorted(known)
    near = difflib.get_close_matches(name, choices, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    shown = ", ".join(choices[:_MOST_NAMES_IN_A_SUGGESTION])
    return f"known here: {shown}" if choices and len(choices) <= _MOST_NAMES_IN_A_SUGGESTION else ""


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
