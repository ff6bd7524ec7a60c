# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests of one identity: how they are sent, to which host, and what a clear no says."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    NoAnswerError,
    PveError,
)
from ansible_collections.upid.proxmox.tests.unit.over_https.simulated import (
    NOBODY,
    PASSWORD,
    SECRET,
    START,
    TICKET,
    TOKEN,
    Simulated,
    get,
)


@pytest.mark.parametrize("identity", [TOKEN, TICKET], ids=["token", "ticket"])
def test_a_caller_reads_and_writes(simulated: Simulated, identity: dict[str, Any]) -> None:
    with simulated.session(**identity) as session:
        assert get(session)["version"].startswith("9")
        upid = session.send("POST", START, {}, 20.0).data
        assert upid.endswith(f":{session.connection.authid}:")
        assert session.requests == simulated.counted["total"]
        assert simulated.counted["logins"] == (1 if identity is TICKET else 0)


def test_a_host_that_refuses_is_replaced_and_stays_replaced(simulated: Simulated) -> None:
    hosts = [NOBODY, *simulated.simulator.hosts[1:]]
    with simulated.session(api_host=hosts) as session:
        get(session)
        assert str(session.host) == simulated.simulator.hosts[1]
        session.send("POST", START, {}, 20.0)
        get(session)
        assert simulated.counted["total"] == 3


def test_a_login_moves_on_too_and_its_ticket_holds_on_every_node(simulated: Simulated) -> None:
    hosts = [NOBODY, *simulated.simulator.hosts[1:]]
    with simulated.session(api_host=hosts, **TICKET) as session:
        get(session)
        assert simulated.counted["logins"] == 1


@pytest.mark.parametrize("action", ["drop", "reset"])
def test_a_read_moves_on_from_a_host_that_breaks_but_a_start_does_not(
    simulated: Simulated, action: str
) -> None:
    with simulated.session(api_host=list(simulated.simulator.hosts)) as session:
        simulated.fault(action, method="GET")
        get(session)
        assert str(session.host) == simulated.simulator.hosts[1]
        simulated.fault(action, method="POST", when="after")
        with pytest.raises(NoAnswerError) as caught:
            session.send("POST", START, {}, 20.0)
        assert caught.value.sent
        assert (
            len([label for label in simulated.counted["counts"] if label.startswith("POST")]) == 1
        )


@pytest.mark.parametrize("identity", [TOKEN, TICKET], ids=["token", "ticket"])
def test_nothing_that_is_sent_is_logged(
    simulated: Simulated, identity: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """A controller with a log file writes what libraries log into it."""
    caplog.set_level(0)
    with simulated.session(**identity) as session:
        get(session)
    assert SECRET not in caplog.text
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "params", "status", "text"),
    [
        ("GET", ("nodes", "pve1", "qemu", 555, "config"), {}, 500, "does not exist"),
        ("GET", ("nosuch",), {}, 501, "not implemented"),
        ("GET", ("cluster", "nextid"), {"vmid": 100}, 400, "vmid: VM 100 already exists"),
        ("POST", ("nodes", "pve1", "qemu", 9000, "clone"), {}, 400, "newid: property is missing"),
        ("GET", ("nodes", "nosuch", "tasks"), {}, 500, "hostname lookup 'nosuch' failed"),
    ],
)
def test_a_clear_no_has_status_message_and_every_parameter(
    simulated: Simulated, method: str, path: Any, params: dict[str, Any], status: int, text: str
) -> None:
    with simulated.session() as session, pytest.raises(ApiError) as caught:
        session.send(method, path, params, 20.0)
    assert caught.value.status == status
    assert text in str(caught.value)


def test_a_message_of_an_older_release_is_in_the_reason_phrase(simulated: Simulated) -> None:
    with simulated.session() as session:
        simulated.fault("status", status=403, reason="Permission check failed (/vms/100, VM.Audit)")
        with pytest.raises(ApiError, match=r"grant the user or token VM.Audit on /vms/100"):
            get(session)


def test_parts_of_a_path_are_quoted(simulated: Simulated) -> None:
    with simulated.session() as session:
        for part in ("../access", "a b", "x?y=1", "x#y", "ä", "100%"):
            with pytest.raises(PveError):
                get(session, "nodes", part, "tasks")
        upid = "UPID:pve1:000934AF:0D015579:68BF3A41:qmmove:100-scsi0>101-scsi1:root@pam:"
        with pytest.raises(ApiError, match="no such task"):
            get(session, "nodes", "pve1", "tasks", upid, "status")


def test_booleans_and_unset_options_have_the_format_of_the_api(simulated: Simulated) -> None:
    with simulated.session() as session:
        path = ("nodes", "pve1", "qemu", 100, "config")
        session.send("PUT", path, {"onboot": True, "protection": False, "description": None}, 20.0)
        config = get(session, *path)
        assert (int(config["onboot"]), int(config.get("protection") or 0)) == (1, 0)
        assert "description" not in config


def test_the_total_of_a_list_is_kept(simulated: Simulated) -> None:
    with simulated.session() as session:
        session.send("POST", START, {}, 20.0)
        answer = session.send(
            "GET", ("nodes", "pve1", "tasks"), {"source": "all", "limit": 0}, 20.0
        )
        assert answer.data == []
        assert answer.total >= 1


def test_secrets_are_in_no_description(simulated: Simulated) -> None:
    for identity, secret in ((TOKEN, SECRET), (TICKET, PASSWORD)):
        with simulated.session(**identity) as session:
            get(session)
            shown = repr(session) + repr(session.connection) + str(vars(session))
            assert secret not in shown
