"""Our errors in the words of SCIM."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from entryway.idp.errors import (
    ChangedMeanwhile,
    GroupUnknown,
    InvalidValue,
    NameTaken,
    PasswordRefused,
    UserUnknown,
)
from entryway.scim.errors import InvalidScimValue, ResourceNotFound, Uniqueness, VersionDiffers

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def scim_errors() -> Iterator[None]:
    """Turn what the stores raise into what a SCIM client understands."""
    try:
        yield
    except InvalidValue as error:
        raise InvalidScimValue(error.detail) from error
    except PasswordRefused as error:
        raise InvalidScimValue(f"the password breaks these rules: {error.detail}") from error
    except NameTaken as error:
        raise Uniqueness(error.title) from error
    except (UserUnknown, GroupUnknown) as error:
        raise ResourceNotFound(error.title) from error
    except ChangedMeanwhile as error:
        raise VersionDiffers(error.title) from error
