"""Distinctive secrets, and connections that carry them."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from tests.support.canary import LENGTH
from tests.support.sandbox import SandboxProcess

# Only their beginnings are looked for, so these differ from one another from the first letter on.
AUTHORIZATION = "Basic QXV0aENhbmFyeS1kb250LXNob3ctbWU6c2VjcmV0"
CORPORATE = "CorporateCanary-3f1c0b77e2a9"
WOLKVOX = "WolkvoxCanary-91d2c4f06ab7e35d"
MPOHODA_KEY = "KeyOfMpohodaCanary-4b7e90d215c8"
MPOHODA_CLIENT = "canary-client"
MPOHODA_SECRET = "SecretOfMpohodaCanary-c03d8aa1f67e"
MOBADOO = "TokenOfMobadooCanary-27b0e4f9c811"
MOBADOO_HASH = "HashOfMobadooCanary-1c5e09ab77d2f4"
PROXY_PASSWORD = "ProxyPasswordCanary-5f20"
CONFIGURED = [
    AUTHORIZATION,
    AUTHORIZATION.partition(" ")[2],
    CORPORATE,
    WOLKVOX,
    MPOHODA_KEY,
    MPOHODA_SECRET,
    MOBADOO,
    MOBADOO_HASH,
    # As it is in the header of HTTP Basic.
    f"{MPOHODA_CLIENT}:{MPOHODA_SECRET}",
    PROXY_PASSWORD,
    f"proxyuser:{PROXY_PASSWORD}",
]
PERSON = {
    "unique_id_sha": "id-canary-77120934",
    "name": "Kanárienka Vtáčiková",
    "mail": "kanarienka.vtacikova@example.com",
    "cellular": "+421 905 771 209",
}
"""A record whose values must be in no log and no error."""
PARTNER = "BusinessPartnerAddress.DocumentAddressWithoutAddressBookLink"
INVOICE = {
    f"{PARTNER}.Name": PERSON["name"],
    f"{PARTNER}.Street": "Kanárska 1207",
    f"{PARTNER}.City": "Vtáčkovce nad Ipľom",
    f"{PARTNER}.IdentificationNumber": "58120946",
    f"{PARTNER}.Email": PERSON["mail"],
    f"{PARTNER}.PhoneNumber": PERSON["cellular"],
    "Items.TextItem.Text": "Klietka pre p. Vtáčikovú",
    "Items.TextItem.Quantity": "1",
    "Items.TextItem.UnitPrice": "19.90",
}
"""A document of the same person, which mPOHODA has to be given."""
COMPANY = ["58120946", "Kanárska", "KANÁRSKA", "Vtáčkovce", "VTÁČKOVCE", "Klietka"]
TRACES = ["77120934", "Vtáčiková", "VTÁČIKOVÁ", "vtacikova", "905771209", "905 771 209", *COMPANY]
"""What gives the person away."""
SWITCHES = {
    "imbee.authorization": AUTHORIZATION,
    "imbee.corporate_token": CORPORATE,
    "imbee.self_chat": True,
    "wolkvox.token": WOLKVOX,
    "mpohoda.api_key": MPOHODA_KEY,
    "mpohoda.client_id": MPOHODA_CLIENT,
    "mpohoda.client_secret": MPOHODA_SECRET,
}


def connections(sandbox: SandboxProcess) -> dict[str, str]:
    """Return connections with the secrets, directly and through proxies: one that answers, one that is dead."""
    found = dict(sandbox.get("/_sandbox/connections").json())
    port = urlsplit(sandbox.url).port
    for vendor, proxy_port in (("IMBEE", port), ("WOLKVOX", 1)):
        connection = json.loads(found[f"AIRFLOW_CONN_{vendor}_DEFAULT"])
        proxy = f"http://proxyuser:{PROXY_PASSWORD}@127.0.0.1:{proxy_port}"
        connection["extra"] = {**connection.get("extra", {}), "proxy": proxy}
        if vendor == "WOLKVOX":
            # With the same user it would have the same quota, and a sensor would find what is known of that.
            connection["login"] = "proxy_operation"
        found[f"AIRFLOW_CONN_{vendor}_PROXY"] = json.dumps(connection)
    connection = json.loads(found["AIRFLOW_CONN_MPOHODA_OAUTH"])
    connection["extra"] = {**connection["extra"], "client_authentication": "basic"}
    found["AIRFLOW_CONN_MPOHODA_BASIC"] = json.dumps(connection)
    extra = {"client_id": "client-1", "profile": "house"}
    launch = {"conn_type": "mobadoo", "password": MOBADOO, "extra": extra}
    found["AIRFLOW_CONN_MOBADOO_LAUNCH"] = json.dumps(launch)
    for number in (1, 2, 3):
        connection = json.loads(found["AIRFLOW_CONN_WOLKVOX_DEFAULT"])
        connection["login"] = f"operation_{number}"
        found[f"AIRFLOW_CONN_WOLKVOX_REFUSED_{number}"] = json.dumps(connection)
    return found


def apikey(sandbox: SandboxProcess) -> str:
    """Return the apikey that Imbee gives the user "ada", whoever asks."""
    body = {"uniqueIdSha": "ada", "platform": "a", "deviceName": "b", "hardwareId": "c", "osVersion": "d"}
    headers = {"Authorization": AUTHORIZATION, "X-WOOS-KEY": CORPORATE}
    return str(sandbox.post("/imbee/third_parties/user/new", body, headers=headers).json()["body"]["apikey"])


def all_secrets(sandbox: SandboxProcess) -> list[str]:
    # The sandbox also lists its defaults, which were replaced; some of them are short.
    return sorted({*CONFIGURED, *(secret for secret in sandbox.secrets() if len(secret) >= LENGTH)})
