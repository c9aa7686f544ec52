"""Content types by extension, as browsers and UI5 loaders expect them."""

from __future__ import annotations

TYPES = {
    "html": "text/html",
    "htm": "text/html",
    "css": "text/css",
    "txt": "text/plain",
    "text": "text/plain",
    "log": "text/plain",
    "csv": "text/csv",
    "md": "text/markdown",
    "js": "application/javascript",
    "mjs": "application/javascript",
    "json": "application/json",
    "map": "application/json",
    "xml": "application/xml",
    "xsl": "application/xml",
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "ico": "image/x-icon",
    "bmp": "image/bmp",
    "woff": "font/woff",
    "woff2": "font/woff2",
    "ttf": "font/ttf",
    "otf": "font/otf",
    "eot": "application/vnd.ms-fontobject",
    "pdf": "application/pdf",
    "zip": "application/zip",
    "gz": "application/gzip",
    "wasm": "application/wasm",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "webmanifest": "application/manifest+json",
    "appcache": "text/cache-manifest",
    "ics": "text/calendar",
    "vcf": "text/x-vcard",
    "yaml": "text/yaml",
    "yml": "text/yaml",
    "properties": "text/plain",
}
UNKNOWN = b"application/octet-stream"


def _with_charset(name: str) -> bytes:
    textual = name.startswith("text/") or name in ("application/javascript", "application/json")
    return (f"{name}; charset=UTF-8" if textual else name).encode()


_READY = {extension: _with_charset(name) for extension, name in TYPES.items()}


def content_type(path: str) -> bytes:
    """Return the type to declare for a file."""
    name = path.rpartition("/")[2]
    stem, dot, extension = name.rpartition(".")
    return _READY.get(extension.lower(), UNKNOWN) if dot and stem else UNKNOWN


def bare_type(path: str) -> str:
    """Return the type without a charset."""
    return content_type(path).decode().partition(";")[0]
