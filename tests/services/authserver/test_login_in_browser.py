"""The login page in a real browser: people can use it, and its policy lets them get back to the application."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.async_api import Page, async_playwright, expect

from entryway.testing.authserver import BoundApplication, RunningAuthServer

pytestmark = pytest.mark.browser
REPOSITORY = Path(__file__).parents[3]
CHROMIUM = "/usr/bin/chromium"


class Application(BaseHTTPRequestHandler):
    """Takes the code at one origin and goes on to another, as applications do that have several hosts."""

    def do_GET(self) -> None:
        if self.path.startswith("/login/callback"):
            port, query = self.server.server_address[1], urlsplit(self.path).query
            self.send_response(302)
            self.send_header("location", f"http://127.0.0.1:{port}/home?{query}")
            self.send_header("content-length", "0")
            self.end_headers()
            return
        body = b"<!doctype html><title>Home</title><h1>Home</h1>"
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def application() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Application)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{server.server_address[1]}/login/callback"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def chromium() -> str:
    if not Path(CHROMIUM).exists():
        done = subprocess.run(
            [REPOSITORY / "scripts" / "system-packages", "chromium"], capture_output=True, text=True, check=False
        )
        if done.returncode != 0 or not Path(CHROMIUM).exists():
            pytest.fail(f"the browser tests need Chromium:\n{done.stdout}{done.stderr}")
    return CHROMIUM


@pytest.fixture
async def page(chromium: str):
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        context = await browser.new_context(ignore_https_errors=True)
        yield await context.new_page()
        await browser.close()


async def test_a_person_logs_in_by_label_and_keyboard_and_arrives(
    page: Page, server: RunningAuthServer, app: BoundApplication, editor: str, application: str
) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    query = {"response_type": "code", "client_id": app.client_id, "redirect_uri": application, "state": "s-1"}

    await page.goto(f"{server.url}/oauth/authorize?{urlencode(query)}")
    await expect(page).to_have_title("Log in · Entryway")
    await expect(page.get_by_label("User name")).to_be_focused()
    await page.keyboard.type(editor)
    await page.keyboard.press("Tab")
    await page.keyboard.type("wrong")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("is not right")
    # The browser itself reports the status 401 of that answer; nothing else may have been said.
    assert [text for text in complaints if "401" not in text] == []

    await expect(page.get_by_label("User name")).to_have_value(editor)
    await page.get_by_label("Password").fill("correct horse")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("heading", name="Home")).to_be_visible()
    answer = parse_qs(urlsplit(page.url).query)
    assert page.url.startswith("http://127.0.0.1:")
    assert answer["state"] == ["s-1"]
    assert server.redeem(app, answer["code"][0], redirect_uri=application).status_code == 200

    # A second visit needs no second login, and after logging out it does.
    await page.goto(f"{server.url}/oauth/authorize?{urlencode(query)}")
    await expect(page.get_by_role("heading", name="Home")).to_be_visible()
    await page.goto(f"{server.url}/logout.do")
    await expect(page.get_by_role("heading", name="You are logged out")).to_be_visible()
    await page.get_by_role("link", name="Log in again").click()
    await expect(page.get_by_role("heading", name="Log in", exact=True)).to_be_visible()
    assert [text for text in complaints if "401" not in text and "favicon" not in text] == []


async def test_the_page_is_styled_and_fits_a_small_screen(
    page: Page, server: RunningAuthServer, app: BoundApplication, application: str
) -> None:
    await page.set_viewport_size({"width": 320, "height": 568})
    query = {"response_type": "code", "client_id": app.client_id, "redirect_uri": application}
    await page.goto(f"{server.url}/oauth/authorize?{urlencode(query)}")
    button = page.get_by_role("button", name="Log in")
    await expect(button).to_have_css("cursor", "pointer")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320
    box = await button.bounding_box()
    assert box is not None
    assert box["height"] >= 44
