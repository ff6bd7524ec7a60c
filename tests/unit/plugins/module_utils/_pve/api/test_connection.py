# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.connection import Connection
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import UsageError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.option_texts import Host

PASSWORD = {"api_host": "pve1", "api_user": "root@pam", "api_password": "s3cret-pass"}
TOKEN = {"api_host": "pve1", "api_token_id": "ansible@pve!ci", "api_token_secret": "s3cret-token"}
PIN = ":".join(["AB"] * 32)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("pve1", Host("pve1", 8006)),
        ("pve1.example.com.", Host("pve1.example.com.", 8006)),
        ("pve_1:443", Host("pve_1", 443)),
        ("192.0.2.1:8007", Host("192.0.2.1", 8007)),
        ("[2001:db8::1]:443", Host("2001:db8::1", 443)),
        ("[2001:db8::1]", Host("2001:db8::1", 8006)),
        ("2001:db8::1", Host("2001:db8::1", 8006)),
        ("::1", Host("::1", 8006)),
        ("fe80::1%eth0", Host("fe80::1%eth0", 8006)),
        ("[fe80::1%eth0]:443", Host("fe80::1%eth0", 443)),
        ("[::ffff:192.0.2.1]:443", Host("::ffff:192.0.2.1", 443)),
    ],
)
def test_a_host_is_read_with_or_without_a_port(text: str, host: Host) -> None:
    assert Host.parse(text, 8006) == host


@pytest.mark.parametrize(
    "text",
    [
        "https://pve1",
        "pve1/api2",
        "pve 1",
        "-pve1",
        "pve1:",
        "pve1:x",
        "[pve1]",
        "[::1",
        "a..b",
        "[::::::]",
        ":::::",
        "[fe80::1%]",
        "pve1\x1b[31m",
        "user@pve1",
        "https://root:s3cret@pve1",
        "pve1?token=s3cret",
    ],
)
def test_what_is_no_host_is_refused_and_shown_if_it_holds_no_secret(text: str) -> None:
    with pytest.raises(UsageError, match=r"^api_host: ") as caught:
        Host.parse(text, 8006)
    hidden = any(mark in text for mark in "@=\x1b")
    assert (repr(text) in str(caught.value)) is not hidden
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("port", [0, 65536, 99999])
def test_a_port_has_its_bounds(port: int) -> None:
    with pytest.raises(UsageError, match=r"port outside 1..65535"):
        Host.parse(f"pve1:{port}", 8006)


def test_an_address_is_written_as_in_a_url() -> None:
    assert str(Host("pve1", 8006)) == "pve1:8006"
    assert str(Host("::1", 8006)) == "[::1]:8006"


@pytest.mark.parametrize(
    "given",
    ["pve1,pve2:443, [::1]", ["pve1", "pve2:443", "[::1]"], ["pve1, pve2:443", "[::1]", ""]],
)
def test_hosts_come_as_a_list_or_with_commas(given: object) -> None:
    hosts = Connection.from_options({**PASSWORD, "api_host": given}).hosts
    assert [str(host) for host in hosts] == ["pve1:8006", "pve2:443", "[::1]:8006"]


def test_the_port_counts_for_hosts_without_one() -> None:
    hosts = Connection.from_options({**PASSWORD, "api_host": "a,b:1", "api_port": 443}).hosts
    assert [host.port for host in hosts] == [443, 1]


@pytest.mark.parametrize(
    ("options", "authid"),
    [
        (PASSWORD, "root@pam"),
        (TOKEN, "ansible@pve!ci"),
        ({**TOKEN, "api_token_id": "ci", "api_user": "ansible@pve"}, "ansible@pve!ci"),
        ({**TOKEN, "api_token_id": "ci", "api_user": None}, "root@pam!ci"),
        ({**TOKEN, "api_password": "both"}, "ansible@pve!ci"),
        ({**PASSWORD, "api_token_id": "ansible@pve!ci"}, "ansible@pve"),
        ({**PASSWORD, "api_user": "alice@corp.example@ldap"}, "alice@corp.example@ldap"),
    ],
)
def test_the_caller_is_named_as_in_a_upid(options: dict[str, Any], authid: str) -> None:
    assert Connection.from_options(options).authid == authid


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({**PASSWORD, "api_host": []}, "api_host is missing"),
        ({**PASSWORD, "api_host": " , "}, "api_host is missing"),
        ({**PASSWORD, "api_password": None}, "set api_password, or api_token_id"),
        ({**TOKEN, "api_token_secret": None}, "set api_password, or api_token_id"),
        ({**PASSWORD, "api_user": "root"}, "api_user: 'root' is not user@realm"),
        ({**PASSWORD, "api_user": "ro:ot@pam"}, "api_user: "),
        ({**TOKEN, "api_token_id": "a b"}, "api_token_id: it is neither"),
        ({**TOKEN, "api_token_id": "root@pam!ci=s3cret"}, "belongs into api_token_secret"),
        ({**PASSWORD, "api_user": "root@pam!ci=s3cret"}, "api_user: the value .hidden"),
        ({**TOKEN, "api_token_id": "a@b\n!ci"}, "api_user: the value .hidden"),
        ({**TOKEN, "api_token_id": "a@pve=s3cret!ci"}, "api_user: the value .hidden"),
        ({**TOKEN, "api_token_id": "a\u200b@pve!ci"}, "api_user: the value .hidden"),
        ({**TOKEN, "api_token_id": "ci", "api_user": "\u0430dmin@pve"}, "api_user: "),
        ({**TOKEN, "api_token_secret": "s3cret\n"}, "api_token_secret: character 7 of 7"),
        ({**TOKEN, "api_token_secret": "s3cret\r"}, "api_token_secret: character 7 of 7"),
        ({**TOKEN, "api_token_secret": "s3\u200bcret"}, "api_token_secret: character 3 of 7"),
        ({**TOKEN, "api_token_secret": "s3cr\u00e9t"}, "api_token_secret: character 5 of 6"),
        ({**PASSWORD, "ca_path": "/nosuch/ca.pem"}, "ca_path: '/nosuch/ca.pem'"),
        ({**PASSWORD, "ca_path": __file__}, "ca_path: .* has no certificates"),
        ({**PASSWORD, "api_timeout": 1e12}, "api_timeout: 1e.12 "),
        ({**PASSWORD, "api_timeout": float("inf")}, "api_timeout: inf "),
        ({**PASSWORD, "api_timeout": float("nan")}, "api_timeout: nan "),
        ({**PASSWORD, "api_retries": -1}, "api_retries: -1 "),
        ({**PASSWORD, "api_retries": 10**9}, "api_retries: 1000000000 "),
        ({**TOKEN, "api_token_id": "root@pam!"}, "api_token_id: "),
        ({**PASSWORD, "api_fingerprint": ["AB:CD"]}, "api_fingerprint: 'AB:CD'"),
        ({**PASSWORD, "api_timeout": 0}, "api_timeout: 0 "),
        ({**PASSWORD, "api_timeout": -3}, "api_timeout: -3 "),
    ],
)
def test_bad_options_are_refused_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        Connection.from_options(options)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("pin", [PIN, PIN.lower(), PIN.replace(":", ""), f" {PIN} "])
def test_a_fingerprint_is_read_however_it_is_written(pin: str) -> None:
    assert Connection.from_options({**PASSWORD, "api_fingerprint": [pin]}).fingerprints == (
        "ab" * 32,
    )


def test_secrets_are_not_shown() -> None:
    for options in (PASSWORD, TOKEN, {**PASSWORD, "api_otp": "s3cret-otp"}):
        assert "s3cret" not in repr(Connection.from_options(options))


def test_unset_options_have_their_defaults() -> None:
    connection = Connection.from_options(PASSWORD)
    assert (connection.validate_certs, connection.timeout, connection.retries) == (True, 30, 5)
    said = {**PASSWORD, "validate_certs": False, "api_timeout": 5, "api_retries": 0}
    connection = Connection.from_options(said)
    assert (connection.validate_certs, connection.timeout, connection.retries) == (False, 5, 0)


@pytest.mark.parametrize(
    ("environment", "authid"),
    [
        ({}, "ansible@pve!ci"),
        ({"PROXMOX_TOKEN_SECRET": "s3cret-token"}, "ansible@pve"),
        ({"PROXMOX_TOKEN_SECRET": "s3cret-token", "PROXMOX_PASSWORD": "given"}, "ansible@pve!ci"),
        ({"PROXMOX_PASSWORD": "given"}, "ansible@pve!ci"),
    ],
)
def test_a_token_of_the_environment_does_not_override_an_explicit_password(
    environment: dict[str, str], authid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PROXMOX_TOKEN_SECRET", "PROXMOX_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    options = {**TOKEN, "api_user": "ansible@pve", "api_password": "given"}
    assert Connection.from_options(options).authid == authid


@pytest.mark.parametrize(
    ("text", "prefix"), [(None, ""), ("", ""), ("/", ""), ("pve", "/pve"), ("/a/b-1/", "/a/b-1")]
)
def test_a_prefix_of_paths_is_read(text: str | None, prefix: str) -> None:
    assert Connection.from_options({**TOKEN, "api_path_prefix": text}).path_prefix == prefix


@pytest.mark.parametrize("text", ["/a b", "../x?y=1", "/a//b", "/\x1b"])
def test_what_is_no_prefix_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="api_path_prefix"):
        Connection.from_options({**TOKEN, "api_path_prefix": text})
