# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Proofs that a restored guest works: its agent, an address, a command in it, that it runs on."""

from __future__ import annotations

import typing as t

from ...api import clock
from ...api.answers import count_of, read_mapping
from ...api.errors import ApiError, NoAnswerError, PveError
from ...guests.addresses import wait_for_addresses

if t.TYPE_CHECKING:
    from ...guests.cluster import Guest
    from ..context import Context

_PAUSE = 2.0
_NO_AGENT = "No QEMU guest agent configured"


async def prove(context: Context, guest: Guest) -> str:
    """What was seen of the guest, in words; PveError if it does not work in time.

    The API of containers has neither an agent nor commands: they are to run on.
    """
    kind = context.params["proof"]
    if kind == "address":
        return await _address(context, guest)
    if kind == "running" or guest.type == "lxc":
        return await _runs_on(context, guest)
    await _agent(context, guest)
    return "the agent answers" if kind == "agent" else await _command(context, guest)


async def _address(context: Context, guest: Guest) -> str:
    seconds = context.params["proof_timeout"]
    found, why = await wait_for_addresses(context.api, guest, seconds, context.stop.is_set)
    if not found:
        raise PveError(f"it has no address after {seconds} s: {why}")
    return ", ".join(found)


async def _runs_on(context: Context, guest: Guest) -> str:
    """It has to run the whole time; a system that does not come up ends soon."""
    seconds = context.params["settle"]
    until = clock.now() + seconds
    path = ("nodes", guest.node, guest.type, guest.vmid, "status", "current")
    while True:
        now = await read_mapping(context.api, path)
        if now.get("status") != "running" or now.get("qmpstatus", "running") != "running":
            raise PveError(f"it does not run any more: {now.get('qmpstatus') or now.get('status')}")
        if clock.now() >= until or context.stop.is_set():
            return f"it runs on for {seconds} s"
        await clock.sleep(min(_PAUSE, max(0.05, until - clock.now())))


async def _agent(context: Context, guest: Guest) -> None:
    seconds = context.params["proof_timeout"]
    until = clock.now() + seconds
    while True:
        try:
            await context.api.post(_agent_path(guest, "ping"))
        except ApiError as error:
            if error.status == 403 or _NO_AGENT in error.reason:
                raise
            why = error.reason
        except NoAnswerError as error:
            why = str(error)
        else:
            return
        if clock.now() >= until or context.stop.is_set():
            raise PveError(f"its agent does not answer after {seconds} s: {why}")
        await clock.sleep(_PAUSE)


async def _command(context: Context, guest: Guest) -> str:
    """Run the command in the guest, once."""
    command, seconds = context.params["command"], context.params["proof_timeout"]
    answer = await context.api.post(_agent_path(guest, "exec"), {"command": command})
    pid = count_of(answer.data.get("pid")) if isinstance(answer.data, dict) else None
    if pid is None:
        raise PveError(f"its agent did not say which process the command is: {answer.data!r}")
    until = clock.now() + seconds
    while True:
        status = await read_mapping(context.api, _agent_path(guest, "exec-status"), {"pid": pid})
        if str(status.get("exited") or 0) != "0":
            break
        if clock.now() >= until or context.stop.is_set():
            raise PveError(f"the command has not ended after {seconds} s")
        await clock.sleep(_PAUSE)
    code = status.get("exitcode")
    if str(code) != "0":
        said = str(status.get("err-data") or status.get("out-data") or "").strip().splitlines()
        ending = f"signal {status.get('signal')}" if code is None else f"exit code {code}"
        raise PveError(f"the command ended with {ending}{': ' + said[-1] if said else ''}")
    return "the command succeeded"


def _agent_path(guest: Guest, name: str) -> tuple[str | int, ...]:
    return ("nodes", guest.node, guest.type, guest.vmid, "agent", name)
