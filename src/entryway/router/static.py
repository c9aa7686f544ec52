"""Files of a folder: conditional requests, one range, weak validators; never a file outside of the folder."""

from __future__ import annotations

import os
import stat as stats
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from entryway.http import Body, Headers, Request, Response
from entryway.router.codings import BROTLI, GZIP, ZSTD, choose
from entryway.router.conditions import Range, RangeUnsatisfiable, is_unconditional, parse_range, verdict
from entryway.router.dates import http_date
from entryway.router.errors import FileNotFound, MethodNotAllowed, PathForbidden, PathRefused
from entryway.router.login_page import NO_STORE
from entryway.router.mime import content_type
from entryway.router.paths import decode
from entryway.router.replace import Replacement
from entryway.router.replace import content_type as replaced_type

SMALL = 64 * 1024
CHUNK = 256 * 1024
MOST_NAMES = 5000
FILES_WITH_SECRETS = frozenset({"default-env.json", "default-services.json"})
CACHE_BYTES = 32 * 1024 * 1024
EXTENSIONS = {BROTLI: ".br", ZSTD: ".zst", GZIP: ".gz"}


@dataclass(frozen=True, slots=True)
class Found:
    """A file as it is on disk: where it really lies, how long it is, when it changed."""

    path: str
    size: int
    modified_ns: int
    headers: tuple[tuple[bytes, bytes], ...]
    etag: bytes
    content: bytes | None
    """The bytes of a small file."""
    coded: tuple[bytes, ...] = ()
    """Codings in which the file lies beside itself, made when the application was built."""
    kind: bytes = b""
    """Its content type."""


class Folder:
    """The files below one folder."""

    def __init__(
        self,
        root: Path,
        cache_control: str | None,
        replacement: Replacement | None = None,
        *,
        precompressed: bool = False,
    ) -> None:
        self.root = os.path.realpath(root)
        self.precompressed = precompressed
        self.replacement = replacement
        self.cache_control = None if cache_control is None else cache_control.encode("latin-1")
        self._known: dict[str, Found] = {}
        self._names: dict[str, str] = {}
        """Names of known files by the paths under which they were asked for."""
        self._cached_bytes = 0

    def serve(self, request: Request, target: str, *, bare: bool = False) -> Response:
        """Answer with the file that the rewritten path names; `bare` is the folder itself, without its slash."""
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowed("GET, HEAD", "files", bare=True)
        path = target.partition("?")[0]
        if bare and not request.target.partition("?")[0].endswith("/"):
            return self._to_folder(request)  # below it, links of the page would lead elsewhere
        name = self._names.get(path) or relative_name(path)
        is_folder = name.endswith("/") or not name
        if is_folder:
            name += "index.html"
        try:
            found = self.find(name)
            if not is_folder and path not in self._names and len(self._names) < MOST_NAMES:
                self._names[path] = name
            if self.replacement is not None and not is_folder and self.replacement.concerns(name):
                return self._replaced(found, self.replacement)
            if found.coded and (coded := self._coded(request, name, found)) is not None:
                return coded
            if found.content is not None and is_unconditional(request):
                return Response(200, Headers.trusted([*found.headers, (b"content-type", found.kind)]), found.content)
            return self._answer(request, found)
        except IsADirectoryError:
            return self._to_folder(request)

    def find(self, name: str) -> Found:
        """Return a file by its name below the folder."""
        known = self._known.get(name)
        path = os.path.join(self.root, name) if known is None else known.path  # noqa: PTH118 - on the hot path
        try:
            now = os.stat(path)  # noqa: PTH116 - on the hot path
        except (OSError, ValueError):
            self._known.pop(name, None)
            raise FileNotFound(name) from None
        if known is not None and (known.size, known.modified_ns) == (now.st_size, now.st_mtime_ns):
            return known
        return self._look(name, path, now)

    def _look(self, name: str, path: str, now: os.stat_result) -> Found:
        real = os.path.realpath(path)
        # A link may lead anywhere; what is served lies in the folder.
        if real != self.root and not real.startswith(self.root + os.sep):
            raise FileNotFound(f"{name} leads out of the folder")
        if stats.S_ISDIR(now.st_mode):
            raise IsADirectoryError(name)
        if not stats.S_ISREG(now.st_mode):
            raise FileNotFound(f"{name} is no file")
        etag = f'W/"{now.st_size:x}-{now.st_mtime_ns // 1_000_000:x}"'.encode()
        headers = [(b"accept-ranges", b"bytes"), (b"last-modified", http_date(now.st_mtime)), (b"etag", etag)]
        if self.cache_control is not None:
            headers.append((b"cache-control", self.cache_control))
        content = self._read_small(real, now.st_size)
        coded = _codings_beside(path, now.st_mtime_ns) if self.precompressed else ()
        if coded:
            headers.append((b"vary", b"Accept-Encoding"))
        found = Found(real, now.st_size, now.st_mtime_ns, tuple(headers), etag, content, coded, content_type(real))
        if content is not None:
            self._known[name] = found
        return found

    def _read_small(self, path: str, size: int) -> bytes | None:
        if size > SMALL:
            return None
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise FileNotFound(f"{path} cannot be read: {error.strerror}") from None
        if self._cached_bytes > CACHE_BYTES:
            self._known.clear()
            self._cached_bytes = 0
        self._cached_bytes += len(content)
        return content if len(content) == size else None

    def _coded(self, request: Request, name: str, found: Found) -> Response | None:
        """Answer with the file as it lies beside itself in a coding that the client takes, or not at all."""
        accepted = request.headers.get(b"accept-encoding")
        coding = None if accepted is None else choose(accepted, found.coded)
        if coding is None:
            return None
        try:
            instead = self.find(name + EXTENSIONS[coding])
        except (FileNotFound, IsADirectoryError):
            return None  # it was there when we looked
        if instead.modified_ns < found.modified_ns:
            return None
        response = self._answer(request, instead, found.kind)
        response.headers.raw.append((b"vary", b"Accept-Encoding"))
        if response.status in (200, 206):
            response.headers.raw.append((b"content-encoding", coding))
        return response

    def _replaced(self, found: Found, replacement: Replacement) -> Response:
        """Answer with a file whose placeholders are filled in; it has no validators, for those know the file alone."""
        content = found.content if found.content is not None else Path(found.path).read_bytes()
        headers = [(b"content-type", replaced_type(found.path))]
        if self.cache_control is not None:
            headers.append((b"cache-control", self.cache_control))
        text = replacement.apply(content.decode("utf-8", "replace"))
        # Its length is that of the moment, and clients have never been told it.
        return Response(200, Headers.trusted(headers), Body.from_chunks(_once(text.encode())))

    @staticmethod
    def _answer(request: Request, found: Found, kind: bytes | None = None) -> Response:
        headers = [*found.headers]
        status = verdict(request, found.etag, found.modified_ns // 1_000_000_000)
        if status == 304:
            return Response(304, Headers.trusted(headers))
        if status == 412:
            return Response(412, Headers.trusted([(b"cache-control", NO_STORE)]))
        headers.append((b"content-type", kind or found.kind))
        try:
            part = parse_range(request, found.size, found.etag, found.modified_ns // 1_000_000_000)
        except RangeUnsatisfiable:
            unsatisfiable = b"bytes */%d" % found.size
            return Response(416, Headers.trusted([(b"content-range", unsatisfiable), (b"cache-control", NO_STORE)]))
        if part is not None:
            headers.append((b"content-range", b"bytes %d-%d/%d" % (part.first, part.last, found.size)))
            return Response(206, Headers.trusted(headers), _part_of(found, part))
        if found.content is not None:
            return Response(200, Headers.trusted(headers), found.content)
        return Response(200, Headers.trusted(headers), _part_of(found, Range(0, found.size - 1)))

    def _to_folder(self, request: Request) -> Response:
        path, mark, query = request.target.partition("?")
        location = "/" + path.lstrip("/") + "/" + mark + query
        headers = [
            (b"location", location.encode("latin-1")),
            (b"content-security-policy", b"default-src 'none'"),
            (b"x-content-type-options", b"nosniff"),
        ]
        if self.cache_control is not None:
            headers.append((b"cache-control", self.cache_control))
        return Response(301, Headers(headers))


def _codings_beside(path: str, modified_ns: int) -> tuple[bytes, ...]:
    found = []
    for coding, extension in EXTENSIONS.items():
        try:
            beside = Path(path + extension).stat()
        except (OSError, ValueError):
            continue
        # One that is older than the file was made from another version of it.
        if stats.S_ISREG(beside.st_mode) and beside.st_mtime_ns >= modified_ns:
            found.append(coding)
    return tuple(found)


def relative_name(path: str) -> str:
    """Return the path as a name below a folder, or raise for names that could mean something else."""
    name = decode(path).lstrip("/")
    if "\0" in name:
        raise PathRefused("NUL in the path")
    segments = name.replace("\\", "/").split("/")
    if ".." in segments:
        raise PathForbidden("the path climbs out of the folder")
    # RFC 8615 has one folder that is for everybody to see.
    if any(segment.startswith(".") for segment in segments if segment != ".well-known"):
        raise FileNotFound("hidden files are not served")
    # Whoever serves the folder of `xs-app.json` itself does not mean to give these away.
    if segments[-1].lower() in FILES_WITH_SECRETS:
        raise FileNotFound("files that hold secrets of the router are not served")
    return name


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _part_of(found: Found, part: Range) -> bytes | Body:
    if found.content is not None:
        return found.content[part.first : part.last + 1]
    length = part.last - part.first + 1
    return Body.from_chunks(_read(found.path, part.first, length), length)


async def _read(path: str, start: int, length: int) -> AsyncIterator[bytes]:
    # The engine asks for the next chunk when the client has taken the last one.
    with open(path, "rb") as file:  # noqa: ASYNC230, PTH123 - pages of the system's cache; a thread costs more
        file.seek(start)
        while length > 0:
            chunk = file.read(min(CHUNK, length))
            if not chunk:
                raise FileNotFound("the file became shorter while it was sent")
            length -= len(chunk)
            yield chunk
