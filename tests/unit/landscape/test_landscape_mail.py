from pathlib import Path

import pytest

from entryway.config.mistakes import ConfigurationMistakes
from entryway.idp.settings import MailSettings
from entryway.landscape.mail import mail_settings

FOLDER = Path("mail")
HOST = {"ENTRYWAY_MAIL_HOST": "mail.example.com", "ENTRYWAY_MAIL_SENDER": "idp@example.com"}


def test_without_a_host_mail_goes_into_the_folder() -> None:
    assert mail_settings({"ENTRYWAY_MAIL_PORT": "nonsense"}, FOLDER) == MailSettings(folder=FOLDER)


def test_with_a_host_mail_goes_there() -> None:
    settings = mail_settings(HOST, FOLDER)
    assert settings == MailSettings(sender="idp@example.com", host="mail.example.com", port=587)
    assert settings.starttls
    more = {"ENTRYWAY_MAIL_USER": "u", "ENTRYWAY_MAIL_PASSWORD": "p", "ENTRYWAY_MAIL_PORT": "25"}
    plain = mail_settings({**HOST, **more, "ENTRYWAY_MAIL_STARTTLS": "false"}, FOLDER)
    assert (plain.user, plain.password, plain.port, plain.starttls) == ("u", "p", 25, False)


@pytest.mark.parametrize(
    ("environ", "variable"),
    [
        ({"ENTRYWAY_MAIL_PORT": "x"}, "ENTRYWAY_MAIL_PORT"),
        ({"ENTRYWAY_MAIL_PORT": "99999"}, "ENTRYWAY_MAIL_PORT"),
        ({"ENTRYWAY_MAIL_STARTTLS": "maybe"}, "ENTRYWAY_MAIL_STARTTLS"),
        ({"ENTRYWAY_MAIL_SENDER": "nobody"}, "ENTRYWAY_MAIL_SENDER"),
    ],
)
def test_mistakes_are_named(environ: dict[str, str], variable: str) -> None:
    with pytest.raises(ConfigurationMistakes) as raised:
        mail_settings({**HOST, **environ}, FOLDER)
    assert [mistake.file for mistake in raised.value.mistakes] == [variable]
