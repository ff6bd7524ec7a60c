# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import contextlib
import gc
import gzip
import hashlib
import hmac
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api import bodies
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.connection import Connection
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    NoAnswerError,
    PveError,
    UsageError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.session import Session
from ansible_collections.upid.proxmox.tests.simulator_process import start_simulator
from ansible_collections.upid.proxmox.tests.unit.over_https.scripted import data, serve
from ansible_collections.upid.proxmox.tests.unit.over_https.simulated import (
    PASSWORD,
    SECRET,
    TICKET,
    TOKEN,
    Simulated,
)

VERSION = ("version",)
NOBODY = "127.0.0.1:9"
START = ("nodes", "pve1", "qemu", 100, "status", "start")


def get(session: Session, *path: str | int, timeout: float = 20.0, **params: Any) -> Any:
    return session.send("GET", path or VERSION, params, timeout).data


# Who calls.


@pytest.mark.parametrize("identity", [TOKEN, TICKET], ids=["token", "ticket"])
def test_a_caller_reads_and_writes(simulated: Simulated, identity: dict[str, Any]) -> None:
    with simulated.session(**identity) as session:
        assert get(session)["version"].startswith("9")
        upid = session.send("POST", START, {}, 20.0).data
        assert upid.endswith(f":{session.connection.authid}:")
        assert session.requests == simulated.counted["total"]
        assert simulated.counted["logins"] == (1 if identity is TICKET else 0)


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


# Whom it talks to.


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


# Several hosts.


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


def test_without_any_host_nothing_was_sent(simulated: Simulated) -> None:
    with simulated.session(api_host=[NOBODY, "127.0.0.1:10"]) as session:
        with pytest.raises(NoAnswerError, match=r"127.0.0.1:") as caught:
            session.send("POST", START, {}, 5.0)
        assert not caught.value.sent
        assert caught.value.what.startswith("127.0.0.1:10: Failed to establish a new connection")


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


@contextlib.contextmanager
def a_host_that_hangs_up(how: str) -> Iterator[str]:
    """A host that takes connections and ends them before TLS has begun."""
    listener = socket.create_server(("127.0.0.1", 0))

    def hang_up(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            if how == "cut in the handshake":
                connection.recv(5)
            if how == "reset":
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            if how == "speaks no TLS":
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    def serve_nobody() -> None:
        with contextlib.suppress(OSError):
            while True:
                hang_up(listener.accept()[0])

    thread = threading.Thread(target=serve_nobody)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


# Python leaves the socket of a failed handshake to its garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("how", ["closed", "reset", "cut in the handshake", "speaks no TLS"])
@pytest.mark.parametrize("identity", [TOKEN, TICKET], ids=["token", "ticket"])
def test_a_handshake_that_fails_has_sent_nothing_and_moves_to_the_next_host(
    simulated: Simulated, how: str, identity: dict[str, Any]
) -> None:
    with a_host_that_hangs_up(how) as sick:
        hosts = [sick, *simulated.simulator.hosts[1:]]
        with simulated.session(api_host=hosts, **identity) as session:
            assert session.send("POST", START, {}, 20.0).data.startswith("UPID:pve1:")
            assert str(session.host) == simulated.simulator.hosts[1]
        with simulated.session(api_host=[sick], **identity) as session:
            with pytest.raises(NoAnswerError) as caught:
                session.send("POST", START, {}, 20.0)
            assert not caught.value.sent
            del caught
    gc.collect()


# What is no clear answer.


@pytest.mark.parametrize(
    "status", [201, 204, 302, 307, 401, 403, 404, 408, 413, 499, 500, 502, 504]
)
@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b'{"error":"x"}', b"[]", b"null"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_what_something_in_between_answers_proves_nothing(
    tmp_path: Path, status: int, body: bytes, method: str
) -> None:
    with serve(tmp_path, (status, {}, b"" if status == 204 else body)) as server:
        session = Session(trusting(server.host, server.ca), 1)
        with pytest.raises(NoAnswerError) as caught:
            session.send(method, START, {}, 5.0)
        assert caught.value.sent
        session.close()


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": [], "total": "x"}',
        b'{"data": [], "total": [1]}',
        b'{"data": ' + b"[" * 100_000,
        b'{"data": 1',
        b"\xff\xfe",
    ],
    ids=["total of a word", "total of a list", "deep", "cut", "no text"],
)
def test_a_malformed_answer_is_an_error_of_that_request(tmp_path: Path, body: bytes) -> None:
    with serve(tmp_path, (200, {}, body), data("fine")) as server:
        session = Session(trusting(server.host, server.ca), 1)
        with pytest.raises(NoAnswerError, match="GET /version"):
            session.send("GET", VERSION, {}, 5.0)
        assert session.send("GET", VERSION, {}, 5.0).data == "fine"
        session.close()


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


@contextlib.contextmanager
def a_host_that_trickles(directory: Path, pause: float) -> Iterator[tuple[str, Path]]:
    """A host that sends its answer byte by byte."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(directory / "slow-ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def trickle() -> None:
        with contextlib.suppress(OSError):
            plain, _address = listener.accept()
            with context.wrap_socket(plain, server_side=True) as connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                while not ended.wait(pause):
                    connection.sendall(b" ")

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}", directory / "slow-ca.pem"
    finally:
        ended.set()
        listener.close()
        thread.join()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_answer_that_trickles_ends_in_time(tmp_path: Path) -> None:
    with a_host_that_trickles(tmp_path, 0.05) as (host, ca):
        session = Session(trusting(host, ca), 1)
        began = time.monotonic()
        with pytest.raises(NoAnswerError, match="not complete in time") as caught:
            session.send("POST", START, {}, 1.0)
        assert time.monotonic() - began < 5
        assert caught.value.sent
        session.close()


def test_an_answer_without_end_is_not_kept_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "MOST_BYTES", 1 << 20)
    body = b'{"data": "' + b"x" * (2 << 20) + b'"}'
    with serve(tmp_path, (200, {}, body), data("fine")) as server:
        session = Session(trusting(server.host, server.ca), 1)
        with pytest.raises(NoAnswerError, match="more than 1 MiB"):
            session.send("GET", VERSION, {}, 5.0)
        assert session.send("GET", VERSION, {}, 5.0).data == "fine"
        session.close()


def test_what_is_compressed_unasked_is_not_unpacked(tmp_path: Path) -> None:
    """A megabyte of it can be a thousand."""
    body = gzip.compress(b'{"data": "' + b"x" * (1 << 20) + b'"}')
    with serve(tmp_path, (200, {"Content-Encoding": "gzip"}, body)) as server:
        session = Session(trusting(server.host, server.ca), 1)
        with pytest.raises(NoAnswerError, match="gzip"):
            session.send("GET", VERSION, {}, 5.0)
        assert server.seen[0]["accept-encoding"] == "identity"
        session.close()


@pytest.mark.parametrize("date", ["Fri, 31 Dec 99999 23:59:59 GMT", "yesterday", "", "\xff"])
def test_an_odd_date_is_no_date(tmp_path: Path, date: str) -> None:
    with serve(tmp_path, data("fine", Date=date)) as server:
        session = Session(trusting(server.host, server.ca), 1)
        assert session.send("GET", VERSION, {}, 5.0).data == "fine"
        assert abs(session.server_time() - time.time()) < 60
        session.close()


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
    ("fault", "sent"),
    [
        ({"action": "status", "status": 595}, False),
        ({"action": "status", "status": 596}, True),
        ({"action": "status", "status": 597}, True),
        ({"action": "status", "status": 599}, True),
        ({"action": "status", "status": 502}, True),
        ({"action": "status", "status": 503}, True),
        ({"action": "html"}, True),
        ({"action": "html", "status": 200}, True),
        ({"action": "html", "status": 503}, True),
        ({"action": "truncate"}, True),
        ({"action": "drop"}, True),
        ({"action": "drop", "when": "after"}, True),
        ({"action": "reset"}, True),
        ({"action": "reset", "when": "after"}, True),
    ],
    ids=str,
)
def test_a_response_that_proves_nothing_says_whether_the_call_may_have_been_made(
    simulated: Simulated, fault: dict[str, Any], sent: bool
) -> None:
    with simulated.session() as session:
        simulated.fault(fault["action"], **{k: v for k, v in fault.items() if k != "action"})
        with pytest.raises(NoAnswerError) as caught:
            session.send("POST", START, {}, 20.0)
        assert caught.value.sent is sent
        assert str(caught.value).startswith("POST /nodes/pve1/qemu/100/status/start: ")
        assert session.requests == simulated.counted["total"] == 1
        assert SECRET not in str(caught.value)
        assert get(session)["version"], "the next request is fine"


def test_an_answer_that_takes_too_long_is_ambiguous(simulated: Simulated) -> None:
    with simulated.session() as session:
        simulated.fault("delay", seconds=5)
        with pytest.raises(NoAnswerError, match="no answer in time") as caught:
            session.send("POST", START, {}, 0.3)
        assert caught.value.sent


def trusting(host: str, ca: Path, **options: Any) -> Connection:
    return Connection.from_options({"api_host": host, "ca_path": str(ca), **TOKEN, **options})


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    with serve(tmp_path, (301, {"Location": "https://127.0.0.1:9/"}, b"")) as server:
        session = Session(trusting(server.host, server.ca), 1)
        with pytest.raises(NoAnswerError, match="redirects elsewhere"):
            session.send("GET", VERSION, {}, 5.0)
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


# What is a clear no.


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


def test_the_server_s_clock_is_known_by_its_answers(simulated: Simulated) -> None:
    with simulated.session() as session:
        get(session)
        there = simulated.admin("POST", "clock", advance=0)["now"]
        assert abs(session.server_time() - there) < 2
        simulated.admin("POST", "clock", advance=5000)
        get(session)
        assert session.server_time() - there > 4990


def test_secrets_are_in_no_description(simulated: Simulated) -> None:
    for identity, secret in ((TOKEN, SECRET), (TICKET, PASSWORD)):
        with simulated.session(**identity) as session:
            get(session)
            shown = repr(session) + repr(session.connection) + str(vars(session))
            assert secret not in shown
