# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the guest agent does inside a VM (`PVE/API2/Qemu/Agent.pm`).

What programs do inside a simulated guest is said in `programs.py`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Any

from pvesim.calls import CALLS, Call, CallError, Handler, call
from pvesim.drives import drives
from pvesim.entities import Guest
from pvesim.power import power_off
from pvesim.programs import run
from pvesim.vmstatus import sizes
from pvesim.world import World

from .agent import answering

AGENT = "/nodes/{node}/qemu/{vmid}/agent"
FIRST_PID = 1000
VERSION = "7.2.11"
FROZEN = "The command guest-{} has been disabled for this instance"
WHILE_FROZEN = ("fsfreeze-status", "fsfreeze-thaw", "info", "ping")
"""The commands that an agent still takes while it holds the file systems still."""

Command = Callable[[World, Guest], Any]


def _filesystems(guest: Guest) -> list[str]:
    """The disks that hold a file system, by their keys."""
    return [drive.key for drive in drives(guest.type, guest.config) if not drive.cdrom]


def _freeze(_world: World, guest: Guest) -> int:
    guest.frozen = True
    return len(_filesystems(guest))


def _thaw(_world: World, guest: Guest) -> int:
    """How many file systems go on: none when none was held."""
    thawed = len(_filesystems(guest)) if guest.frozen else 0
    guest.frozen = False
    return thawed


def _status(_world: World, guest: Guest) -> str:
    return "frozen" if guest.frozen else "thawed"


def _trim(_world: World, guest: Guest) -> dict[str, Any]:
    return {"paths": [{"path": _mount(n), "trimmed": 0, "minimum": 0} for n in _numbers(guest)]}


def _numbers(guest: Guest) -> range:
    return range(len(_filesystems(guest)))


def _mount(number: int) -> str:
    return f"/mnt/disk{number}" if number else "/"


def _filesystem_info(world: World, guest: Guest) -> list[dict[str, Any]]:
    total = sizes(world, guest)["maxdisk"]
    return [
        {
            "name": f"sd{chr(ord('a') + number)}1",
            "mountpoint": _mount(number),
            "type": "ext4",
            "total-bytes": total,
            "used-bytes": total // 5,
            "disk": [],
        }
        for number in _numbers(guest)
    ]


def _processors(world: World, guest: Guest) -> list[dict[str, Any]]:
    count = sizes(world, guest)["cpus"]
    return [{"logical-id": n, "online": True, "can-offline": n > 0} for n in range(count)]


def _timezone(_world: World, _guest: Guest) -> dict[str, Any]:
    return {"zone": "UTC", "offset": 0}


def _info(_world: World, _guest: Guest) -> dict[str, Any]:
    names = sorted(template.rpartition("/")[2] for _method, template in CALLS if AGENT in template)
    known = [name for name in names if name not in ("agent", "file-read", "file-write")]
    commands = [
        {"name": f"guest-{name}", "enabled": True, "success-response": True}
        for name in [*known, "file-open", "file-close", "file-read", "file-write"]
    ]
    return {"version": VERSION, "supported_commands": commands}


def _shutdown(_world: World, guest: Guest) -> dict[str, Any]:
    power_off(guest)
    return {}


COMMANDS: dict[tuple[str, str], Command] = {
    ("POST", "fsfreeze-freeze"): _freeze,
    ("POST", "fsfreeze-status"): _status,
    ("POST", "fsfreeze-thaw"): _thaw,
    ("POST", "fstrim"): _trim,
    ("GET", "get-fsinfo"): _filesystem_info,
    ("GET", "get-timezone"): _timezone,
    ("GET", "get-vcpus"): _processors,
    ("GET", "info"): _info,
    ("POST", "shutdown"): _shutdown,
}


def _awake(world: World, call: Call, command: str) -> Guest:
    """The VM, if its agent takes this command now."""
    guest = answering(world, call)
    if guest.frozen and command not in WHILE_FROZEN:
        raise CallError(500, f"Agent error: {FROZEN.format(command)}")
    return guest


def _handler(name: str, command: Command) -> Handler:
    async def send(world: World, call: Call) -> dict[str, Any]:
        return {"result": command(world, _awake(world, call, name))}

    return send


for (_method, _name), _command in COMMANDS.items():
    call(_method, f"{AGENT}/{_name}")(_handler(_name, _command))


@call("POST", AGENT)
async def any_command(world: World, call: Call) -> Any:
    """The older way to send a command without parameters."""
    name = call.params["command"]
    handlers = (CALLS.get((method, f"{AGENT}/{name}")) for method in ("GET", "POST"))
    handler: Callable[[World, Call], Awaitable[Any]] | None = next(filter(None, handlers), None)
    if handler is None:
        raise CallError(501, f"The command '{name}' of the guest agent is not simulated")
    return await handler(world, call)


@call("POST", f"{AGENT}/exec")
async def execute(world: World, call: Call) -> dict[str, int]:
    """Start a program inside the VM; its pid."""
    guest, command = _awake(world, call, "exec"), call.params["command"]
    words = [command] if isinstance(command, str) else [str(word) for word in command]
    guest.programs.append(run(world, guest, words))
    return {"pid": FIRST_PID + len(guest.programs)}


@call("GET", f"{AGENT}/exec-status")
async def execution_status(world: World, call: Call) -> dict[str, Any]:
    """Whether a program has ended, how, and what it printed."""
    guest, pid = _awake(world, call, "exec-status"), int(call.params["pid"])
    if not FIRST_PID < pid <= FIRST_PID + len(guest.programs):
        raise CallError(500, "Agent error: Invalid parameter 'pid'")
    program = guest.programs[pid - FIRST_PID - 1]
    if world.clock.now() < program.ends:
        return {"exited": 0}
    said = {"out-data": program.out, "err-data": program.err}
    ended = {"exited": 1, "exitcode": program.exitcode}
    return ended | {key: text for key, text in said.items() if text}


@call("POST", f"{AGENT}/file-write")
async def write(world: World, call: Call) -> None:
    """Write a file inside the VM; base64 where `encode` is off."""
    guest, content = _awake(world, call, "file-open"), str(call.params["content"])
    if not int(call.params.get("encode", 1)):
        try:
            content = base64.b64decode(content, validate=True).decode("latin-1")
        except binascii.Error as exc:
            text = "can't write to file: Agent error: Invalid parameter 'buf-b64'"
            raise CallError(500, text) from exc
    guest.files[call.params["file"]] = content


@call("GET", f"{AGENT}/file-read")
async def read(world: World, call: Call) -> dict[str, Any]:
    """A file inside the VM that was written before."""
    guest, path = _awake(world, call, "file-open"), str(call.params["file"])
    if path not in guest.files:
        reason = f"failed to open file '{path}' (mode: 'r'): No such file or directory"
        raise CallError(500, f"can't open file: Agent error: {reason}")
    start = int(call.params.get("offset", 0))
    content = guest.files[path][start:]
    if "count" in call.params:
        content = content[: int(call.params["count"])]
    return {"content": content, "bytes-read": len(content)}


@call("POST", f"{AGENT}/set-user-password")
async def set_user_password(world: World, call: Call) -> dict[str, Any]:
    """Set a password inside the VM."""
    _awake(world, call, "set-user-password")
    return {"result": {}}
