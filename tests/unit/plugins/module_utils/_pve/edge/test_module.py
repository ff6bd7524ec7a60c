# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.upid.proxmox.tests.unit.over_https.simulated import TOKEN, Simulated

MODULES = "ansible_collections.upid.proxmox.plugins.modules"


def begin(
    tmp_path: Path, module: str, simulated: Simulated, **options: Any
) -> subprocess.Popen[str]:
    """A module in a process of its own, as Ansible runs it."""
    connection = {"api_host": simulated.simulator.hosts[0], "ca_path": str(simulated.simulator.ca)}
    arguments = tmp_path / "arguments.json"
    arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": {**connection, **TOKEN, **options}}))
    return subprocess.Popen(
        [sys.executable, "-m", f"{MODULES}.{module}", str(arguments)],
        stdout=subprocess.PIPE,
        text=True,
    )


def result_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    output, _errors = process.communicate(timeout=60)
    result: dict[str, Any] = json.loads(output)
    return result


def run(tmp_path: Path, module: str, simulated: Simulated, **options: Any) -> dict[str, Any]:
    return result_of(begin(tmp_path, module, simulated, **options))


def test_a_module_returns_its_report_and_the_number_of_requests(
    tmp_path: Path, simulated: Simulated
) -> None:
    guests = [{"vmid": 7001, "name": "run1"}, {"vmid": 7002, "name": "run2"}]
    result = run(tmp_path, "clone", simulated, source="9000", guests=guests, _ansible_diff=True)
    assert result["changed"]
    assert [guest["outcome"] for guest in result["guests"]] == ["ok", "ok"]
    assert result["summary"]["total"] == 2
    assert 0 < result["summary"]["elapsed"] < 30
    assert "run1" in result["diff"]["after"]
    assert result["api"]["requests"] == simulated.counted["total"]
    assert result["api"]["host"] == simulated.simulator.hosts[0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_starts_nothing_more_and_returns_every_upid(
    tmp_path: Path, simulated: Simulated, number: signal.Signals
) -> None:
    simulated.admin("POST", "faults", action="task", type="qmclone", seconds=600)
    guests = [{"name": f"stop{number}-{index}"} for index in range(6)]
    process = begin(tmp_path, "clone", simulated, source="9000", guests=guests, parallel=2)
    clones = "POST /nodes/{node}/qemu/{vmid}/clone"
    until = time.monotonic() + 20
    while simulated.counted["counts"].get(clones, 0) < 2 and time.monotonic() < until:
        assert process.poll() is None
    process.send_signal(number)
    began = time.monotonic()
    result = result_of(process)
    assert time.monotonic() - began < 10
    assert result["failed"]
    assert [guest["outcome"] for guest in result["guests"]] == ["running"] * 2 + ["queued"] * 4
    assert len([task["upid"] for task in result["tasks"]]) == 2
    assert "interrupted" in result["msg"]
    assert simulated.counted["counts"][clones] == 2
    for task in result["tasks"]:
        run(tmp_path, "stop_task", simulated, upids=[task["upid"]])


def test_a_failure_returns_as_much_as_a_success(tmp_path: Path, simulated: Simulated) -> None:
    simulated.admin("POST", "faults", action="task", type="qmclone", exitstatus="no space", count=1)
    result = run(tmp_path, "clone", simulated, source="9000", name="fails1")
    assert result["failed"]
    assert "no space" in result["msg"]
    assert [task["exitstatus"] for task in result["tasks"]] == ["no space"]
    assert result["api"]["requests"] == simulated.counted["total"]


def test_an_error_names_the_option_and_hides_the_secret(
    tmp_path: Path, simulated: Simulated
) -> None:
    result = run(tmp_path, "clone", simulated, source="nosuch", name="web1")
    assert result["msg"].startswith("source: there is no guest 'nosuch'")
    assert result["api"]["requests"] == simulated.counted["total"]
    assert TOKEN["api_token_secret"] not in json.dumps(result)


@pytest.mark.parametrize(
    "secret", ["s3cret-pass", ["s3cret-pass", "s3cret-two"]], ids=["text", "list"]
)
def test_a_password_among_the_parameters_is_masked(
    tmp_path: Path, simulated: Simulated, secret: Any
) -> None:
    result = run(
        tmp_path,
        "operation",
        simulated,
        operation="configure",
        guests=[100],
        params={"cipassword": secret},
    )
    assert "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" in json.dumps(result["invocation"])
    assert "s3cret" not in json.dumps(result)


def test_a_missing_library_gives_the_usual_message(tmp_path: Path, simulated: Simulated) -> None:
    (tmp_path / "requests.py").write_text("raise ImportError('no requests here')")
    arguments = tmp_path / "arguments.json"
    options = {"api_host": simulated.simulator.hosts[0], **TOKEN}
    arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": options}))
    # The directory of the arguments comes first on the path, so its requests is found.
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r});"
        f" from {MODULES} import guest_info; guest_info.main()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, str(arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    result = json.loads(ended.stdout)
    assert "Failed to import the required Python library (requests)" in result["msg"]


KEYS = {
    "clone": {"guests", "tasks"},
    "container": {"guests", "tasks"},
    "operation": {"guests", "tasks"},
    "wait_task": {"tasks"},
    "task_info": {"tasks"},
    "stop_task": {"tasks", "leftovers"},
    "guest_info": {"guests"},
}


@pytest.mark.parametrize("module", KEYS)
@pytest.mark.parametrize("wrong", ["host", "option", "number", "argument"])
def test_a_failure_before_anything_has_the_keys_of_every_result(
    tmp_path: Path, simulated: Simulated, module: str, wrong: str
) -> None:
    needed: dict[str, dict[str, Any]] = {
        "clone": {"source": "9000", "name": "x1"},
        "container": {"ostemplate": "local:vztmpl/x.tar.zst", "hostname": "x1"},
        "operation": {"operation": "start", "guests": [100]},
        "wait_task": {"upids": []},
        "task_info": {},
        "stop_task": {"upids": []},
        "guest_info": {},
    }
    wrongs: dict[str, dict[str, Any]] = {
        "host": {"api_host": ["a..b"]},
        "option": {"ca_path": "/nosuch.pem"},
        "number": {"api_timeout": -1},
        "argument": {"nosuch": 1},
    }
    result = run(tmp_path, module, simulated, **{**needed[module], **wrongs[wrong]})
    assert result["failed"]
    assert {"msg", "changed", "summary", "api", *KEYS[module]} <= set(result) | {"changed"}
    assert result["summary"]["total"] == 0
    assert result["summary"]["failed"] == 0
    assert result["api"] == {"requests": 0, "host": None}


def test_a_host_that_is_missing_names_the_variable(tmp_path: Path, simulated: Simulated) -> None:
    result = run(tmp_path, "guest_info", simulated, api_host=[])
    assert "PROXMOX_HOST" in result["msg"]


@pytest.mark.parametrize("module", ["guest_info", "task_info"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_at_once_what_only_reads(
    tmp_path: Path, simulated: Simulated, module: str, number: signal.Signals
) -> None:
    simulated.fault("delay", method="GET", count=None, seconds=30)
    process = begin(tmp_path, module, simulated)
    until = time.monotonic() + 20
    while not simulated.counted["total"] and time.monotonic() < until:
        assert process.poll() is None
    process.send_signal(number)
    began = time.monotonic()
    result = result_of(process)
    assert time.monotonic() - began < 5
    assert result["failed"]
    assert "interrupted" in result["msg"]


def test_texts_of_a_server_do_not_control_the_terminal(
    tmp_path: Path, simulated: Simulated
) -> None:
    status = "no space \x1b[2J\x07\u202e"
    simulated.admin("POST", "faults", action="task", type="qmclone", exitstatus=status, count=1)
    result = run(tmp_path, "clone", simulated, source="9000", name="odd1")
    assert r"no space \x1b[2J\x07\u202e" in result["msg"]
    assert not set(json.dumps(result, ensure_ascii=False)) & set("\x1b\x07\u202e")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("parallel", -1),
        ("parallel", 100_000),
        ("parallel_per_node", -1),
        ("parallel_per_storage", -1),
        ("poll_interval", 0.01),
        ("poll_interval", "inf"),
        ("retries", -1),
        ("wait_timeout", 10**12),
        ("wait_timeout", "inf"),
        ("node_timeout", float("-inf")),
    ],
)
def test_an_invalid_number_is_refused(
    tmp_path: Path, simulated: Simulated, option: str, value: object
) -> None:
    result = run(tmp_path, "clone", simulated, source="9000", name="x1", **{option: value})
    assert result["failed"]
    assert option in result["msg"]
    assert simulated.counted["total"] == 0


@pytest.mark.parametrize("secret", ["s3cret-in-a-list", ["s3cret-in-a-list"]])
def test_a_password_in_parameters_is_nowhere_in_the_result(
    tmp_path: Path, simulated: Simulated, secret: object
) -> None:
    params = {"cipassword": secret, "cores": 2}
    options = {"operation": "configure", "guests": [100], "params": params, "_ansible_diff": True}
    result = run(tmp_path, "operation", simulated, **options)
    assert "s3cret-in-a-list" not in json.dumps(result)


@pytest.mark.parametrize("module", ["clone", "container"])
def test_an_entry_that_is_no_dictionary_is_refused_and_not_shown(
    tmp_path: Path, simulated: Simulated, module: str
) -> None:
    needed = {"clone": {"source": "9000"}, "container": {"ostemplate": "x"}}[module]
    result = run(tmp_path, module, simulated, **needed, guests=[[{"password": "s3cret-pass"}]])
    assert result["failed"]
    assert result["guests"] == []
    assert "s3cret" not in json.dumps(result)
    assert TOKEN["api_token_secret"] not in json.dumps(result)


def test_what_a_server_echoes_of_a_secret_is_masked(tmp_path: Path, simulated: Simulated) -> None:
    secret = "s3cret\u200bpass\n"
    simulated.fault("status", method="POST", path="*config", status=400, message=f"bad {secret}")
    params = {"cipassword": secret}
    result = run(
        tmp_path, "operation", simulated, operation="configure", guests=[100], params=params
    )
    assert result["failed"]
    assert "s3cret" not in json.dumps(result)


@pytest.mark.parametrize(
    ("secret", "warned"), [("pve", True), ("root@pam", True), ("x-y-z", False)]
)
def test_a_secret_that_is_a_part_of_a_upid_or_node_is_warned_of(
    tmp_path: Path, simulated: Simulated, secret: str, warned: bool
) -> None:
    options = {"operation": "configure", "guests": [100], "params": {"cipassword": secret}}
    result = run(tmp_path, "operation", simulated, **options)
    assert any("also a part of UPIDs" in str(one) for one in result.get("warnings", ())) is warned
    assert (secret in result["tasks"][0]["upid"]) is False
