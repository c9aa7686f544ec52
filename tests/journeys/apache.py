"""The real Apache with one of its modules for logins, in front of a page that shows who has come."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from chromium import REPOSITORY

from entryway.testing.authority import TestAuthority
from entryway.testing.serving import free_port

MODULES = Path("/usr/lib/apache2/modules")
# What every server of ours loads; `unixd` and others are compiled into Debian's.
USUAL = ["authn_core", "authz_core", "authz_user", "auth_basic", "dir", "mime", "include", "env"]
PAGE = '<!doctype html><title>Shop</title><h1>Hello <!--#echo var="REMOTE_USER" --></h1>'
FAREWELL = "<!doctype html><title>Bye</title><h1>Goodbye</h1>"


def install(*modules: str) -> None:
    """Install Apache and its modules, or fail and say how."""
    done = subprocess.run(
        [REPOSITORY / "scripts" / "system-packages", "apache2", *modules], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.fail(f"these tests need Apache:\n{done.stdout}{done.stderr}")


@contextmanager
def public_folder() -> Iterator[Path]:
    """Give a folder that the account which Apache changes to can read."""
    folder = Path(tempfile.mkdtemp(prefix="apache-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def running(
    folder: Path,
    port: int,
    modules: list[str],
    directives: str,
    *,
    workers: str = "mpm_event",
    authority: TestAuthority | None = None,
) -> Iterator[str]:
    """Run Apache with `directives`, and give its address; with an authority that vouches for it, on HTTPS."""
    (folder / "www").mkdir()
    (folder / "www" / "index.shtml").write_text(PAGE, "utf-8")
    (folder / "www" / "farewell.html").write_text(FAREWELL, "utf-8")
    loaded = "\n".join(f"LoadModule {name}_module {MODULES / f'mod_{name}.so'}" for name in [workers, *USUAL, *modules])
    tls = ""
    if authority is not None:
        loaded += f"\nLoadModule ssl_module {MODULES / 'mod_ssl.so'}"
        files = authority.issue_server()
        tls = f"SSLEngine on\nSSLCertificateFile {files.certificate}\nSSLCertificateKeyFile {files.key}\n"
    account = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
    configuration = folder / "apache.conf"
    configuration.write_text(
        f"""{loaded}
{account}{tls}ServerRoot {folder}
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {folder}/apache.pid
ErrorLog {folder}/error.log
DefaultRuntimeDir {folder}
StartServers 1
<IfModule !mpm_prefork_module>
  ThreadsPerChild 8
</IfModule>
MaxRequestWorkers 8
TypesConfig /etc/mime.types
DocumentRoot {folder}/www
DirectoryIndex index.shtml
<Directory {folder}/www>
  Require all granted
  Options +Includes
  AddOutputFilter INCLUDES .shtml
  AddType text/html .shtml
</Directory>
{directives}
""",
        "utf-8",
    )
    command = ["/usr/sbin/apache2", "-X" if os.geteuid() != 0 else "-DFOREGROUND", "-f", str(configuration)]
    # At its end it terminates its whole process group, which must not be the tests'.
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as server:
        url = f"{'https' if authority else 'http'}://localhost:{port}"
        try:
            trusted = ssl.create_default_context(cafile=authority.ca_file if authority else None)
            _wait_for(url, trusted, server, folder / "error.log")
            yield url
        finally:
            server.terminate()
            server.wait(20)


def _wait_for(url: str, trusted: ssl.SSLContext, server: subprocess.Popen[str], log: Path) -> None:
    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        if server.poll() is not None:
            break
        try:
            httpx.get(f"{url}/farewell.html", verify=trusted, timeout=5)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    said = server.stdout.read() if server.stdout is not None and server.poll() is not None else ""
    pytest.fail(f"Apache did not start: {said}{log.read_text() if log.exists() else ''}")


__all__ = ["free_port", "install", "public_folder", "running"]
