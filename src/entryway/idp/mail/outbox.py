"""Where mail goes: to a server, into a folder for development, or nowhere."""

from __future__ import annotations

import asyncio
import json
import smtplib
import ssl
import time
import uuid
from dataclasses import asdict, dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from entryway.telemetry import get_logger

if TYPE_CHECKING:
    from entryway.idp.settings import MailSettings

log = get_logger(__name__)

TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail of plain text to one person."""

    to: str
    subject: str
    text: str


class Outbox(Protocol):
    """One way for mail to leave."""

    async def send(self, mail: Mail) -> None:
        """Send a mail, or raise OSError."""
        ...


@dataclass(frozen=True, slots=True)
class Folder:
    """One JSON file for each mail: for development and tests; links in it are as good as in the mail."""

    folder: Path

    async def send(self, mail: Mail) -> None:
        await asyncio.to_thread(self._write, mail)

    def _write(self, mail: Mail) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self.folder / f"{time.time_ns()}-{uuid.uuid4().hex[:8]}.json"
        partial = file.with_suffix(".part")
        partial.touch(mode=0o600)
        partial.write_text(json.dumps(asdict(mail), indent=2, ensure_ascii=False), encoding="utf-8")
        partial.rename(file)


@dataclass(frozen=True, slots=True)
class Smtp:
    """A mail server (RFC 5321), over TLS that is checked unless the settings say otherwise."""

    settings: MailSettings
    context: ssl.SSLContext

    async def send(self, mail: Mail) -> None:
        await asyncio.to_thread(self._deliver, mail)

    def _deliver(self, mail: Mail) -> None:
        settings, message = self.settings, EmailMessage()
        message["From"], message["To"], message["Subject"] = settings.sender, mail.to, mail.subject
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.text)
        with smtplib.SMTP(settings.host, settings.port, timeout=TIMEOUT_SECONDS) as server:
            if settings.starttls:
                server.starttls(context=self.context)
            if settings.user:
                server.login(settings.user, settings.password)
            server.send_message(message)


@dataclass(frozen=True, slots=True)
class Nowhere:
    """No mail server is set up."""

    async def send(self, mail: Mail) -> None:
        del mail
        log.warning("mail_not_sent", reason="neither a mail server nor a folder is set up")


def outbox(settings: MailSettings, context: ssl.SSLContext) -> Outbox:
    """Return the way that the settings ask for; `context` says which servers to believe."""
    if settings.host:
        return Smtp(settings, context)
    return Folder(settings.folder) if settings.folder is not None else Nowhere()
