# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the API is and who calls it: the connection options, read and checked."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from .errors import UsageError

DEFAULT_PORT = 8006
_HOST = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.%]+)\]|(?P<name>[A-Za-z0-9](?:[A-Za-z0-9.\-_]*[A-Za-z0-9])?\.?))"
    r"(?::(?P<port>\d{1,5}))?\Z"
)
_BARE_V6 = re.compile(r"[0-9A-Fa-f.]*(?::[0-9A-Fa-f.]*){2,}(?:%\w+)?\Z")
_TOKEN_ID = re.compile(r"(?:(?P<user>[^!]+@[^!]+)!)?(?P<name>[A-Za-z][A-Za-z0-9.\-_]+)\Z")


@dataclass(frozen=True)
class Host:
    """One address of the API; ``str()`` is ``name:port``, brackets around an IPv6 address."""

    name: str
    port: int

    @classmethod
    def parse(cls, text: str, default_port: int) -> Host:
        """Read ``host``, ``host:port``, ``[v6]:port`` or a bare IPv6 address."""
        if _BARE_V6.match(text):
            return cls(text, default_port)
        match = _HOST.match(text)
        if match is None:
            raise UsageError(
                f"api_host: {text!r} is not a host, host:port or [v6]:port (no https://, no path)"
            )
        port = int(match.group("port") or default_port)
        if not 0 < port < 65536:
            raise UsageError(f"api_host: {text!r} has a port outside 1..65535")
        return cls(match.group("v6") or match.group("name"), port)

    def __str__(self) -> str:
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"


@dataclass(frozen=True)
class Connection:
    """Everything needed to talk to a cluster. Secrets stay out of ``repr()``.

    ``timeout`` is how long an answer may take, in seconds. ``retries`` is how often a read is
    tried again. ``fingerprints`` are SHA-256 digests in lower-case hex without colons.
    """

    hosts: tuple[Host, ...]
    user: str
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
        """Read the options ``api_*``, ``ca_path`` and ``validate_certs``; refuse what is wrong."""
        user, token_name = _identity(options)
        password, secret = options.get("api_password"), options.get("api_token_secret")
        if not password and not (token_name and secret):
            raise UsageError(
                "give api_password, or api_token_id and api_token_secret"
                " (options, module_defaults or the environment variables PROXMOX_*)"
            )
        return cls(
            hosts=_hosts(options),
            user=user,
            password=password or None,
            otp=options.get("api_otp") or None,
            token_name=token_name if secret else None,
            token_secret=secret or None,
            ca_path=options.get("ca_path") or None,
            validate_certs=_given(options, "validate_certs", True),
            fingerprints=tuple(_fingerprint(pin) for pin in options.get("api_fingerprint") or ()),
            timeout=_positive(options, "api_timeout", 30),
            retries=int(_given(options, "api_retries", 5)),
        )

    @property
    def authid(self) -> str:
        """How Proxmox VE names the caller in UPIDs: user@realm, with ``!token`` for a token."""
        return f"{self.user}!{self.token_name}" if self.token_name else self.user


def _hosts(options: t.Mapping[str, t.Any]) -> tuple[Host, ...]:
    port = int(_given(options, "api_port", DEFAULT_PORT))
    given = options.get("api_host") or ()
    texts = [given] if isinstance(given, str) else list(given)
    names = [name.strip() for text in texts for name in str(text).split(",")]
    hosts = tuple(Host.parse(name, port) for name in names if name)
    if not hosts:
        raise UsageError("api_host is missing (an option, or PROXMOX_HOST in the environment)")
    return hosts


def _identity(options: t.Mapping[str, t.Any]) -> tuple[str, str | None]:
    user = options.get("api_user") or "root@pam"
    token_id = options.get("api_token_id")
    if token_id:
        match = _TOKEN_ID.match(token_id)
        if match is None:
            raise UsageError(f"api_token_id: {token_id!r} is neither name nor user@realm!name")
        return match.group("user") or _user(user), match.group("name")
    return _user(user), None


def _user(user: str) -> str:
    if not re.match(r"[^\s:/@]+(@[^\s:/@]+)*@[A-Za-z][A-Za-z0-9.\-_]+\Z", user):
        raise UsageError(f"api_user: {user!r} has no realm; write it as user@pam or user@pve")
    return user


def _fingerprint(pin: str) -> str:
    digits = pin.replace(":", "").strip().lower()
    if not re.match(r"[0-9a-f]{64}\Z", digits):
        raise UsageError(
            f"api_fingerprint: {pin!r} is not a SHA-256 fingerprint (32 bytes as AB:CD:...)"
        )
    return digits


def _given(options: t.Mapping[str, t.Any], name: str, default: t.Any) -> t.Any:
    value = options.get(name)
    return default if value is None else value


def _positive(options: t.Mapping[str, t.Any], name: str, default: float) -> float:
    value = float(_given(options, name, default))
    if value <= 0:
        raise UsageError(f"{name}: {value:g} is not a positive number of seconds")
    return value
