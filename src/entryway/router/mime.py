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
    "ini": "text/plain",
    "conf": "text/plain",
    "vtt": "text/vtt",
    "jsx": "text/jsx",
    "less": "text/less",
    "scss": "text/x-scss",
    "sass": "text/x-sass",
    "java": "text/x-java-source",
    "hbs": "text/x-handlebars-template",
    "manifest": "text/cache-manifest",
    "xhtml": "application/xhtml+xml",
    "xsd": "application/xml",
    "xslt": "application/xslt+xml",
    "wsdl": "application/wsdl+xml",
    "dtd": "application/xml-dtd",
    "rss": "application/rss+xml",
    "atom": "application/atom+xml",
    "jsonld": "application/ld+json",
    "json5": "application/json5",
    "geojson": "application/geo+json",
    "kml": "application/vnd.google-earth.kml+xml",
    "gpx": "application/gpx+xml",
    "tiff": "image/tiff",
    "tif": "image/tiff",
    "psd": "image/vnd.adobe.photoshop",
    "ogg": "audio/ogg",
    "m4a": "audio/mp4",
    "aac": "audio/x-aac",
    "flac": "audio/x-flac",
    "mid": "audio/midi",
    "mov": "video/quicktime",
    "avi": "video/x-msvideo",
    "ts": "video/mp2t",
    "m3u8": "application/vnd.apple.mpegurl",
    "mpd": "application/dash+xml",
    "srt": "application/x-subrip",
    "glb": "model/gltf-binary",
    "gltf": "model/gltf+json",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "odt": "application/vnd.oasis.opendocument.text",
    "rtf": "application/rtf",
    "ps": "application/postscript",
    "eps": "application/postscript",
    "tex": "application/x-tex",
    "eml": "message/rfc822",
    "tar": "application/x-tar",
    "7z": "application/x-7z-compressed",
    "rar": "application/x-rar-compressed",
    "jar": "application/java-archive",
    "class": "application/java-vm",
    "swf": "application/x-shockwave-flash",
    "sh": "application/x-sh",
    "sql": "application/x-sql",
    "php": "application/x-httpd-php",
    "crt": "application/x-x509-ca-cert",
    "pem": "application/x-x509-ca-cert",
    "der": "application/x-x509-ca-cert",
    "p12": "application/x-pkcs12",
    "crl": "application/pkix-crl",
}
UNKNOWN = b"application/octet-stream"


def _with_charset(name: str) -> bytes:
    textual = name.startswith("text/") or name in ("application/javascript", "application/json", "application/json5")
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
