# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who calls with a password: the login, the ticket and its renewal, the second factor."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.connection import Connection
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    NoAnswerError,
    UsageError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.session import Session
from ansible_collections.upid.proxmox.tests.simulator_process import start_simulator
from ansible_collections.upid.proxmox.tests.unit.over_https.scripted import data, serve
from ansible_collections.upid.proxmox.tests.unit.over_https.simulated import (
    PASSWORD,
    START,
    TICKET,
    TOKEN,
    VERSION,
    Simulated,
    get,
)


def test_many_threads_log_in_once(simulated: Simulated) -> None:
    with simulated.session(**TICKET) as session:
        threads = [threading.Thread(target=get, args=(session,)) for _unused in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        counted = simulated.counted
        assert counted["logins"] == 1
        assert counted["total"] == session.requests == 17


def test_an_old_ticket_is_renewed_by_itself(simulated: Simulated) -> None:
    with simulated.session(renewal=0.0, **TICKET) as session:
        for _unused in range(3):
            get(session)
        assert simulated.counted["logins"] == 3


def test_a_ticket_that_the_server_forgot_is_replaced_once(simulated: Simulated) -> None:
    with simulated.session(**TICKET) as session:
        get(session)
        simulated.admin("POST", "clock", advance=3 * 3600)
        simulated.hurried(lambda: get(session))
        counted = simulated.counted
        assert counted["logins"] == 2
        assert counted["total"] == session.requests


def test_a_post_with_a_forgotten_ticket_is_carried_out_once(simulated: Simulated) -> None:
    with simulated.session(**TICKET) as session:
        get(session)
        simulated.admin("POST", "clock", advance=3 * 3600)
        upid = simulated.hurried(lambda: session.send("POST", START, {}, 20.0).data)
        assert upid.startswith("UPID:pve1:")


@pytest.mark.parametrize(
    "identity",
    [{**TICKET, "api_password": "wrong-pass"}, {**TOKEN, "api_token_secret": "wrong-secret"}],
    ids=["password", "token"],
)
def test_wrong_credentials_are_refused_once_and_not_shown(
    simulated: Simulated, identity: dict[str, Any]
) -> None:
    with simulated.session(**identity) as session:
        with pytest.raises(ApiError, match="401") as caught:
            simulated.hurried(lambda: get(session))
        assert "check api_user and api_password, or api_token_id" in str(caught.value)
        assert "wrong-" not in str(caught.value)
        assert session.requests == 1


def totp(secret: str, at: float) -> str:
    """The code of a second (RFC 6238)."""
    counter = struct.pack(">Q", int(at) // 30)
    digest = hmac.new(base64.b32decode(secret), counter, hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


WORLD = """
nodes: {pve1: {}}
users:
  root@pam: {password: Sim-pass-1}
  alice@pve: {password: Sim-pass-1, totp: JBSWY3DPEHPK3PXP}
"""


def test_a_second_factor_is_used_once_and_renewed_without(tmp_path: Path) -> None:
    world = tmp_path / "world.yml"
    world.write_text(WORLD)
    with start_simulator(world=world) as simulator:
        simulated = Simulated(simulator)
        alice: dict[str, Any] = {"api_user": "alice@pve", "api_password": PASSWORD}
        with (
            simulated.session(**alice) as session,
            pytest.raises(UsageError, match="alice@pve has a second factor: set api_otp"),
        ):
            get(session)
        assert simulated.counted["logins"] == 1, "no second factor is guessed"
        code = totp("JBSWY3DPEHPK3PXP", time.time())
        with simulated.session(renewal=0.0, **alice, api_otp=code) as session:
            get(session)
            simulated.admin("POST", "clock", advance=600)
            get(session)
        with (
            simulated.session(**alice, api_otp="000000") as session,
            pytest.raises(ApiError, match="401") as caught,
        ):
            simulated.hurried(lambda: get(session))
        assert "000000" not in str(caught.value)


@pytest.mark.parametrize(
    ("action", "more"),
    [
        ("drop", {}),
        ("reset", {"when": "after"}),
        ("truncate", {}),
        ("html", {}),
        ("status", {"status": 595}),
        ("status", {"status": 596}),
    ],
)
def test_a_start_whose_login_got_lost_has_not_been_sent(
    simulated: Simulated, action: str, more: dict[str, Any]
) -> None:
    """So it moves on to the next host, and is made there, once."""
    with simulated.session(api_host=list(simulated.simulator.hosts), **TICKET) as session:
        simulated.fault(action, **more, path="/access/ticket")
        assert session.send("POST", START, {}, 20.0).data.startswith("UPID:pve1:")
        assert str(session.host) == simulated.simulator.hosts[1]
        label = "POST /nodes/{node}/qemu/{vmid}/status/start"
        assert simulated.counted["counts"][label] == 1


def test_a_ticket_that_cannot_be_renewed_now_holds_on(simulated: Simulated) -> None:
    with simulated.session(renewal=0.0, **TICKET) as session:
        get(session)
        simulated.fault("drop", path="/access/ticket")
        get(session)
        assert simulated.counted["logins"] == 2


@pytest.mark.parametrize(
    "granted",
    [None, [], {}, {"NeedTFA": 1}, {"ticket": 5, "CSRFPreventionToken": "x"},
     {"ticket": "PVE:x\n", "CSRFPreventionToken": "x"}, {"ticket": "", "CSRFPreventionToken": "x"}],
)  # fmt: skip
def test_a_login_that_grants_nothing_has_sent_no_call(tmp_path: Path, granted: Any) -> None:
    with serve(tmp_path, data(granted)) as server:
        options = {"api_host": server.host, "ca_path": str(server.ca), "api_otp": "1", **TICKET}
        session = Session(Connection.from_options(options), 1)
        with pytest.raises(NoAnswerError, match="login of root@pam") as caught:
            session.send("POST", START, {}, 5.0)
        assert not caught.value.sent
        session.close()


def test_a_cookie_of_something_in_between_does_not_replace_the_ticket(tmp_path: Path) -> None:
    login = data({"ticket": "PVE:x:1::s/ig+n=", "CSRFPreventionToken": "csrf"})
    sticky = {"Set-Cookie": "SERVERID=a; Path=/"}
    with serve(tmp_path, login, data(1, **sticky), data(2), data(3)) as server:
        options = {"api_host": server.host, "ca_path": str(server.ca), **TICKET}
        session = Session(Connection.from_options(options), 1)
        for method in ("GET", "GET", "POST"):
            session.send(method, VERSION, {}, 5.0)
        session.close()
    cookies = [headers.get("cookie", "") for headers in server.seen]
    assert "PVEAuthCookie" not in cookies[0]
    assert all("PVEAuthCookie=PVE%3Ax%3A1%3A%3As%2Fig%2Bn%3D" in cookie for cookie in cookies[1:])
    assert "csrfpreventiontoken" not in server.seen[1]
    assert server.seen[3]["csrfpreventiontoken"] == "csrf"
