# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The texts of the connection options: each parsed, or refused without showing a secret in it."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from dataclasses import dataclass

from .errors import UsageError

DEFAULT_PORT = 8006
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_\-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(
    rf"(?:\[(?P<v6>[^\[\]]+)\]|(?P<name>{_LABEL}(?:\.{_LABEL})*\.?))(?::(?P<port>\d{{1,5}}))?\Z"
)
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


def read_hosts(given: str | t.Sequence[t.Any], port: int) -> tuple[Host, ...]:
    """The hosts in a text with commas, or in a list of such texts; ``port`` is the default."""
    texts = [given] if isinstance(given, str) else list(given)
    names = [name.strip() for text in texts for name in str(text).split(",")]
    try:
        return tuple(Host.parse(name, port) for name in names if name)
    except UsageError:
        if any(map(_suspicious, names)):  # a comma may have cut a password in two
            raise UsageError(_no_host(_HIDDEN)) from None
        raise


def _no_host(shown: str) -> str:
    return (
        f"api_host: {shown} is not a host, host:port or [v6]:port (no https://, no user, no path)"
    )


def read_path_prefix(text: str) -> str:
    """The path with a leading and without a trailing slash, empty if there is none."""
    path = text.strip("/")
    if path and not re.match(r"[\w.~\-]+(/[\w.~\-]+)*\Z", path):
        raise UsageError(f"api_path_prefix: {_harmless(path)} is not a path such as /pve")
    return f"/{path}" if path else ""


def read_token_id(text: str) -> tuple[str | None, str]:
    """The user of a token, None if only its name is given, and its name."""
    match = _TOKEN_ID.match(text)
    if match is None:  # hidden, because it may contain the secret
        raise UsageError(
            "api_token_id: it is neither name nor user@realm!name; the secret belongs into"
            " api_token_secret"
        )
    user = match.group("user")
    return read_user(user) if user else None, match.group("name")


def read_user(user: str) -> str:
    """A user with a realm, as it is."""
    parts = user.split("@")
    sendable = all("!" <= one <= "~" and one not in ":/!=,;" for one in user)
    realm = re.match(r"[A-Za-z][A-Za-z0-9.\-_]+\Z", parts[-1])
    if not sendable or len(parts) < 2 or not all(parts) or realm is None:
        raise UsageError(
            f"api_user: {_harmless(user)} is not user@realm, such as root@pam or ansible@pve"
        )
    return user


def read_fingerprint(pin: str) -> str:
    """The digest in lower-case hex without colons."""
    digits = pin.replace(":", "").strip().lower()
    if not re.match(r"[0-9a-f]{64}\Z", digits):
        raise UsageError(
            f"api_fingerprint: {_harmless(pin)} is not a SHA-256 fingerprint"
            " (32 bytes as AB:CD:...)"
        )
    return digits


def check_secret(secret: str | None) -> None:
    """Refuse what is not allowed in a header; no part of it is shown."""
    for position, character in enumerate(secret or "", 1):
        if not "!" <= character <= "~":
            raise UsageError(
                f"api_token_secret: character {position} of {len(secret or '')} cannot be sent: a"
                " line end, a blank, or no ASCII character. Does it come from a file with a line"
                " end, or was it copied with something invisible?"
            )


def _is_v6(text: str) -> bool:
    address, _percent, zone = text.partition("%")
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        return False
    return "%" not in text or re.match(r"[\w.\-]+\Z", zone) is not None


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
    "api_host": lambda text: read_hosts(text, DEFAULT_PORT),
    "api_path_prefix": read_path_prefix,
    "api_user": read_user,
    "api_token_id": read_token_id,
    "api_fingerprint": read_fingerprint,
}


def _suspicious(text: str) -> bool:
    """Whether it may contain a secret."""
    return len(text) > 80 or re.search(r"[@=!?]", text) is not None or not text.isprintable()


def _harmless(text: str) -> str:
    """A value for a message, hidden if it may contain a secret or cannot be printed."""
    return _HIDDEN if _suspicious(text) else repr(text)
