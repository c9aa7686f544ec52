"""What can be wrong with what an administrator asks about roles."""

from __future__ import annotations

from entryway.errors import BadRequest, Conflict, NotFound


class AppUnknown(NotFound):
    """No application with this id in the tenant."""

    code = "app_unknown"
    title = "There is no application with this id"


class RoleTemplateUnknown(NotFound):
    """The application has no such role template."""

    code = "role_template_unknown"
    title = "There is no such role template"


class ScopeUnknown(NotFound):
    """The application has no such scope."""

    code = "scope_unknown"
    title = "There is no such scope"


class RoleUnknown(NotFound):
    """The template has no such role."""

    code = "role_unknown"
    title = "There is no such role"


class RoleCollectionUnknown(NotFound):
    """The tenant has no such role collection."""

    code = "role_collection_unknown"
    title = "There is no such role collection"


class UserUnknownHere(NotFound):
    """The tenant has no user with this id."""

    code = "user_unknown"
    title = "There is no such user"


class MappingUnknown(NotFound):
    """The identity provider has no such mapping."""

    code = "mapping_unknown"
    title = "There is no such mapping"


class RoleExists(Conflict):
    """A role of the template has the name already."""

    code = "role_exists"
    title = "There is a role with this name already"


class RoleCollectionExists(Conflict):
    """A role collection has the name already."""

    code = "role_collection_exists"
    title = "There is a role collection with this name already"


class ReadOnly(Conflict):
    """What is predefined, or declared by an application, is not for administrators to change."""

    code = "read_only"
    title = "This is predefined, or declared by an application, and cannot be changed"


class RoleInvalid(BadRequest):
    """A role cannot be made like this."""

    code = "role_invalid"
    title = "The role is not valid"


class TooMany(BadRequest):
    """A limit of the tenant is reached."""

    code = "too_many"
    title = "The tenant has as many as it may have"
