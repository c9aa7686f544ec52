"""What a platform asks of the broker, in the words of a test."""

from dataclasses import dataclass, field
from typing import Any

import httpx

from entryway.testing.control_plane import PLATFORM_SECRET as SECRET
from entryway.testing.control_plane import ControlPlane

INSTANCE = "11111111-0000-4000-8000-000000000001"
OTHER_INSTANCE = "other-instance"
BINDING = "aaaaaaaa-0000-4000-8000-000000000001"
VERSION = {"x-broker-api-version": "2.17"}


@dataclass
class Platform:
    """`services` is the broker with its neighbours; `broker_url` may be another broker on the same database."""

    services: ControlPlane
    http: httpx.Client
    broker_url: str
    offered: dict[str, dict[str, str]] = field(default_factory=dict)

    def ids(self, service: str) -> dict[str, str]:
        if not self.offered:
            for offered in self.send("GET", "/v2/catalog").json()["services"]:
                self.offered[offered["name"]] = {"service_id": offered["id"], "plan_id": offered["plans"][0]["id"]}
        return dict(self.offered[service])

    def send(self, method: str, path: str, *, json: Any = None, auth: Any = None, **more: Any) -> httpx.Response:
        headers = VERSION | more.pop("headers", {})
        auth = ("entryway-platform", SECRET) if auth is None else auth
        return self.http.request(method, self.broker_url + path, json=json, auth=auth, headers=headers, **more)

    def provision(self, service: str, parameters: dict | None = None, instance_id: str = INSTANCE) -> httpx.Response:
        body = self.ids(service) | {"parameters": parameters or {}, "context": {"instance_name": "the-instance"}}
        return self.send("PUT", f"/v2/service_instances/{instance_id}", json=body)

    def bind(self, service: str, binding_id: str = BINDING, instance_id: str = INSTANCE, **more: Any) -> httpx.Response:
        path = f"/v2/service_instances/{instance_id}/service_bindings/{binding_id}"
        return self.send("PUT", path, json=self.ids(service) | more)

    def unbind(self, service: str, binding_id: str = BINDING, instance_id: str = INSTANCE) -> httpx.Response:
        path = f"/v2/service_instances/{instance_id}/service_bindings/{binding_id}"
        return self.send("DELETE", path, params=self.ids(service))

    def deprovision(self, service: str, instance_id: str = INSTANCE) -> httpx.Response:
        return self.send("DELETE", f"/v2/service_instances/{instance_id}", params=self.ids(service))

    def token(self, credentials: dict) -> httpx.Response:
        form = {
            "grant_type": "client_credentials",
            "client_id": credentials["clientid"],
            "client_secret": credentials["clientsecret"],
        }
        return self.http.post(f"{credentials['url']}/oauth/token", data=form)

    def destinations(self, credentials: dict, path: str) -> httpx.Response:
        token = self.token(credentials).json()["access_token"]
        url = f"{credentials['uri']}/destination-configuration/v1/{path}"
        return self.http.get(url, headers={"authorization": f"Bearer {token}"})
