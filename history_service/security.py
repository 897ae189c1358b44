"""Headers that keep browsers safe, on every answer, and CORS for the origins that are let in."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, request
from werkzeug.middleware.proxy_fix import ProxyFix

from history_service.errors import Problem

# Nothing but the service's own scripts, styles and pictures; blob: shows a picture before upload.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # without any, a plain form says that it is of no site
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
}


def add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    origin = request.headers.get("Origin")
    response.vary.add("Origin")
    if origin and origin in current_app.config["CORS_ORIGINS"]:
        _let_in(response, origin)
    if response.status_code == 401:
        response.headers.add("WWW-Authenticate", _challenge())
    return response


def _let_in(response: Response, origin: str) -> None:
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Allow-Methods"] = "GET, POST, DELETE"
    response.headers["Access-Control-Allow-Headers"] = (
        "Authorization, Content-Type, Idempotency-Key, X-API-Key, X-Request-ID"
    )
    response.headers["Access-Control-Expose-Headers"] = "X-Request-ID, Retry-After"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"


def _challenge() -> str:
    """A browser that opens a page asks its user for the key (as a password); a program reads on."""
    wants_page = request.accept_mimetypes.best == "text/html"
    return 'Basic realm="Any name, API key as the password"' if wants_page else "Bearer"


def refuse_forged_request() -> None:
    """Other sites' pages must not write by a visitor's browser: it reaches what they do not, such
    as this machine's loopback, and adds a remembered password by itself."""
    if request.method in ("GET", "HEAD", "OPTIONS") or not _of_other_site():
        return
    remembered = request.authorization is not None and request.authorization.type == "basic"
    let_in = request.headers.get("Origin") in current_app.config["CORS_ORIGINS"]
    if remembered or not let_in:
        raise Problem(
            403,
            "cross_site",
            "Other sites' pages may not write here, but for those that CORS_ORIGINS names.",
        )


def _of_other_site() -> bool:
    """As the browser says; without HTTPS it says so on loopback alone, and elsewhere only of which
    site the page is. A program says neither."""
    if site := request.headers.get("Sec-Fetch-Site"):
        return site in ("cross-site", "same-site")
    origin = request.headers.get("Origin")
    return origin is not None and origin.partition("://")[2].lower() != request.host.lower()


def refuse_strange_name() -> None:
    """A page of a site whose name was made to lead here (DNS rebinding) is of the same site to the
    browser; only the name that it calls tells it apart. Such a page has a name of its own: it calls
    no address, and leaves the header never out, as probes and metrics' collectors do."""
    allowed = current_app.extensions["allowed_hosts"]
    host = request.headers.get("Host")
    if allowed and host and (name := _called(host)) not in allowed and not _address(name):
        raise Problem(
            421, "host_not_allowed", "The service does not go by this name; see ALLOWED_HOSTS."
        )


def _called(host: str) -> str:
    """The name in a Host header, in lower case and without the port; "" where it is malformed."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None


def allowed_hosts(config: Mapping[str, Any]) -> frozenset[str]:
    """The names that the service goes by, in lower case; empty: any."""
    guarded = config["REQUIRE_KEY"] or config["TRUSTED_PROXIES"] or not _is_loopback(config["HOST"])
    if guarded and not config["ALLOWED_HOSTS"]:
        return frozenset()
    return frozenset(("localhost", *config["ALLOWED_HOSTS"]))


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def init_app(app: Flask) -> None:
    app.extensions["allowed_hosts"] = allowed_hosts(app.config)
    proxies = app.config["TRUSTED_PROXIES"]
    if proxies:
        # Not X-Forwarded-Port: the name that was called says its port, a proxy knows its own.
        app.wsgi_app = ProxyFix(app.wsgi_app, proxies, proxies, proxies, 0, proxies)  # type: ignore[method-assign]
    app.before_request(refuse_strange_name)
    app.before_request(refuse_forged_request)
    app.after_request(add_headers)
