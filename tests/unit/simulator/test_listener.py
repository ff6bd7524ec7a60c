# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of nodes: refused when the node is down, plain HTTP is sent on."""

from __future__ import annotations

import http.client
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from pvesim.listener import Address

TOKEN = "PVEAPIToken=root@pam!ansible=00000000-0000-4000-8000-000000000001"


def test_an_address_is_a_host_and_a_port() -> None:
    assert Address.parse("127.0.0.1:8006") == Address("127.0.0.1", 8006)
    assert Address.parse("[::1]:0").url == "https://[::1]:0"


@pytest.mark.parametrize("text", ["127.0.0.1", ":8006", "host:port", "host:65536"])
def test_an_invalid_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no ADDRESS:PORT"):
        Address.parse(text)


@pytest.mark.parametrize(("method", "status"), [("GET", 301), ("POST", 308)])
def test_plain_http_is_redirected_to_https(simulator: Any, method: str, status: int) -> None:
    url = simulator.urls[0].replace("https", "http") + "/api2/json/version?a=1"
    answer = simulator.session.request(method, url, allow_redirects=False)
    assert answer.status_code == status
    assert answer.headers["Location"] == f"{simulator.urls[0]}/api2/json/version?a=1"


@pytest.mark.parametrize("host", [None, "pve.example.com:8006"])
def test_plain_http_is_redirected_to_the_same_host(simulator: Any, host: str | None) -> None:
    plain = http.client.HTTPConnection(simulator.urls[0].removeprefix("https://"))
    plain.putrequest("GET", "/api2", skip_host=True)
    if host is not None:
        plain.putheader("Host", host)
    plain.endheaders()
    base = f"https://{host}" if host else simulator.urls[0]
    assert plain.getresponse().getheader("Location") == f"{base}/api2"
    plain.close()


def test_each_address_is_another_node(cluster: Any) -> None:
    cluster.admin("POST", "nodes/pve2/pvedaemon/down")
    form = {"username": "root@pam", "password": "Sim-pass-1"}
    statuses = [
        cluster.request("POST", "/access/ticket", form, auth=None, node=node).status_code
        for node in range(3)
    ]
    assert statuses == [200, 595, 200]


def test_a_ticket_of_one_node_is_valid_on_another(cluster: Any) -> None:
    form = {"username": "root@pam", "password": "Sim-pass-1"}
    ticket = cluster.request("POST", "/access/ticket", form, auth=None).json()["data"]["ticket"]
    headers = {"Cookie": f"PVEAuthCookie={ticket}"}
    answer = cluster.request("GET", "/version", auth=None, headers=headers, node=2)
    assert answer.status_code == 200


def test_a_node_that_is_down_refuses_connections_until_it_is_back(cluster: Any) -> None:
    assert cluster.request("GET", "/version", node=1).status_code == 200
    cluster.admin("POST", "nodes/pve2/down")
    with pytest.raises(requests.ConnectionError):
        cluster.request("GET", "/version", node=1)
    with pytest.raises(requests.ConnectionError, match="refused"):
        cluster.request("GET", "/version", node=1)
    cluster.admin("POST", "nodes/pve2/up")
    assert cluster.request("GET", "/version", node=1).status_code == 200


def test_the_admin_paths_are_always_open(simulator: Any) -> None:
    simulator.admin("POST", "nodes/pve1/down")
    with pytest.raises(requests.ConnectionError):
        simulator.request("GET", "/version")
    simulator.admin("POST", "nodes/pve1/up")
    assert simulator.request("GET", "/version").status_code == 200


def test_a_silent_node_answers_nothing_until_it_is_back(cluster: Any) -> None:
    cluster.admin("POST", "nodes/pve2/silent")
    with pytest.raises(requests.ReadTimeout):
        cluster.new_session().get(f"{cluster.urls[1]}/api2/json/version", timeout=0.3)
    with ThreadPoolExecutor(1) as pool:
        session = cluster.new_session()
        headers = {"Authorization": TOKEN}
        late = pool.submit(session.get, f"{cluster.urls[1]}/api2/json/version", headers=headers)
        cluster.admin("POST", "nodes/pve2/up")
        assert late.result().status_code == 200
