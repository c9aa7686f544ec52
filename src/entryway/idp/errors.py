"""What can go wrong at the identity provider, besides the errors of OAuth."""

from __future__ import annotations

from entryway.errors import BadRequest, Conflict, Forbidden, NotFound


class InvalidValue(BadRequest):
    """A field of a user, group or application is not valid; `field` names it, `rule` says what it must be."""

    code = "invalid_value"
    title = "A value is not valid"

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field} {rule}")
        self.field = field
        self.rule = rule


class NameTaken(Conflict):
    """Another user, group or application has this name or mail address."""

    code = "name_taken"
    title = "The name or the mail address is used already"


class ChangedMeanwhile(Conflict):
    """Somebody else changed it since it was read."""

    code = "changed_meanwhile"
    status = 412
    title = "It was changed since it was read; please read it again"


class UserUnknown(NotFound):
    """No user has this id."""

    code = "user_unknown"
    title = "There is no such user"


class GroupUnknown(NotFound):
    """No group has this id."""

    code = "group_unknown"
    title = "There is no such group"


class ApplicationUnknown(NotFound):
    """No application has this id."""

    code = "application_unknown"
    title = "There is no such application"


class PasswordRefused(BadRequest):
    """The password does not follow the policy; `broken` names the rules, in the words of `PasswordPolicy`."""

    code = "password_refused"
    title = "The password does not follow the rules"

    def __init__(self, broken: list[str]) -> None:
        super().__init__(", ".join(broken))
        self.broken = broken


class ForeignForm(Forbidden):
    """The form did not come from a page that we showed to this browser."""

    code = "csrf"
    title = "This page cannot be used any more. Please go back and start again."


class LoginOver(BadRequest):
    """The login was finished, took too long, or is another browser's."""

    code = "login_over"
    title = "This login is over. Please go back to the application and start again."


class LinkUsed(BadRequest):
    """A link from a mail that is unknown, used or expired."""

    code = "link_used"
    title = "This link has been used already or is too old."
