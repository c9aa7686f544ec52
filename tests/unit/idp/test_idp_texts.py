import re
from pathlib import Path

from entryway.idp import pages
from entryway.idp.documents import SelfService
from entryway.idp.pages import wording
from entryway.idp.users.password_policy import PasswordPolicy

PLACEHOLDER = re.compile(r"\{(\w+)\}")


def test_every_language_says_everything() -> None:
    english = wording.texts("en")
    for language in wording.LANGUAGES:
        others = wording.texts(language)
        assert others.keys() == english.keys()
        for key, text in others.items():
            assert PLACEHOLDER.findall(text) == PLACEHOLDER.findall(english[key]), key


def test_every_text_that_a_template_names_is_there() -> None:
    folder = Path(pages.__file__).parent / "templates"
    named = {
        key for file in folder.glob("*.html") for key in re.findall(r"""\bt\(["']([a-z_.]+)["']""", file.read_text())
    }
    assert named - {"admin.", "setting."} <= wording.texts("en").keys()


def test_every_setting_has_a_text() -> None:
    for document in (PasswordPolicy, SelfService):
        assert {f"setting.{field}" for field in document.model_fields} <= wording.texts("en").keys()
