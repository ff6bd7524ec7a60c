# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files come as forms with several parts."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

PATH = "/nodes/pve1/storage/local/upload"
FAILED = "upload failed at /usr/share/perl5/PVE/APIServer/AnyEvent.pm line 1370."
ISO = b"an image"
NAME = "small.iso"


def upload(simulator: Any, *, name: str = NAME, path: str = PATH, **form: str) -> Any:
    files = {"filename": (name, ISO, "application/octet-stream")}
    return simulator.request("POST", path, {"content": "iso", **form}, files=files)


def ended(simulator: Any, upid: str) -> tuple[str, list[str]]:
    """The exit status and the log of a task when it has ended."""
    simulator.admin("POST", "clock", {"advance": 60})
    path = f"/nodes/pve1/tasks/{upid}"
    status = simulator.request("GET", f"{path}/status").json()["data"]
    log = simulator.request("GET", f"{path}/log").json()["data"]
    return status["exitstatus"], [line["t"] for line in log]


def volumes(simulator: Any, node: str = "pve1") -> dict[str, int]:
    answer = simulator.request("GET", f"/nodes/{node}/storage/local/content?content=iso")
    return {volume["volid"]: volume["size"] for volume in answer.json()["data"]}


def test_a_file_becomes_a_volume_and_replaces_one_of_its_name(simulator: Any) -> None:
    for _unused in range(2):
        answer = upload(simulator)
        assert answer.headers["Connection"] == "close"
        upid = answer.json()["data"]
        assert upid.split(":")[5:7] == ["imgcopy", ""]
        status, log = ended(simulator, upid)
        assert status == "OK"
        assert log[0].startswith("starting file import from: /var/tmp/pveupload-")
        assert f"file size is: {len(ISO)}" in log
        assert volumes(simulator) == {"local:iso/small.iso": len(ISO)}
    assert simulator.world.uploads == {}


def test_the_task_runs_where_the_file_came_in(simulator: Any) -> None:
    path = PATH.replace("pve1", "pve2")
    upid = upload(simulator, path=path).json()["data"]
    assert upid.split(":")[1] == "pve1"
    assert ended(simulator, upid)[0] == "OK"
    assert volumes(simulator) == {}
    assert volumes(simulator, "pve2") == {"local:iso/small.iso": len(ISO)}


@pytest.mark.parametrize("algorithm", ["md5", "sha512"])
def test_a_checksum_is_verified(simulator: Any, algorithm: str) -> None:
    right = hashlib.new(algorithm, ISO).hexdigest()
    for checksum, status in (
        (right, "OK"),
        ("0123", f"checksum mismatch: got '{right}' != expect '0123'"),
    ):
        form = {"checksum-algorithm": algorithm, "checksum": checksum}
        assert ended(simulator, upload(simulator, **form).json()["data"])[0] == status


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        ({"name": "small.txt"}, 400, "wrong file extension"),
        ({"content": "backup"}, 400, "does not have a value in the enumeration"),
        ({"content": "import", "name": "a.txt"}, 400, "invalid filename or wrong extension"),
        ({"path": PATH.replace("local/", "ceph/")}, 500, "can't upload to storage type 'rbd'"),
        ({"checksum": "0123"}, 400, "missing property required by 'checksum'"),
    ],
)
def test_invalid_content_is_refused(
    simulator: Any, form: dict[str, str], status: int, said: str
) -> None:
    answer = upload(simulator, **form)
    assert answer.status_code == status
    assert said in answer.text
    assert volumes(simulator) == {}


def test_a_form_without_a_file_fails(simulator: Any) -> None:
    answer = simulator.request("POST", PATH, files={"content": (None, "iso")})
    assert (answer.status_code, answer.text) == (500, f"{FAILED}\n")
    broken = {"Content-Type": "multipart/form-data; boundary=xyz"}
    answer = simulator.request("POST", PATH, b"nothing of the kind", headers=broken)
    assert (answer.status_code, answer.text) == (500, f"{FAILED}\n")


def test_such_a_form_is_refused_elsewhere(simulator: Any) -> None:
    answer = simulator.request("POST", "/nodes/pve1/qemu", files={"filename": ("a", b"b")})
    assert answer.status_code == 506


def test_a_ticket_works_here_without_a_csrf_token(simulator: Any) -> None:
    form = {"username": "root@pam", "password": "Sim-pass-1"}
    ticket = simulator.request("POST", "/access/ticket", form, auth=None).json()["data"]["ticket"]
    files = {"filename": (NAME, ISO)}
    headers = {"Cookie": f"PVEAuthCookie={ticket}"}
    answer = simulator.request(
        "POST", PATH, {"content": "iso"}, auth=None, headers=headers, files=files
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "fields", [{"checksum": "0", "checksum-algorithm": "md5"}, {"tmpfilename": "x"}]
)
def test_fields_before_the_file_have_to_be_in_order(simulator: Any, fields: dict[str, str]) -> None:
    answer = upload(simulator, **fields)
    assert (answer.status_code, answer.reason, answer.text) == (400, "Bad Request", "")
