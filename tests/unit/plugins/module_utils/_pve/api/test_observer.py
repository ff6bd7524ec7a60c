# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The server's clock, by the dates of its answers."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.session import Session
from ansible_collections.upid.proxmox.tests.unit.over_https.scripted import data, serve, trusting
from ansible_collections.upid.proxmox.tests.unit.over_https.simulated import VERSION, Simulated, get


@pytest.mark.parametrize("date", ["Fri, 31 Dec 99999 23:59:59 GMT", "yesterday", "", "\xff"])
def test_an_odd_date_is_no_date(tmp_path: Path, date: str) -> None:
    with serve(tmp_path, data("fine", Date=date)) as server:
        session = Session(trusting(server.host, server.ca), 1)
        assert session.send("GET", VERSION, {}, 5.0).data == "fine"
        assert abs(session.server_time() - time.time()) < 60
        session.close()


def test_the_server_s_clock_is_known_by_its_answers(simulated: Simulated) -> None:
    with simulated.session() as session:
        get(session)
        there = simulated.admin("POST", "clock", advance=0)["now"]
        assert abs(session.server_time() - there) < 2
        simulated.admin("POST", "clock", advance=5000)
        get(session)
        assert session.server_time() - there > 4990
