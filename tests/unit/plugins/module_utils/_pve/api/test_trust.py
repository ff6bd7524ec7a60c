# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom it talks to: certificates that are trusted, fingerprints that are known, and no other."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.connection import Connection
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    NoAnswerError,
    UsageError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.session import Session
from ansible_collections.upid.proxmox.tests.unit.over_https.scripted import data, serve, trusting
from ansible_collections.upid.proxmox.tests.unit.over_https.simulated import (
    START,
    TICKET,
    TOKEN,
    VERSION,
    Simulated,
    get,
)


def pins(*fingerprints: str, **options: Any) -> dict[str, Any]:
    return {"ca_path": None, "api_fingerprint": list(fingerprints), **options}


def test_a_pin_is_enough(simulated: Simulated) -> None:
    with simulated.session(**pins(simulated.simulator.fingerprint)) as session:
        get(session)


def test_any_of_several_pins_will_do(simulated: Simulated) -> None:
    fingerprints = ("AA" * 32, *simulated.simulator.fingerprints)
    options = pins(*fingerprints, api_host=list(simulated.simulator.hosts))
    with simulated.session(**options) as session:
        get(session)


@pytest.mark.parametrize("more", [{}, {"validate_certs": False}])
def test_another_certificate_than_the_pinned_one_gets_no_request(
    simulated: Simulated, more: dict[str, bool]
) -> None:
    with simulated.session(**pins("AA" * 32, **more)) as session:
        with pytest.raises(UsageError) as caught:
            get(session)
        assert simulated.simulator.fingerprint in str(caught.value)
        assert simulated.counted["total"] == 0


def test_a_pin_protects_the_password_too(simulated: Simulated) -> None:
    with simulated.session(**pins("AA" * 32, **TICKET)) as session:
        with pytest.raises(UsageError, match="is not one of api_fingerprint"):
            get(session)
        assert simulated.counted["total"] == 0


def test_an_untrusted_certificate_is_refused_with_what_can_be_done(simulated: Simulated) -> None:
    with simulated.session(ca_path=None) as session:
        with pytest.raises(UsageError) as caught:
            get(session)
        text = str(caught.value)
        assert "ca_path" in text
        assert "api_fingerprint" in text
        assert simulated.simulator.fingerprint in text
        assert simulated.counted["total"] == 0


def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    with serve(tmp_path, data({}), name="elsewhere.example.com") as server:
        session = Session(trusting(server.host, server.ca), 1)
        with pytest.raises(UsageError, match="api_fingerprint"):
            session.send("GET", VERSION, {}, 5.0)
        session.close()
        assert not server.seen


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_trust_may_be_waived(simulated: Simulated) -> None:
    with simulated.session(ca_path=None, validate_certs=False) as session:
        get(session)


@pytest.mark.parametrize("how", ["ca", "pin"])
def test_a_bundle_in_the_environment_does_not_matter(
    simulated: Simulated, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: str
) -> None:
    other = tmp_path / "other.pem"
    with serve(tmp_path, data({})) as server:
        other.write_bytes(server.ca.read_bytes())
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(other))
    options = {} if how == "ca" else pins(simulated.simulator.fingerprint)
    with simulated.session(**options) as session:
        get(session)


def test_the_zone_of_an_address_is_resolved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def resolve(host: str, *_more: Any, **_others: Any) -> Any:
        asked.append(host)
        raise OSError("for the test")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    options = {"api_host": "[fe80::1%eth0]:8006", **TOKEN}
    session = Session(Connection.from_options(options), 1)
    with pytest.raises(NoAnswerError) as caught:
        session.send("POST", START, {}, 5.0)
    assert asked == ["fe80::1%eth0"]
    assert not caught.value.sent
    session.close()
