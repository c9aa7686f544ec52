"""Where the identity provider's mail goes: the server that `ENTRYWAY_MAIL_…` names, else a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from entryway.config.mistakes import ConfigurationMistakes, Mistake
from entryway.idp.settings import MailSettings

PREFIX = "ENTRYWAY_MAIL_"
USUAL_PORT = "587"


def mail_settings(environ: Mapping[str, str], folder: Path) -> MailSettings:
    """Return the settings, or raise with every mistake in them."""

    def value(name: str, usual: str = "") -> str:
        return environ.get(f"{PREFIX}{name}", "") or usual

    host, port, starttls = value("HOST"), value("PORT", USUAL_PORT), value("STARTTLS", "true").lower()
    if not host:
        return MailSettings(folder=folder)
    mistakes = []
    if not port.isascii() or not port.isdigit() or not 1 <= int(port[:6]) <= 65535:
        mistakes.append(Mistake(f"{PREFIX}PORT", "", "must be a port"))
    if starttls not in {"true", "false"}:
        mistakes.append(Mistake(f"{PREFIX}STARTTLS", "", "must be true or false"))
    if "@" not in value("SENDER"):
        mistakes.append(Mistake(f"{PREFIX}SENDER", "", "must be the mail address that mails come from"))
    if mistakes:
        raise ConfigurationMistakes(mistakes)
    return MailSettings(
        sender=value("SENDER"),
        host=host,
        port=int(port),
        user=value("USER"),
        password=value("PASSWORD"),
        starttls=starttls == "true",
    )
