"""Which proxy a request takes: decided once, for both drivers."""

from __future__ import annotations

import re
from contextlib import suppress
from urllib.parse import unquote, urlsplit

from requests.utils import get_environ_proxies, select_proxy

from airflow_provider.exceptions import InvalidInput
from airflow_provider.http.parsers import proxy_url


def proxy_for(url: str, own: str | None = None) -> str | None:
    """Return the URL of the proxy that a request takes.

    The connection's own wins. Without one it is as the environment says: ``HTTPS_PROXY``, ``HTTP_PROXY``,
    ``ALL_PROXY`` and ``NO_PROXY``, in lower case first. ``NO_PROXY`` has hosts, domains, ``host:port`` and
    ranges like ``10.0.0.0/8``. A proxy without a scheme is an ``http://`` one.

    :param url: where the request goes
    :param own: the connection's proxy
    :return: the proxy; None for none
    :raises InvalidInput: the environment's proxy cannot be used
    """
    proxy = own or select_proxy(url, get_environ_proxies(url))
    if not proxy:
        return None
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    with suppress(ValueError):
        return proxy_url(proxy)
    scheme = proxy.partition("://")[0].lower()
    known = re.fullmatch(r"[a-z][a-z0-9+.-]{0,9}", scheme) and scheme not in ("http", "https")
    fault = f'has the scheme "{scheme}", which is not supported' if known else "is not a URL"
    raise InvalidInput(
        f"the proxy that the environment names for {urlsplit(url).hostname} {fault}.",
        field="Proxy",
        remedy='Name one like http://proxy.example.com:3128 in "Proxy" of the connection or in the variables '
        "HTTPS_PROXY, HTTP_PROXY and ALL_PROXY, or add the host to NO_PROXY.",
    )


def proxy_secrets(proxy: str | None) -> list[str]:
    """Return what of a proxy's URL must not be shown.

    :param proxy: the URL
    """
    if not proxy or not (password := urlsplit(proxy).password):
        return []
    return [proxy, password, unquote(password)]
