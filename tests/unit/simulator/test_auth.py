# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tickets, CSRF tokens, API tokens and second factors."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from pvesim.answer import HttpError
from pvesim.auth import Authentication, Identity, LoginFailed, totp
from pvesim.clock import Clock
from pvesim.request import Request
from pvesim.world import Token, User, World

SECRET = "JBSWY3DPEHPK3PXP"


@pytest.fixture
def world() -> World:
    made = World(Clock(start=1_800_000_000))
    made.users = {
        "root@pam": User("root@pam", "rootpw"),
        "anna@pve": User("anna@pve", "pw", tokens={"ci": Token("ci", "uuid")}),
        "otto@pve": User("otto@pve", "pw", totp=SECRET),
        "gone@pve": User("gone@pve", "pw", enabled=False, tokens={"ci": Token("ci", "uuid")}),
    }
    return made


@pytest.fixture
def authentication(world: World) -> Authentication:
    return Authentication(world)


def get(**headers: str) -> Request:
    return Request("GET", "/api2/json/version", headers=headers)


def refused(authentication: Authentication, request: Request) -> str:
    with pytest.raises(HttpError) as raised:
        authentication.identify(request)
    assert (raised.value.answer.status, raised.value.answer.body) == (401, b"")
    return raised.value.answer.reason


def test_a_ticket_proves_who_it_is_in_cookie_and_header(authentication: Authentication) -> None:
    ticket = authentication.login("anna@pve", "pw", None).ticket
    assert ticket.startswith("PVE:anna@pve:")
    for headers in (
        {"cookie": f"PVEAuthCookie={quote(ticket)}"},
        {"authorization": f"PVEAuthCookie={ticket}"},
    ):
        assert authentication.identify(get(**headers)) == Identity("anna@pve")


@pytest.mark.parametrize(
    ("userid", "password"),
    [("anna@pve", "wrong"), ("nobody@pve", "pw"), ("anna", "pw"), ("gone@pve", "pw")],
)
def test_a_failed_login_does_not_say_why(
    authentication: Authentication, userid: str, password: str
) -> None:
    with pytest.raises(LoginFailed):
        authentication.login(userid, password, None)


def test_a_ticket_can_be_renewed_and_root_can_issue_any(authentication: Authentication) -> None:
    anna = authentication.login("anna@pve", "pw", None).ticket
    root = authentication.login("root@pam", "rootpw", None).ticket
    assert authentication.login("anna@pve", anna, None).userid == "anna@pve"
    assert authentication.login("anna@pve", root, None).userid == "anna@pve"
    with pytest.raises(LoginFailed):
        authentication.login("root@pam", anna, None)


def test_a_ticket_lives_two_hours(authentication: Authentication, world: World) -> None:
    ticket = authentication.login("anna@pve", "pw", None).ticket
    request = get(cookie=f"PVEAuthCookie={ticket}")
    world.clock.advance(7190)
    assert authentication.identify(request).userid == "anna@pve"
    world.clock.advance(20)
    assert refused(authentication, request) == "Authentication failed!"


def test_a_changed_ticket_is_invalid(authentication: Authentication) -> None:
    ticket = authentication.login("anna@pve", "pw", None).ticket
    forged = ticket.replace("anna@pve", "root@pam")
    assert refused(authentication, get(cookie=f"PVEAuthCookie={forged}")) == (
        "Authentication failed!"
    )
    assert refused(authentication, get()) == "No ticket"


def test_changes_need_the_csrf_token_of_the_user(authentication: Authentication) -> None:
    login = authentication.login("anna@pve", "pw", None)
    other = authentication.login("root@pam", "rootpw", None)
    cookie = f"PVEAuthCookie={login.ticket}"
    for token in ("", "garbage", other.csrf):
        headers = {"cookie": cookie, "csrfpreventiontoken": token}
        assert refused(authentication, Request("POST", "/", headers=headers)) == (
            "Permission denied - invalid csrf token"
        )
    headers = {"cookie": cookie, "csrfpreventiontoken": login.csrf}
    assert authentication.identify(Request("POST", "/", headers=headers)).userid == "anna@pve"


def test_a_token_needs_no_csrf_token_and_may_follow_a_blank(
    authentication: Authentication,
) -> None:
    for mark in "= ":
        headers = {"authorization": f"PVEAPIToken{mark}anna@pve!ci=uuid"}
        identity = authentication.identify(Request("POST", "/", headers=headers))
        assert identity.authid == "anna@pve!ci"


@pytest.mark.parametrize(
    "token",
    ["garbage", "anna@pve!ci=wrong", "anna@pve!ci=wröng", "anna@pve!no=uuid", "gone@pve!ci=uuid"],
)
def test_a_wrong_token_is_refused(authentication: Authentication, token: str) -> None:
    request = get(authorization=f"PVEAPIToken={token}")
    assert refused(authentication, request) == "Authentication failed!"


def test_the_second_factor_is_required_and_checked(
    authentication: Authentication, world: World
) -> None:
    half = authentication.login("otto@pve", "pw", None)
    assert half.challenge
    assert half.ticket.startswith("PVE:!tfa!%7B%22totp%22%3Atrue%7D:")
    assert refused(authentication, get(cookie=f"PVEAuthCookie={half.ticket}")) == (
        "Authentication failed!"
    )
    code = totp(SECRET, world.clock.now())
    full = authentication.login("otto@pve", f"totp:{code}", half.ticket)
    assert not full.challenge
    assert authentication.verify_ticket(full.ticket) == "otto@pve"


def test_a_wrong_second_factor_or_challenge_is_refused(
    authentication: Authentication, world: World
) -> None:
    half = authentication.login("otto@pve", "pw", None).ticket
    whole = authentication.login("anna@pve", "pw", None).ticket
    code = totp(SECRET, world.clock.now())
    wrong = "000000" if code != "000000" else "111111"
    for userid, answer, challenge in (
        ("otto@pve", f"totp:{wrong}", half),
        ("otto@pve", code, half),
        ("otto@pve", f"totp:{code}", whole),
        ("anna@pve", f"totp:{code}", half),
    ):
        with pytest.raises(LoginFailed):
            authentication.login(userid, answer, challenge)


def test_the_codes_are_those_of_rfc_6238() -> None:
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert [totp(secret, at) for at in (59, 1111111109, 2000000000)] == [
        "287082", "081804", "279037",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="no base32"):
        totp("!", 0)
