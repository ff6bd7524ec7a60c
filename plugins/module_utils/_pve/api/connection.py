# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection options together, with their defaults."""

from __future__ import annotations

import os
import ssl
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

from .errors import UsageError
from .option_texts import (
    DEFAULT_PORT,
    Host,
    check_secret,
    read_fingerprint,
    read_hosts,
    read_path_prefix,
    read_token_id,
    read_user,
)

# Seconds: more than a day is an error, and more than some years is refused by the operating system.
_LONGEST = 86400.0
_MOST_RETRIES = 100


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
        check_secret(secret)
        if not password and not (token_name and secret):
            raise UsageError(
                "set api_password, or api_token_id and api_token_secret"
                " (options, module_defaults or the environment variables PROXMOX_*)"
            )
        return cls(
            hosts=_hosts(options),
            user=user,
            path_prefix=read_path_prefix(str(options.get("api_path_prefix") or "")),
            password=password or None,
            otp=options.get("api_otp") or None,
            token_name=token_name if secret else None,
            token_secret=secret or None,
            ca_path=_ca_path(options),
            validate_certs=_given(options, "validate_certs", True),
            fingerprints=tuple(
                read_fingerprint(pin) for pin in options.get("api_fingerprint") or ()
            ),
            timeout=_positive(options, "api_timeout", 30),
            retries=_retries(options),
        )

    @property
    def authid(self) -> str:
        """The caller as in UPIDs: user@realm, with ``!token`` for a token."""
        return f"{self.user}!{self.token_name}" if self.token_name else self.user


def _hosts(options: t.Mapping[str, t.Any]) -> tuple[Host, ...]:
    port = int(_given(options, "api_port", DEFAULT_PORT))
    hosts = read_hosts(options.get("api_host") or (), port)
    if not hosts:
        raise UsageError("api_host is missing (an option, or PROXMOX_HOST in the environment)")
    return hosts


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


def _identity(options: t.Mapping[str, t.Any]) -> tuple[str, str | None]:
    """The user, and the name of the token if one is given."""
    token_id = options.get("api_token_id")
    user, name = read_token_id(token_id) if token_id else (None, None)
    return user or read_user(options.get("api_user") or "root@pam"), name


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
