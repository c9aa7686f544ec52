"""Files: what is served, what is not, and when nothing has to be sent."""

import asyncio
import os

import pytest


@pytest.fixture
async def browser(world):
    web = world.folder / "web"
    (web / "sub").mkdir(parents=True)
    (web / "a.txt").write_text("0123456789")
    (web / "sub" / "index.html").write_text("<i>sub</i>")
    (web / ".hidden").write_text("hidden")
    (web / ".well-known").mkdir()
    (web / ".well-known" / "x.json").write_text("{}")
    (web / ".well-known" / ".hidden").write_text("hidden")
    (web / "ä b.js").write_text("x")
    (web / "big.bin").write_bytes(os.urandom(300_000))
    (world.folder / "secret.txt").write_text("outside")
    (world.folder / "twin-web").mkdir()
    (world.folder / "web-twin").mkdir()
    (world.folder / "web-twin" / "s.txt").write_text("outside")
    (web / "leaves").symlink_to(world.folder / "secret.txt")
    (web / "leaves-too").symlink_to(world.folder / "web-twin")
    (web / "stays").symlink_to(web / "a.txt")
    files = {
        "source": "^/f/(.*)$",
        "target": "$1",
        "localDir": "web",
        "authenticationType": "none",
        "cacheControl": "max-age=5",
    }
    return await world.start(files)


async def test_a_file_with_its_headers(browser):
    answer = await browser.get("/f/a.txt")
    assert (answer.status_code, answer.text) == (200, "0123456789")
    assert answer.headers["content-type"] == "text/plain; charset=UTF-8"
    assert answer.headers["cache-control"] == "max-age=5"
    assert answer.headers["etag"].startswith('W/"a-')
    assert (await browser.get("/f/.well-known/x.json")).headers["content-type"] == "application/json; charset=UTF-8"
    assert (await browser.get("/f/%C3%A4%20b.js")).headers["content-type"] == "application/javascript; charset=UTF-8"


async def test_head_tells_the_length(browser):
    answer = await browser.request("HEAD", "/f/big.bin")
    assert (answer.headers["content-length"], answer.content) == ("300000", b"")


async def test_a_large_file_arrives_whole(browser, world):
    assert (await browser.get("/f/big.bin")).content == (world.folder / "web" / "big.bin").read_bytes()
    part = await browser.get("/f/big.bin", range="bytes=100000-299998")
    assert part.content == (world.folder / "web" / "big.bin").read_bytes()[100000:299999]


@pytest.mark.parametrize(
    "name", ["leaves", "leaves-too/s.txt", ".hidden", "nope", "a.txt/x", "sub/nope", "a.txt;x=1", ".well-known/.hidden"]
)
async def test_what_is_not_in_the_folder_is_not_found(browser, name):
    answer = await browser.get(f"/f/{name}")
    assert answer.status_code == 404
    assert "outside" not in answer.text
    assert "max-age=5" not in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "target",
    [
        "/f/../secret.txt",
        "/f/%2e%2e/secret.txt",
        "/f/..%2fsecret.txt",
        "/f/%252e%252e/secret.txt",
        "/f/..%5csecret.txt",
        "/f/sub/../../secret.txt",
        "/f/..\\secret.txt",
        "/f/%c0%ae%c0%ae/secret.txt",
        "/f/a.txt%00",
        "/f//../secret.txt",
        "/f/%ef%bc%8e%ef%bc%8e/secret.txt",
        "/f/..;/secret.txt",
    ],
)
async def test_no_encoding_leads_out_of_the_folder(browser, world, target):
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    writer.write(f"GET {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    assert b"outside" not in answer
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 403", b"HTTP/1.1 404"))


async def test_a_link_inside_the_folder_is_served(browser):
    assert (await browser.get("/f/stays")).text == "0123456789"


async def test_a_link_that_changes_its_target_is_looked_at_again(browser, world):
    await browser.get("/f/stays")
    link = world.folder / "web" / "stays"
    link.unlink()
    link.symlink_to(world.folder / "secret.txt")
    assert "outside" not in (await browser.get("/f/stays")).text


async def test_a_changed_file_is_served_anew(browser, world):
    first = await browser.get("/f/a.txt")
    (world.folder / "web" / "a.txt").write_text("changed")
    second = await browser.get("/f/a.txt")
    assert (second.text, second.headers["etag"] != first.headers["etag"]) == ("changed", True)
    (world.folder / "web" / "a.txt").unlink()
    assert (await browser.get("/f/a.txt")).status_code == 404


async def test_conditions_and_ranges(browser):
    whole = await browser.get("/f/a.txt")
    etag, modified = whole.headers["etag"], whole.headers["last-modified"]
    assert (await browser.get("/f/a.txt", if_none_match=etag)).status_code == 304
    assert (await browser.get("/f/a.txt", if_none_match="*")).status_code == 304
    assert (await browser.get("/f/a.txt", if_modified_since=modified)).status_code == 304
    assert (await browser.get("/f/a.txt", if_none_match='"other"', if_modified_since=modified)).status_code == 200
    assert (await browser.get("/f/a.txt", if_match='"other"')).status_code == 412
    assert (await browser.get("/f/a.txt", if_unmodified_since="Mon, 01 Jan 2001 00:00:00 GMT")).status_code == 412
    part = await browser.get("/f/a.txt", range="bytes=2-4")
    assert (part.status_code, part.text, part.headers["content-range"]) == (206, "234", "bytes 2-4/10")
    assert (await browser.get("/f/a.txt", range="bytes=-3")).text == "789"
    assert (await browser.get("/f/a.txt", range="bytes=7-")).text == "789"
    assert (await browser.get("/f/a.txt", range="bytes=2-4", if_range='"old"')).status_code == 200
    assert (await browser.get("/f/a.txt", range=f"bytes=7-{'9' * 5000}")).text == "789"
    for impossible in ("bytes=4-2", "bytes=x", "bytes=-", "bytes=-0", f"bytes={'9' * 5000}-"):
        assert (await browser.get("/f/a.txt", range=impossible)).status_code == 416
    again = await browser.get("/f/a.txt", if_none_match=etag, cache_control="max-age=0, no-cache")
    assert (again.status_code, again.text) == (200, whole.text)
    for ignored in ("items=1-2", "bytes=0-1,3-4"):
        assert (await browser.get("/f/a.txt", range=ignored)).status_code == 200
    beyond = await browser.get("/f/a.txt", range="bytes=10-")
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */10")


async def test_folders_show_their_index(browser):
    answer = await browser.get("/f/sub")
    assert (answer.status_code, answer.headers["location"]) == (301, "/f/sub/")
    assert (await browser.get("/f/sub/")).text == "<i>sub</i>"
    assert (await browser.get("/f/")).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_files_are_read_only(browser, method):
    answer = await browser.request(method, "/f/a.txt")
    assert (answer.status_code, answer.headers["allow"], answer.content) == (405, "GET, HEAD", b"")


async def test_a_folder_is_at_its_address_with_a_slash(world):
    (world.folder / "web").mkdir()
    (world.folder / "web" / "index.html").write_text("start")
    routes = [
        {"source": source, "target": target, "localDir": "web", "authenticationType": "none"}
        for source, target in (("^/ui(.*)$", "$1"), ("^/app$", "/"))
    ]
    browser = await world.start(*routes)

    moved = await browser.get("/ui?a=b")

    assert (moved.status_code, moved.headers["location"]) == (301, "/ui/?a=b")
    assert (await browser.get("/ui/?a=b")).text == "start"
    assert (await browser.get("/app")).text == "start", "its target names the page"
