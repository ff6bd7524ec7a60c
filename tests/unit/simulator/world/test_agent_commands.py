# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the guest agent does when it is told to."""

from __future__ import annotations

from typing import Any

import pytest

AGENT = "qemu/101/agent"


@pytest.fixture
def agent(cell: Any) -> Any:
    """A cluster whose VM 101 has an agent that answers."""
    cell.world.guests[101].config["agent"] = "1"
    return cell


async def told(agent: Any, method: str, command: str, params: dict[str, Any] | None = None) -> Any:
    """What the agent answers."""
    return await agent.call(method, f"{AGENT}{command}", params, node="pve2")


async def refused(
    agent: Any, method: str, command: str, params: dict[str, Any] | None = None
) -> Any:
    """The error of a command that the agent refuses."""
    return await agent.refusal(method, f"{AGENT}{command}", params, node="pve2")


async def test_file_systems_are_frozen_until_they_are_thawed(agent: Any) -> None:
    assert await told(agent, "POST", "/fsfreeze-status") == {"result": "thawed"}
    assert (await told(agent, "POST", "/fsfreeze-freeze"))["result"] >= 1
    assert await told(agent, "POST", "/fsfreeze-status") == {"result": "frozen"}
    refusal = await refused(agent, "POST", "/exec", {"command": ["true"]})
    assert "guest-exec has been disabled" in refusal.message
    assert (await told(agent, "POST", "/fsfreeze-thaw"))["result"] >= 1
    assert await told(agent, "POST", "/fsfreeze-thaw") == {"result": 0}


async def test_a_program_has_a_pid_and_ends(agent: Any) -> None:
    pid = (await told(agent, "POST", "/exec", {"command": ["true"]}))["pid"]
    assert await told(agent, "GET", "/exec-status", {"pid": pid}) == {"exited": 1, "exitcode": 0}
    assert (await told(agent, "POST", "/exec", {"command": ["true"]}))["pid"] != pid
    refusal = await refused(agent, "GET", "/exec-status", {"pid": pid + 5})
    assert refusal.message == "Agent error: Invalid parameter 'pid'"


async def outcome(agent: Any, *command: str) -> Any:
    """What comes of a program."""
    pid = (await told(agent, "POST", "/exec", {"command": list(command)}))["pid"]
    return await told(agent, "GET", "/exec-status", {"pid": pid})


async def test_some_programs_work(agent: Any) -> None:
    await told(agent, "POST", "/file-write", {"file": "/ok", "content": ""})
    assert await outcome(agent, "echo", "a b") == {"exited": 1, "exitcode": 0, "out-data": "a b\n"}
    codes = [
        (await outcome(agent, *command))["exitcode"]
        for command in (
            ("false",), ("/bin/true",), ("sh", "-c", "exit 3"), ("test", "-e", "/ok"),
            ("test", "-e", "/none"), ("sh", "-c", "'"),
        )
    ]  # fmt: skip
    assert codes == [1, 0, 3, 0, 1, 2]


async def test_a_world_file_sets_how_programs_end(agent: Any) -> None:
    agent.world.programs = {
        "systemctl is-active app": {"exitcode": 3, "out": "failed\n", "seconds": 5},
        "uname": {"out": "other", "guests": [100]},
    }
    pid = (await told(agent, "POST", "/exec", {"command": ["systemctl", "is-active", "app"]}))[
        "pid"
    ]
    assert await told(agent, "GET", "/exec-status", {"pid": pid}) == {"exited": 0}
    await agent.settle(5)
    ended = await told(agent, "GET", "/exec-status", {"pid": pid})
    assert ended == {"exited": 1, "exitcode": 3, "out-data": "failed\n"}
    assert await outcome(agent, "uname") == {"exited": 1, "exitcode": 0}


async def test_written_files_can_be_read(agent: Any) -> None:
    assert await told(agent, "POST", "/file-write", {"file": "/a", "content": "abc"}) is None
    assert await told(agent, "GET", "/file-read", {"file": "/a"}) == {
        "content": "abc",
        "bytes-read": 3,
    }
    part = await told(agent, "GET", "/file-read", {"file": "/a", "offset": 1, "count": 1})
    assert part == {"content": "b", "bytes-read": 1}
    encoded = {"file": "/a", "content": "eHl6", "encode": 0}
    await told(agent, "POST", "/file-write", encoded)
    assert (await told(agent, "GET", "/file-read", {"file": "/a"}))["content"] == "xyz"


async def test_a_file_that_is_not_there_cannot_be_read(agent: Any) -> None:
    refusal = await refused(agent, "GET", "/file-read", {"file": "/b"})
    assert refusal.message.startswith("can't open file: Agent error: failed to open file '/b'")


@pytest.mark.parametrize("command", ["info", "get-fsinfo", "get-vcpus", "get-timezone", "get-time"])
async def test_the_older_path_takes_the_same_commands(agent: Any, command: str) -> None:
    own = await told(agent, "GET", f"/{command}")
    assert await told(agent, "POST", "", {"command": command}) == own
    assert own["result"]


async def test_a_shutdown_by_the_agent_stops_the_vm(agent: Any) -> None:
    await told(agent, "POST", "/shutdown")
    assert not agent.world.guests[101].running
    refusal = await refused(agent, "POST", "/ping")
    assert refusal.message == "VM 101 is not running"
