# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tickets, CSRF tokens, API tokens and second factors (`PVE/AccessControl.pm`).

Tickets are signed with a secret of the process and live two hours. They are good on every node
whose clock is not more than five minutes behind that of the node which made them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import secrets
import struct
from dataclasses import dataclass
from urllib.parse import quote

from .answer import bare
from .request import Request
from .world import User, World

LIFETIME = 7200.0
TOLERANCE = 300.0
FAILED_DELAY = 3.0
"""Seconds that every answer 401 takes in all."""
NO_TICKET = "No ticket"
AUTH_FAILED = "Authentication failed!"
CSRF_FAILED = "Permission denied - invalid csrf token"
TICKET = re.compile(r"PVE:(?P<data>.+):(?P<time>[0-9A-F]{8})::(?P<signature>.+)")
TOKEN = re.compile(
    r"(?P<user>[^\s:/]+@[A-Za-z][\w.\-]+)!(?P<token>[A-Za-z][\w.\-]+)=(?P<secret>.+)"
)
CHALLENGE = "!tfa!"


@dataclass(frozen=True)
class Identity:
    """Who is logged in: a user by ticket, or one of their API tokens."""

    userid: str
    tokenid: str | None = None

    @property
    def authid(self) -> str:
        """`user@realm` or `user@realm!token`."""
        return f"{self.userid}!{self.tokenid}" if self.tokenid else self.userid


@dataclass(frozen=True)
class Login:
    """What a login returns: `challenge` says that a second factor is still missing."""

    userid: str
    ticket: str
    csrf: str
    challenge: bool = False


class LoginFailed(Exception):
    """Wrong user, password or second factor; the answer does not say which."""


class Authentication:
    """Issues and verifies tickets and tokens."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._secret = secrets.token_bytes(32)

    def identify(self, request: Request, offset: float = 0.0) -> Identity:
        """Who sends a request to a node whose clock is ahead by `offset` seconds.

        Raises HttpError 401 as pveproxy words it (without a body).
        """
        header = request.headers.get("authorization", "")
        ticket = request.cookie or _value(header, "PVEAuthCookie")
        if ticket is not None:
            return self._by_ticket(ticket, request, offset)
        token = _value(header, "PVEAPIToken")
        if token is None:
            raise bare(401, NO_TICKET)
        return self._by_token(token)

    def login(
        self, userid: str, password: str, challenge: str | None, offset: float = 0.0
    ) -> Login:
        """A new ticket for a password, a valid ticket or the answer to a challenge."""
        user = self._world.users.get(userid)
        if user is None or not self._usable(user):
            raise LoginFailed
        if challenge is not None:
            self._answer_challenge(user, password, challenge, offset)
            return self._login(userid, offset)
        owner = self.verify_ticket(password, offset)
        if owner in (userid, "root@pam"):
            return self._login(userid, offset)
        if not user.password or not _same(password, user.password):
            raise LoginFailed
        if user.totp:
            return self._challenge(userid, offset)
        return self._login(userid, offset)

    def verify_ticket(self, ticket: str, offset: float = 0.0) -> str | None:
        """The user of a valid ticket; None for a half ticket of a login with second factor."""
        data = self._verify(ticket, "", offset)
        return data if data and not data.startswith(CHALLENGE) else None

    def csrf_token(self, userid: str, offset: float = 0.0) -> str:
        """`TIME:SIGNATURE`, bound to the user."""
        stamp = self._stamp(offset)
        return f"{stamp}:{self._sign(f'csrf:{stamp}:{userid}')}"

    def _by_ticket(self, ticket: str, request: Request, offset: float) -> Identity:
        userid = self.verify_ticket(ticket, offset)
        user = self._world.users.get(userid or "")
        if user is None or not self._usable(user):
            raise bare(401, AUTH_FAILED)
        csrf = request.headers.get("csrfpreventiontoken", "")
        # A form of a browser cannot send the header along with a file.
        needed = request.method != "GET" and not request.uploads
        if needed and not self._valid_csrf(csrf, user.userid, offset):
            raise bare(401, CSRF_FAILED)
        return Identity(user.userid)

    def _by_token(self, text: str) -> Identity:
        match = TOKEN.fullmatch(text)
        user = self._world.users.get(match["user"]) if match else None
        token = user.tokens.get(match["token"]) if match and user and self._usable(user) else None
        if not match or token is None or not _same(token.secret, match["secret"]):
            raise bare(401, AUTH_FAILED)
        if self._over(token.expire):
            raise bare(401, "token is expired")
        return Identity(match["user"], match["token"])

    def _usable(self, user: User) -> bool:
        """Whether a user may log in: enabled and not expired."""
        return user.enabled and not self._over(user.expire)

    def _over(self, expire: int) -> bool:
        return bool(expire) and expire <= self._world.clock.now()

    def _login(self, userid: str, offset: float) -> Login:
        return Login(userid, self._ticket(userid, "", offset), self.csrf_token(userid, offset))

    def _challenge(self, userid: str, offset: float) -> Login:
        wanted = quote(json.dumps({"totp": True}, separators=(",", ":")))
        ticket = self._ticket(f"{CHALLENGE}{wanted}", userid, offset)
        return Login(userid, ticket, self.csrf_token(userid, offset), challenge=True)

    def _answer_challenge(self, user: User, answer: str, challenge: str, offset: float) -> None:
        data = self._verify(challenge, user.userid, offset)
        kind, _separator, code = answer.partition(":")
        if not data or not data.startswith(CHALLENGE) or kind != "totp" or not user.totp:
            raise LoginFailed
        now = self._world.clock.now() + offset
        if code not in {totp(user.totp, now + drift) for drift in (-30, 0, 30)}:
            raise LoginFailed

    def _ticket(self, data: str, aad: str, offset: float) -> str:
        stamp = self._stamp(offset)
        return f"PVE:{data}:{stamp}::{self._sign(f'PVE:{data}:{stamp}:{aad}')}"

    def _verify(self, ticket: str, aad: str, offset: float) -> str | None:
        match = TICKET.fullmatch(ticket)
        if match is None:
            return None
        data, stamp = match["data"], match["time"]
        good = _same(self._sign(f"PVE:{data}:{stamp}:{aad}"), match["signature"])
        return data if good and self._fresh(stamp, offset) else None

    def _valid_csrf(self, token: str, userid: str, offset: float) -> bool:
        stamp, _separator, signature = token.partition(":")
        good = _same(self._sign(f"csrf:{stamp}:{userid}"), signature)
        return good and self._fresh(stamp, offset)

    def _fresh(self, stamp: str, offset: float) -> bool:
        return -TOLERANCE <= self._world.clock.now() + offset - int(stamp, 16) <= LIFETIME

    def _stamp(self, offset: float) -> str:
        return f"{int(self._world.clock.now() + offset):08X}"

    def _sign(self, text: str) -> str:
        digest = hmac.new(self._secret, text.encode(), hashlib.sha256).digest()
        return base64.b64encode(digest).decode()


def totp(secret: str, at: float) -> str:
    """The six digits of a base32 secret at an epoch second (RFC 6238, SHA-1, 30 s)."""
    try:
        key = base64.b32decode(secret + "=" * (-len(secret) % 8), casefold=True)
    except binascii.Error as error:
        raise ValueError(f"the TOTP secret {secret!r} is no base32") from error
    digest = hmac.new(key, struct.pack(">Q", int(at // 30)), hashlib.sha1).digest()
    offset = digest[-1] & 0xF
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _value(header: str, name: str) -> str | None:
    """The value of `NAME=VALUE` or `NAME VALUE` in an Authorization header."""
    match = re.fullmatch(rf"\s*{name}[=\s](.+)", header)
    return match[1].strip() if match else None
