"""Ports: whether one is free, and what to say when it is not."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass

from entryway.errors import EntrywayError


class PortInUse(EntrywayError):
    """Something else listens where a part of the landscape should."""

    code = "port_in_use"
    title = "A port is in use"


@dataclass(frozen=True, slots=True)
class WantedPort:
    """A port that a part needs, and the setting that changes it."""

    part: str
    port: int
    setting: str
    host: str = "127.0.0.1"

    @property
    def complaint(self) -> str:
        """What to say when the port is in use."""
        return f"port {self.port}, which {self.part} needs, is in use; choose another one with {self.setting}"


def check_free(*wanted: WantedPort) -> None:
    """Raise one error that names every port that cannot be listened on."""
    complaints = [problem for each in wanted if (problem := _problem(each))]
    if complaints:
        raise PortInUse("\n".join(complaints))


def _problem(wanted: WantedPort) -> str | None:
    family = socket.AF_INET6 if ":" in wanted.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # A port whose connections are still in TIME_WAIT is free for a server; one with a listener is not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((wanted.host, wanted.port))
            probe.listen(1)
        except PermissionError:
            return f"port {wanted.port} of {wanted.part} needs privileges; choose one above 1023 with {wanted.setting}"
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return wanted.complaint
            return f"{wanted.part} cannot listen on {wanted.host}:{wanted.port}: {error.strerror}"
    return None
