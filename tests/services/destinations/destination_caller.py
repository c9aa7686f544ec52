from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from entryway.testing.issuer import Issuer

INSTANCE = "11111111-0000-4000-8000-000000000001"
OTHER_INSTANCE = "22222222-0000-4000-8000-000000000002"
MASTER_KEY = bytes(range(32))


def clone(instance_id: str) -> str:
    return f"sb-clone-{instance_id}!b1|destination-xsappname!b1"


@dataclass
class Service:
    """The running service as one of its instances sees it."""

    url: str
    issuer: Issuer
    http: httpx.Client
    database: str
    instance_id: str = INSTANCE

    def token(self, **more: Any) -> str:
        return self.issuer.client_token(clone(self.instance_id), instance_id=self.instance_id, **more)

    def user_token(self, **more: Any) -> str:
        """A user's token, exchanged for the instance's client."""
        cid = clone(self.instance_id)
        names = {"cid": cid, "client_id": cid, "azp": cid, "aud": [cid, "openid"]}
        ext_attr = {"enhancer": "XSUAA", "zdn": self.issuer.subdomain, "serviceinstanceid": self.instance_id}
        return self.issuer.token(**(names | {"ext_attr": ext_attr} | more))

    def send(self, method: str, path: str, *, token: str | None = None, json: Any = None, **headers: str):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers["authorization"] = f"Bearer {self.token() if token is None else token}"
        return self.http.request(method, f"{self.url}/destination-configuration/{path}", headers=headers, json=json)

    def store(self, name: str, level: str = "instance", **properties: str) -> None:
        document = {"Name": name, "Type": "HTTP", "URL": "https://erp.example.com", "ProxyType": "Internet"}
        answer = self.send("POST", f"v1/{level}Destinations", json=document | properties)
        assert answer.status_code == 201, answer.text

    def find(self, name: str, query: str = "", *, token: str | None = None, **headers: str):
        return self.send("GET", f"v1/destinations/{quote(name, safe='')}{query}", token=token, **headers)

    def of(self, instance_id: str) -> "Service":
        return Service(self.url, self.issuer, self.http, self.database, instance_id)
