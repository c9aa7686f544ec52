"""What the router's page of an error says, in English and German; titles in English are the errors' own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """What stands on every such page."""

    again: str
    start: str
    behind: str
    origin: str
    status: str
    code: str
    request: str


WORDS: Mapping[str, Words] = {
    "en": Words(
        again="Try again",
        start="To the start page",
        behind="The application itself is running, and you are still logged in. What failed is a system behind it.",
        origin="The answer came from:",
        status="Status",
        code="Reason code",
        request="Request",
    ),
    "de": Words(
        again="Noch einmal versuchen",
        start="Zur Startseite",
        behind="Die Anwendung selbst läuft, und Sie sind weiter angemeldet. Ausgefallen ist ein System dahinter.",
        origin="Die Antwort kam von:",
        status="Status",
        code="Grund",
        request="Anfrage",
    ),
}

_ASK = {
    "en": "If it stays like this, tell whoever looks after the application the lines below.",
    "de": "Wenn das so bleibt, geben Sie die Zeilen unten an die Betreuung der Anwendung weiter.",
}
_ADDRESS = {
    "en": "Check the address, or begin at the start page.",
    "de": "Prüfen Sie die Adresse, oder beginnen Sie auf der Startseite.",
}

ADVICE: Mapping[str, Mapping[str, str]] = {
    "insufficient_scope": {
        "en": "You are logged in, but none of your roles allows this. "
        "Ask whoever gives roles in this application; a new role counts after you have logged in again.",
        "de": "Sie sind angemeldet, aber keine Ihrer Rollen erlaubt das. Fragen Sie, wer in dieser Anwendung Rollen "
        "vergibt; eine neue Rolle gilt, nachdem Sie sich neu angemeldet haben.",
    },
    "file_not_found": _ADDRESS,
    "route_not_found": _ADDRESS,
    "csrf_token_required": {
        "en": "Reload the page from which you came, and try again.",
        "de": "Laden Sie die Seite neu, von der Sie kamen, und versuchen Sie es noch einmal.",
    },
    "https_required": {
        "en": "Begin the address with https://.",
        "de": "Beginnen Sie die Adresse mit https://.",
    },
    "login_cookie_missing": {
        "en": "Allow cookies for this site, and open the application at the address that it has for everybody.",
        "de": "Erlauben Sie Cookies für diese Seite, und öffnen Sie die Anwendung unter ihrer üblichen Adresse.",
    },
    "login_unavailable": _ASK,
    "login_server_failed": _ASK,
    "login_token_invalid": _ASK,
    "upstream_unreachable": _ASK,
    "upstream_failed": _ASK,
    "upstream_timeout": _ASK,
    "destination_failed": _ASK,
    "service_token_failed": _ASK,
    "application_failed": _ASK,
}

GERMAN_TITLES: Mapping[str, str] = {
    "A system behind this application cannot be reached": "Ein System hinter dieser Anwendung ist nicht erreichbar",
    "A system behind this application could not be logged on to": (
        "An einem System hinter dieser Anwendung war keine Anmeldung möglich"
    ),
    "A system behind this application did not answer properly": (
        "Ein System hinter dieser Anwendung hat nicht richtig geantwortet"
    ),
    "A system behind this application took too long to answer": (
        "Ein System hinter dieser Anwendung hat zu lange nicht geantwortet"
    ),
    "It conflicts with what is there": "Das verträgt sich nicht mit dem, was es schon gibt",
    "Logging in is not possible at the moment": "Anmelden ist im Moment nicht möglich",
    "Not found": "Nicht gefunden",
    "Please log in": "Bitte melden Sie sich an",
    "Please try again in a moment": "Bitte versuchen Sie es gleich noch einmal",
    "Sessions cannot be looked up at the moment": "Sitzungen lassen sich im Moment nicht nachsehen",
    "Something went wrong": "Etwas ist schiefgegangen",
    "The HTTP version is not supported": "Diese Version von HTTP wird nicht unterstützt",
    "The address is not valid": "Die Adresse ist nicht gültig",
    "The address to return to is not one that this application gave": (
        "Die Adresse für den Rückweg stammt nicht von dieser Anwendung"
    ),
    "The answer took too long": "Die Antwort hat zu lange gedauert",
    "The application at this address cannot be reached at the moment": (
        "Die Anwendung unter dieser Adresse ist gerade nicht erreichbar"
    ),
    "The application at this address is not set up correctly": (
        "Die Anwendung unter dieser Adresse ist nicht richtig eingerichtet"
    ),
    "The authorization server could not complete the login": "Der Anmeldedienst konnte die Anmeldung nicht abschließen",
    "The authorization server gave a token that is not for this application": (
        "Der Anmeldedienst hat ein Token ausgestellt, das nicht für diese Anwendung ist"
    ),
    "The browser did not send the cookies of the login": "Der Browser hat die Cookies der Anmeldung nicht gesendet",
    "The call is not authorized": "Der Aufruf ist nicht berechtigt",
    "The connection into the company network is not available": (
        "Die Verbindung ins Netz des Unternehmens steht nicht zur Verfügung"
    ),
    "The login did not succeed": "Die Anmeldung ist nicht gelungen",
    "The login took too long, or was begun elsewhere": (
        "Die Anmeldung hat zu lange gedauert oder wurde anderswo begonnen"
    ),
    "The login was refused": "Die Anmeldung wurde abgelehnt",
    "The request body is too large": "Der Inhalt der Anfrage ist zu groß",
    "The request could not be understood": "Die Anfrage ist nicht zu verstehen",
    "The request headers are too large": "Die Kopfzeilen der Anfrage sind zu groß",
    "The request is not valid HTTP": "Die Anfrage ist kein gültiges HTTP",
    "The request lacks a valid CSRF token": "Der Anfrage fehlt ein gültiges CSRF-Token",
    "The request method is not known": "Die Methode der Anfrage ist nicht bekannt",
    "The request target is too long": "Die Adresse der Anfrage ist zu lang",
    "The request took too long to arrive": "Die Anfrage ist zu langsam angekommen",
    "The server is busy": "Der Server ist ausgelastet",
    "The system behind this address is not set up correctly": (
        "Das System hinter dieser Adresse ist nicht richtig eingerichtet"
    ),
    "The transfer coding is not known": "Die Übertragungskodierung ist nicht bekannt",
    "There is no application at this address": "Unter dieser Adresse gibt es keine Anwendung",
    "There is nothing at this address": "Unter dieser Adresse gibt es nichts",
    "This address does not support the method": "Unter dieser Adresse gibt es diese Methode nicht",
    "This application is available over HTTPS only": "Diese Anwendung gibt es nur über HTTPS",
    "Too many requests; please try again later": "Zu viele Anfragen; bitte versuchen Sie es später noch einmal",
    "You are logged in at another tenant": "Sie sind bei einem anderen Mandanten angemeldet",
    "You do not have the permission that this needs": "Dafür fehlt Ihnen die Berechtigung",
    "You may not do this": "Das dürfen Sie nicht",
}
