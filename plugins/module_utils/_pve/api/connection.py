# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection options, parsed and checked."""

from __future__ import annotations

import ipaddress
import os
import re
import ssl
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

from .errors import UsageError

DEFAULT_PORT = 8006
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_\-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(
    rf"(?:\[(?P<v6>[^\[\]]+)\]|(?P<name>{_LABEL}(?:\.{_LABEL})*\.?))(?::(?P<port>\d{{1,5}}))?\Z"
)
# Seconds: more than a day is an error, and more than some years is refused by the operating system.
_LONGEST = 86400.0
_MOST_RETRIES = 100
_HIDDEN = "the value (hidden, because it may contain a secret)"
_TOKEN_ID = re.compile(r"(?:(?P<user>[^!]+)!)?(?P<name>[A-Za-z][A-Za-z0-9.\-_]+)\Z")


@dataclass(frozen=True)
class Host:
    """One address of the API; ``str()`` is ``name:port``, brackets around an IPv6 address."""

    name: str
    port: int

    @classmethod
    def parse(cls, text: str, default_port: int) -> Host:
        """Read ``host``, ``host:port``, ``[v6]:port`` or a bare IPv6 address (with a zone)."""
        if _is_v6(text):
            return cls(text, default_port)
        match = _HOST.match(text)
        if match is None or (match.group("v6") and not _is_v6(match.group("v6"))):
            raise UsageError(_no_host(_harmless(text)))
        port = int(match.group("port") or default_port)
        if not 0 < port < 65536:
            raise UsageError(f"api_host: {text!r} has a port outside 1..65535")
        return cls(match.group("v6") or match.group("name"), port)

    def __str__(self) -> str:
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"


@dataclass(frozen=True)
class Connection:
    """Everything needed to talk to a cluster. Secrets stay out of ``repr()``.

    ``timeout`` is how long a response may take, in seconds. ``retries`` is how often a read is
    retried. ``fingerprints`` are SHA-256 digests in lower-case hex without colons.
    """

    hosts: tuple[Host, ...]
    user: str
    path_prefix: str = ""
    password: str | None = field(default=None, repr=False)
    otp: str | None = field(default=None, repr=False)
    token_name: str | None = None
    token_secret: str | None = field(default=None, repr=False)
    ca_path: str | None = None
    validate_certs: bool = True
    fingerprints: tuple[str, ...] = ()
    timeout: float = 30.0
    retries: int = 5

    @classmethod
    def from_options(cls, options: t.Mapping[str, t.Any]) -> Connection:
        """Parse the options ``api_*``, ``ca_path`` and ``validate_certs``; refuse bad values."""
        options = _credentials(options, os.environ)
        user, token_name = _identity(options)
        password, secret = options.get("api_password"), options.get("api_token_secret")
        _check_secret(secret)
        if not password and not (token_name and secret):
            raise UsageError(
                "set api_password, or api_token_id and api_token_secret"
                " (options, module_defaults or the environment variables PROXMOX_*)"
            )
        return cls(
            hosts=_hosts(options),
            user=user,
            path_prefix=_path_prefix(options),
            password=password or None,
            otp=options.get("api_otp") or None,
            token_name=token_name if secret else None,
            token_secret=secret or None,
            ca_path=_ca_path(options),
            validate_certs=_given(options, "validate_certs", True),
            fingerprints=tuple(_fingerprint(pin) for pin in options.get("api_fingerprint") or ()),
            timeout=_positive(options, "api_timeout", 30),
            retries=_retries(options),
        )

    @property
    def authid(self) -> str:
        """The caller as in UPIDs: user@realm, with ``!token`` for a token."""
        return f"{self.user}!{self.token_name}" if self.token_name else self.user


def _hosts(options: t.Mapping[str, t.Any]) -> tuple[Host, ...]:
    port = int(_given(options, "api_port", DEFAULT_PORT))
    given = options.get("api_host") or ()
    texts = [given] if isinstance(given, str) else list(given)
    names = [name.strip() for text in texts for name in str(text).split(",")]
    try:
        hosts = tuple(Host.parse(name, port) for name in names if name)
    except UsageError:
        if any(map(_suspicious, names)):  # a comma may have cut a password in two
            raise UsageError(_no_host(_HIDDEN)) from None
        raise
    if not hosts:
        raise UsageError("api_host is missing (an option, or PROXMOX_HOST in the environment)")
    return hosts


def _no_host(shown: str) -> str:
    return (
        f"api_host: {shown} is not a host, host:port or [v6]:port (no https://, no user, no path)"
    )


def _credentials(
    options: t.Mapping[str, t.Any], environment: t.Mapping[str, str]
) -> t.Mapping[str, t.Any]:
    """The options without a token from the environment if a password was given explicitly."""
    password, secret = options.get("api_password"), options.get("api_token_secret")
    of_environment = {
        "api_password": password == environment.get("PROXMOX_PASSWORD"),
        "api_token_secret": secret == environment.get("PROXMOX_TOKEN_SECRET"),
    }
    if password and secret and of_environment == {"api_password": False, "api_token_secret": True}:
        return {**options, "api_token_id": None, "api_token_secret": None}
    return options


def _path_prefix(options: t.Mapping[str, t.Any]) -> str:
    text = str(options.get("api_path_prefix") or "").strip("/")
    if text and not re.match(r"[\w.~\-]+(/[\w.~\-]+)*\Z", text):
        raise UsageError(f"api_path_prefix: {_harmless(text)} is not a path such as /pve")
    return f"/{text}" if text else ""


def _identity(options: t.Mapping[str, t.Any]) -> tuple[str, str | None]:
    user = options.get("api_user") or "root@pam"
    token_id = options.get("api_token_id")
    if token_id:
        match = _TOKEN_ID.match(token_id)
        if match is None:  # hidden, because it may contain the secret
            raise UsageError(
                "api_token_id: it is neither name nor user@realm!name; the secret belongs into"
                " api_token_secret"
            )
        return _user(match.group("user") or user), match.group("name")
    return _user(user), None


def _user(user: str) -> str:
    parts = user.split("@")
    sendable = all("!" <= one <= "~" and one not in ":/!=,;" for one in user)
    realm = re.match(r"[A-Za-z][A-Za-z0-9.\-_]+\Z", parts[-1])
    if not sendable or len(parts) < 2 or not all(parts) or realm is None:
        raise UsageError(
            f"api_user: {_harmless(user)} is not user@realm, such as root@pam or ansible@pve"
        )
    return user


def _fingerprint(pin: str) -> str:
    digits = pin.replace(":", "").strip().lower()
    if not re.match(r"[0-9a-f]{64}\Z", digits):
        raise UsageError(
            f"api_fingerprint: {_harmless(pin)} is not a SHA-256 fingerprint"
            " (32 bytes as AB:CD:...)"
        )
    return digits


def _given(options: t.Mapping[str, t.Any], name: str, default: t.Any) -> t.Any:
    value = options.get(name)
    return default if value is None else value


def _positive(options: t.Mapping[str, t.Any], name: str, default: float) -> float:
    value = float(_given(options, name, default))
    if not 0 < value <= _LONGEST:
        raise UsageError(f"{name}: {value:g} is not a number of seconds from 1 to {_LONGEST:.0f}")
    return value


def _retries(options: t.Mapping[str, t.Any]) -> int:
    value = int(_given(options, "api_retries", 5))
    if not 0 <= value <= _MOST_RETRIES:
        raise UsageError(f"api_retries: {value} is not a number from 0 to {_MOST_RETRIES}")
    return value


def _is_v6(text: str) -> bool:
    address, _percent, zone = text.partition("%")
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        return False
    return "%" not in text or re.match(r"[\w.\-]+\Z", zone) is not None


def _check_secret(secret: str | None) -> None:
    """Refuse what is not allowed in a header; no part of it is shown."""
    for position, character in enumerate(secret or "", 1):
        if not "!" <= character <= "~":
            raise UsageError(
                f"api_token_secret: character {position} of {len(secret or '')} cannot be sent: a"
                " line end, a blank, or no ASCII character. Does it come from a file with a line"
                " end, or was it copied with something invisible?"
            )


def _ca_path(options: t.Mapping[str, t.Any]) -> str | None:
    """The file or directory of trusted certificates, if valid."""
    path: str | None = options.get("ca_path") or None
    if path is None or options.get("validate_certs") is False or options.get("api_fingerprint"):
        return path
    try:
        if Path(path).is_dir():
            ssl.create_default_context(capath=path)
        else:
            ssl.create_default_context(cafile=path)
    except (OSError, ValueError) as exc:
        raise UsageError(f"ca_path: {path!r} has no certificates that can be read: {exc}") from exc
    return path


def suspects(options: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    """The texts that the checks refuse and hide, including what follows their commas."""
    for name, check in _CHECKS.items():
        value = options.get(name)
        texts = [
            str(one) for one in (value if isinstance(value, (list, tuple)) else [value]) if one
        ]
        if any(map(_suspicious, texts)) and any(_refuses(check, text) for text in texts):
            yield from texts


def _refuses(check: t.Callable[[str], t.Any], text: str) -> bool:
    try:
        check(text)
    except UsageError:
        return True
    return False


_CHECKS: dict[str, t.Callable[[str], t.Any]] = {
    "api_host": lambda text: [Host.parse(one.strip(), DEFAULT_PORT) for one in text.split(",")],
    "api_path_prefix": lambda text: _path_prefix({"api_path_prefix": text}),
    "api_user": _user,
    "api_token_id": lambda text: _identity({"api_token_id": text}),
    "api_fingerprint": _fingerprint,
}


def _suspicious(text: str) -> bool:
    """Whether it may contain a secret."""
    return len(text) > 80 or re.search(r"[@=!?]", text) is not None or not text.isprintable()


def _harmless(text: str) -> str:
    """A value for a message, hidden if it may contain a secret or cannot be printed."""
    return _HIDDEN if _suspicious(text) else repr(text)
