"""`entryway up` as its users meet it: a real process, real services, a real router."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Callable

import httpx
from tiny_application import PATIENCE, Application, Up, entryway, listens, processes_about

Start = Callable[..., Up]


def claims_of(token: str) -> dict[str, object]:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def vcap(environment: dict[str, str]) -> dict[str, list[dict[str, object]]]:
    return json.loads(environment["VCAP_SERVICES"])


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def test_one_command_starts_everything_and_ctrl_c_ends_it(application: Application, up: Start):
    landscape = up()
    landscape.sees(r"ready after")
    folder, ports = str(application.folder), application.ports

    # The router serves, and reaches the module whose URL it got from mta.yaml.
    page = httpx.get(f"http://localhost:{ports['web']}/public/index.html")
    assert (page.status_code, page.text) == (200, "<h1>Hello</h1>")
    answer = httpx.get(f"http://localhost:{ports['web']}/srv/environment").json()
    environment = answer["environment"]
    assert environment["GREETING"] == "hello"
    assert environment["PORT"] == str(ports["srv"])
    assert json.loads(environment["VCAP_APPLICATION"])["application_name"] == "srv"
    [uaa] = vcap(environment)["xsuaa"]
    assert (uaa["name"], uaa["plan"], uaa["tags"]) == ("tiny-uaa", "application", ["xsuaa"])

    # Whoever believes the bundle believes the control plane, and everybody else as before.
    url = f"https://localhost:{ports['services']}"
    context = ssl.create_default_context(cafile=environment["SSL_CERT_FILE"])
    with httpx.Client(verify=context, trust_env=False) as http:
        assert http.get(f"{url}/.well-known/openid-configuration").json()["issuer"] == f"{url}/oauth/token"

    # The command line gives the same environment, and real tokens.
    printed = json.loads(entryway("env", "srv", "--dir", folder).stdout)
    assert printed["VCAP_SERVICES"]["xsuaa"] == [uaa]
    user = claims_of(entryway("token", "--user", "anna", "--app", "srv", "--dir", folder).stdout)
    assert user["user_name"] == "anna"
    assert "tiny!t1.Display" in user["scope"]
    client = claims_of(entryway("token", "--client", "--app", "srv", "--dir", folder).stdout)
    assert (client["grant_type"], client["cid"]) == ("client_credentials", "sb-tiny!t1")

    # Administrators' commands act as the platform, and see what the file made.
    users = json.loads(entryway("users", "--dir", folder, "list", "--json").stdout)
    given = {user["userName"]: [each["value"] for each in user.get("groups", [])] for user in users}
    assert given["anna"] == ["Tiny Viewer"]

    # What it prints names the users and the way to trust.
    assert "open    http://localhost:" in landscape.text
    assert "user    anna  password anna-demo  Tiny Viewer" in landscape.text
    assert str(application.state / "ca" / "ca.pem") in landscape.text
    assert "\x1b" not in landscape.text
    assert any(line.startswith("srv      | srv listens") for line in landscape.lines)

    # A second one of the same folder is refused while this one runs.
    refused = entryway("up", folder)
    assert refused.returncode == 1
    assert "runs already" in refused.stderr

    assert landscape.interrupt() == 0
    stops = [line.split("stopping ")[1] for line in landscape.lines if "| stopping " in line]
    assert stops == ["web", "srv", "services"]
    assert not any(listens(port) for port in ports.values())
    assert processes_about(folder) == []


def test_the_next_start_reuses_the_state(application: Application, up: Start):
    first = up()
    first.sees("ready after")
    before = json.loads(entryway("env", "srv", "--dir", str(application.folder)).stdout)
    authority = (application.state / "ca" / "ca.pem").read_bytes()
    assert first.interrupt() == 0
    # Nothing with secrets is left that only a running landscape needs.
    assert list(application.state.glob("run/*.env.json")) == []

    application.change("xs-security.json", "tenant-mode", 'description": "changed", "tenant-mode')
    second = up()
    second.sees("ready after")
    after = json.loads(entryway("env", "srv", "--dir", str(application.folder)).stdout)

    assert after["VCAP_SERVICES"] == before["VCAP_SERVICES"]
    assert after["VCAP_APPLICATION"]["application_id"] == before["VCAP_APPLICATION"]["application_id"]
    assert (application.state / "ca" / "ca.pem").read_bytes() == authority
    assert second.interrupt() == 0


def test_another_port_reaches_the_credentials_of_the_next_start(application: Application, up: Start):
    first = up()
    first.sees("ready after")
    assert first.interrupt() == 0

    second = up("--port", f"services={application.ports['system']}")
    second.sees("ready after")

    url = f"https://localhost:{application.ports['system']}"
    environment = json.loads(entryway("env", "srv", "--dir", str(application.folder)).stdout)
    credentials = environment["VCAP_SERVICES"]["xsuaa"][0]["credentials"]
    assert credentials["url"] == url
    assert credentials["uaadomain"] == url.removeprefix("https://")
    token = claims_of(entryway("token", "--user", "anna", "--app", "srv", "--dir", str(application.folder)).stdout)
    assert token["iss"] == f"{url}/oauth/token"
    assert second.interrupt() == 0


def test_a_user_who_left_the_file_is_locked_out(application: Application, up: Start):
    first = up()
    first.sees("ready after")
    assert first.interrupt() == 0
    application.write_json("entryway.yaml", {**application.landscape, "users": []})

    second = up()
    second.sees("ready after")

    assert "locking out anna, who is no longer in entryway.yaml" in second.text
    token = claims_of(entryway("token", "--user", "anna", "--app", "srv", "--dir", str(application.folder)).stdout)
    assert "tiny!t1.Display" not in token["scope"]
    assert second.interrupt() == 0


def test_everything_stops_when_nobody_reads_any_more(application: Application):
    landscape = subprocess.Popen(
        [sys.executable, "-m", "entryway", "up", str(application.folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert landscape.stdout is not None
    landscape.stdout.readline()
    landscape.stdout.close()

    _, errors = landscape.communicate(timeout=PATIENCE)

    assert landscape.returncode == 130
    assert errors == b""
    assert processes_about(str(application.folder)) == []


def test_the_state_is_for_its_owner_alone(application: Application, up: Start):
    landscape = up()
    landscape.sees("ready after")

    for path in [application.state, *application.state.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode & 0o077 == 0, f"{path} has mode {mode:o}"
    secrets = json.loads((application.state / "secrets.json").read_text())
    for secret in secrets.values():
        assert secret not in landscape.text
        assert secret not in (application.state / "landscape.json").read_text()
    assert landscape.interrupt() == 0


def test_mistakes_are_all_named_and_nothing_is_started(application: Application):
    application.change("mta.yaml", "type: python", "typ: python")
    application.change("web/xs-app.json", '"destination": "srv"', '"destination": "src"')
    application.change("xs-security.json", '"scopes"', '"skopes"')
    application.write_json("entryway.yaml", {**application.landscape, "users": [{"name": "anna"}]})

    result = entryway("up", str(application.folder))

    assert result.returncode == 2
    assert "mta.yaml at /modules/0/typ: Additional properties not allowed" in result.stderr
    assert "did you mean type?" in result.stderr
    assert "entryway.yaml at /users/0: Missing required property: password" in result.stderr
    assert not application.state.exists()


def test_mistakes_in_the_files_that_modules_lead_to_are_named(application: Application):
    application.change("web/xs-app.json", '"destination": "srv"', '"destination": "src"')
    application.change("xs-security.json", '$XSAPPNAME.Display"\n    }', 'Display"\n    }')

    result = entryway("up", str(application.folder))

    assert result.returncode == 2
    assert 'web/xs-app.json at /routes/1/destination: no destination "src" is defined' in result.stderr
    assert "xs-security.json at /scopes/0/name" in result.stderr
    assert not application.state.exists()


def test_a_port_in_use_is_named_with_the_setting_that_changes_it(application: Application):
    with socket.socket() as services, socket.socket() as web:
        for holder, name in ((services, "services"), (web, "web")):
            holder.bind(("127.0.0.1", application.ports[name]))
            holder.listen()

        result = entryway("up", str(application.folder))

    assert result.returncode == 1
    assert f"port {application.ports['services']}, which the control plane needs, is in use" in result.stderr
    assert "--port services=NUMBER or ports: services in entryway.yaml" in result.stderr
    assert f"port {application.ports['web']}, which the module web needs, is in use" in result.stderr
    assert "--port web=NUMBER or ports: modules: web in entryway.yaml" in result.stderr
    assert list(application.state.glob("data/*")) == []


def test_an_option_wins_over_the_file(application: Application, up: Start):
    [other] = [application.ports["system"]]
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", application.ports["web"]))
        holder.listen()

        landscape = up("--port", f"web={other}")
        landscape.sees("ready after")

        assert httpx.get(f"http://localhost:{other}/public/index.html").status_code == 200
        assert landscape.interrupt() == 0


def test_a_module_that_fails_is_named_with_its_last_lines_and_everything_stops(application: Application, up: Start):
    application.write("srv/server.py", "import sys\nprint('looking around')\nsys.exit('no database at db:5432')\n")

    landscape = up()

    assert landscape.ends() == 1
    end = landscape.text[landscape.text.rindex("error:") :]
    assert end.startswith("error: srv exited with 1; its last lines:")
    assert "  looking around\n  no database at db:5432" in end
    assert "ready after" not in landscape.text
    assert not any(listens(port) for port in application.ports.values())
    assert processes_about(str(application.folder)) == []


def test_a_part_that_ends_later_is_reported_and_the_rest_keeps_running(application: Application, up: Start):
    landscape = up()
    process = int(landscape.sees(r"srv listens, process (\d+)")[1])
    landscape.sees("ready after")

    os.kill(process, signal.SIGKILL)

    landscape.sees(r"srv (was ended by SIGKILL|exited with \d+); everything else keeps running")
    assert httpx.get(f"http://localhost:{application.ports['web']}/public/index.html").status_code == 200
    assert httpx.get(f"http://localhost:{application.ports['web']}/srv/x").status_code == 502
    assert landscape.interrupt() == 0


def test_ctrl_c_while_starting_ends_with_130_and_leaves_nothing(application: Application, up: Start):
    application.write("srv/server.py", "import time\nprint('srv takes its time')\ntime.sleep(3600)\n")
    landscape = up()
    landscape.sees("srv takes its time")

    assert landscape.interrupt() == 130
    assert processes_about(str(application.folder)) == []


def test_a_part_that_does_not_listen_to_sigterm_is_killed(application: Application, up: Start):
    ignoring = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    application.write("srv/server.py", ignoring + (application.folder / "srv" / "server.py").read_text())
    landscape = up()
    landscape.sees("ready after")

    landscape.process.send_signal(signal.SIGINT)
    landscape.sees("stopping srv")
    # The second Ctrl-C is for those who do not want to wait for the grace.
    landscape.process.send_signal(signal.SIGINT)

    assert landscape.ends() == 0
    assert processes_about(str(application.folder)) == []


def test_nothing_is_left_when_the_landscape_itself_is_killed(application: Application, up: Start):
    landscape = up()
    landscape.sees("ready after")

    landscape.process.kill()
    landscape.ends()

    assert eventually(lambda: processes_about(str(application.folder)) == [])
    assert not any(listens(port) for port in application.ports.values())
    # And the next start is not held up by what is left of the last one.
    again = up()
    again.sees("ready after")
    assert again.interrupt() == 0


def test_env_and_token_say_so_when_nothing_runs(application: Application):
    folder = str(application.folder)

    for arguments in (("env", "srv"), ("token", "--user", "anna", "--app", "srv"), ("token", "--app", "srv")):
        result = entryway(*arguments, "--dir", folder)
        assert result.returncode == 1
        assert result.stdout == ""
        assert f"`entryway up` does not run in {folder}" in result.stderr
