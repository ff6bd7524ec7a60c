# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events before a recorded request: what the recordings do not show, but their answers need."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from pvesim.entities import Acl, Guest, Snapshot, Volume
from pvesim.history import Entry
from pvesim.locks import guest_lock_file
from pvesim.power import clean_up, power_off
from pvesim.statd import CYCLE
from pvesim.task import Task
from pvesim.volumes import find_volume, free, volume_format
from pvesim.worldfile import add_volumes, past_task

from .client import Reply
from .stage import TURNS, Stage

A_SECOND = 1.0
FORM = "application/x-www-form-urlencoded"
TOKENS = {"root": "root@pam!cli", "sep": "root2@pve!sep", "alice": "alice@pve!t1",
          "bob": "bob@pve!t1"}  # fmt: skip
SECRET = "00000000-0000-4000-8000-000000000000"


def token(name: str) -> str:
    """The Authorization header of somebody's token."""
    return f"PVEAPIToken={TOKENS[name]}={SECRET}"


class Events:
    """Carries out the entries of the script."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._calls: list[asyncio.Task[tuple[Reply, float]]] = []
        self._tickets: dict[str, tuple[str, str]] = {}
        self.headers: dict[str, str] = {}
        """What the next request carries instead of what was recorded."""
        self.form: Mapping[str, Any] = {}
        """Parameters of the next request that the recording hides."""
        self.file_size = 0
        """Bytes of the file that the next request carries, of which the beginning was recorded."""
        self.ticket: tuple[str, str] | None = None
        """The ticket and the CSRF token of the next request."""

    async def happen(self, event: Mapping[str, Any]) -> None:
        """One event: `{kind: argument}`."""
        ((kind, argument),) = event.items()
        await getattr(self, f"_{kind}")(argument)

    async def log_in(self, userid: str, at: str = "vm") -> tuple[str, str]:
        """A new ticket of a user with its CSRF token; the last one when nobody can log in now."""
        form = urlencode({"username": userid, "password": "secret"}).encode()
        headers = {"Content-Type": FORM}
        send = self._stage.send("POST", "/api2/json/access/ticket", headers, form, at=at)
        reply, _unused = await self._stage.played(send)
        if reply.status == 200:
            data = reply.body["data"]
            self._tickets[userid] = data["ticket"], data["CSRFPreventionToken"]
        return self._tickets[userid]

    async def _call(self, text: str) -> None:
        """`[bob] POST qemu/110/clone newid=130 full=1`, below the node vm."""
        reply, _unused = await self._stage.played(self._request(text))
        assert reply.status == 200, f"{text}: {reply.status} {reply.reason}"

    async def _request(self, text: str) -> tuple[Reply, float]:
        words = text.split()
        who = words.pop(0) if words[0] in TOKENS else "root"
        method, path, *pairs = words
        form = urlencode([pair.partition("=")[::2] for pair in pairs])
        full = f"/api2/json{path if path.startswith('/') else f'/nodes/vm/{path}'}"
        headers = {"Authorization": token(who)}
        if method in ("POST", "PUT"):
            headers["Content-Type"] = FORM
            return await self._stage.send(method, full, headers, form.encode())
        return await self._stage.send(method, f"{full}?{form}", headers)

    async def _ticket(self, text: str) -> None:
        """`root@pam vm2`: the user, and the node that makes the ticket, vm if none is named."""
        self.ticket = await self.log_in(*text.split())

    async def _send(self, headers: dict[str, str]) -> None:
        self.headers = headers

    async def _form(self, form: Mapping[str, Any]) -> None:
        self.form = form

    async def _file(self, size: int) -> None:
        self.file_size = size

    async def _rest(self, _argument: object) -> None:
        await self._stage.rest()

    async def _pass(self, seconds: float) -> None:
        await self._stage.passed(seconds)

    async def _until(self, text: str) -> None:
        """It is `12:53:02` by the clock of the first node, at least."""
        hours, minutes, seconds = (int(part) for part in text.split(":"))
        ahead = hours * 3600 + minutes * 60 + seconds - self._stage.clock.now() % 86400
        await self._stage.passed(max(0.0, ahead))

    async def _told(self, node: str) -> None:
        """The cycle of pvestatd of a node has just begun."""
        age = self._stage.clock.now() - self._stage.world.statd.told_at(node)
        await self._stage.passed(CYCLE - age % CYCLE + 0.01)

    async def _kill(self, text: str) -> None:
        """SIGKILL for the task `qmclone 110`."""
        task = self._running(text)
        self._stage.world.tasks.kill(task)
        await self._stage.ended(task)

    async def _end(self, text: str) -> None:
        await self._stage.ended(self._running(text))

    async def _guest(self, changes: Mapping[int, Mapping[str, Any]]) -> None:
        """Options of guests are set, or with null removed; new volumes come into being."""
        for vmid, options in changes.items():
            config = {**self._stage.world.guests[vmid].config, **options}
            self._stage.world.guests[vmid].config = {
                key: value for key, value in config.items() if value is not None
            }
            add_volumes(self._stage.world, self._stage.world.guests[vmid])

    async def _pending(self, changes: Mapping[int, Mapping[str, Any]]) -> None:
        """Changes of guests that wait, because the guest did not let go of something."""
        for vmid, options in changes.items():
            self._stage.world.guests[vmid].pending.update(options)

    async def _power(self, states: Mapping[int, str]) -> None:
        for vmid, state in states.items():
            guest = self._stage.world.guests[vmid]
            power_off(guest)
            if state == "running":
                guest.status, guest.started = "running", self._stage.clock.now()

    async def _restarted(self, vmids: list[int]) -> None:
        """VMs were stopped and started at once: what cleans up after a stop holds their locks."""
        for vmid in vmids:
            await self._power({vmid: "stopped"})
            clean_up(self._stage.world, self._stage.world.guests[vmid])
            await self._power({vmid: "running"})
        await self._stage.passed(A_SECOND)

    async def _hold(self, seconds: Mapping[int, float]) -> None:
        """Some other process of the node holds the lock files of guests for a while."""
        world = self._stage.world
        for vmid, length in seconds.items():
            guest = world.guests[vmid]
            path = guest_lock_file(guest.type, vmid)

            async def hold(node: str = guest.node, path: str = path, long: float = length) -> None:
                async with world.locks.flock(node, path):
                    await self._stage.clock.sleep(long)

            world.tasks.later(0.0, hold)
        await self._stage.passed(0.01)

    async def _gone(self, vmids: list[int]) -> None:
        for vmid in vmids:
            self._stage.world.guests.pop(vmid, None)

    async def _nodes(self, changes: Mapping[str, Mapping[str, Any]]) -> None:
        """Attributes of nodes: `{vm: {pvedaemon: down}}`."""
        for name, attributes in changes.items():
            for key, value in attributes.items():
                setattr(self._stage.world.nodes[name], key, value)
            await self._stage.world.node_changed(name)

    async def _unreached(self, states: Mapping[str, str]) -> None:
        """How the other nodes see some nodes: `{vm2: frozen}`; up for one that is back."""
        for name, state in states.items():
            if state == "up":
                self._stage.world.node_up(name)
            else:
                self._stage.world.node_unreached(name, state)
            await self._stage.world.node_changed(name)

    async def _pmxcfs(self, states: Mapping[str, str]) -> None:
        for name, state in states.items():
            self._stage.world.set_pmxcfs(name, state)
            await self._stage.world.node_changed(name)

    async def _archive(self, backups: Mapping[str, int | Sequence[int]]) -> None:
        """Backups of guests as they are now, by their volume: `VMID` or `[VMID, bytes]`."""
        for volid, what in backups.items():
            vmid, size = (what, 26112) if isinstance(what, int) else what
            storage, _unused, name = volid.partition(":")
            guest = self._stage.world.guests[vmid]
            free(self._stage.world, volid, guest.node)
            parts = name.split("-")[-1].split(".")[1:]
            self._stage.world.storages[storage].volumes.append(
                Volume(volid, "backup", ".".join(parts), size, vmid,
                       int(self._stage.clock.now()), guest.node, config=dict(guest.config))
            )  # fmt: skip

    async def _used(self, volumes: Mapping[str, int]) -> None:
        """How many bytes volumes hold."""
        for volid, size in volumes.items():
            volume = find_volume(self._stage.world, volid, "vm")
            assert volume, volid
            volume.used = size

    async def _files(self, volumes: Mapping[str, int]) -> None:
        """Files on storages of the node vm, with their sizes."""
        for volid, size in volumes.items():
            storage, _unused, name = volid.partition(":")
            made = Volume(volid, name.partition("/")[0], volume_format(volid), size)
            made.node, made.ctime = "vm", int(self._stage.clock.now())
            self._stage.world.storages[storage].volumes.append(made)

    async def _snapshot(self, names: Mapping[int, str]) -> None:
        """Snapshots of guests as they are now."""
        for vmid, name in names.items():
            guest = self._stage.world.guests[vmid]
            parent = str(guest.config["parent"]) if "parent" in guest.config else None
            made = Snapshot(name, int(self._stage.clock.now()), parent, dict(guest.config))
            guest.snapshots[name], guest.config["parent"] = made, name

    async def _moved(self, places: Mapping[int, str]) -> None:
        """Guests that are at another node now."""
        for vmid, node in places.items():
            self._stage.world.guests[vmid].node = node

    async def _forget(self, vmid: int) -> None:
        """A guest has neither snapshots nor changes that wait any more."""
        guest = self._stage.world.guests[vmid]
        guest.snapshots.clear()
        guest.pending.clear()
        for key in ("parent", "lock", "vmstate"):
            guest.config.pop(key, None)

    async def _quorum(self, there: bool) -> None:
        self._stage.world.quorate = there

    async def _make(self, guests: Mapping[int, Mapping[str, Any]]) -> None:
        """VMs that come into being by themselves, with their options."""
        for vmid, options in guests.items():
            self._stage.world.guests[vmid] = Guest(vmid, "qemu", "vm", dict(options))
            add_volumes(self._stage.world, self._stage.world.guests[vmid])

    async def _world(self, parts: Mapping[str, Mapping[str, Any]]) -> None:
        """Entries of parts of the world that are kept as a world file says them."""
        for part, entries in parts.items():
            getattr(self._stage.world, part).update(entries)

    async def _grant(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Lines of the access control list."""
        self._stage.world.acl += [Acl(**line) for line in lines]

    async def _stop(self, text: str) -> None:
        """Stop the task `qmclone 110`, by its path."""
        await self._call(f"DELETE tasks/{quote(str(self._running(text).upid), safe='')}")

    async def _archived(self, number: int) -> None:
        """That many tasks run and end at once."""
        world = self._stage.world
        for _unused in range(number):
            now = self._stage.clock.now()
            task = world.tasks.record("vm", "root@pam", "qmconfig", "101", now, None)
            task.write("TASK OK\n")
            task.ended = now
            world.tasks.history("vm").add(Entry(task, int(now), task.exitstatus))

    async def _tasks(self, tasks: Sequence[Mapping[str, Any]]) -> None:
        """Tasks of the past, as a world file tells them."""
        for task in tasks:
            past_task(self._stage.world, {"node": "vm", "user": "root@pam!cli", **task})

    async def _meanwhile(self, text: str) -> None:
        """A call whose answer nobody waits for."""
        self._calls.append(asyncio.ensure_future(self._request(text)))
        for _unused in range(TURNS):
            await asyncio.sleep(0)

    async def _single(self, _argument: object) -> None:
        """There is no cluster: other nodes are names that nothing stands for any more."""
        self._stage.world.cluster_name = None
        for node in list(self._stage.world.nodes.values())[1:]:
            node.member = False

    async def _without(self, names: Sequence[str]) -> None:
        """There are no such nodes."""
        for name in names:
            del self._stage.world.nodes[name]

    async def _start_failures(self, share: float) -> None:
        """The share of the starts that fail in a burst, in that of 57 a second."""
        self._stage.world.start_failures = share

    async def _task(self, fault: Mapping[str, Any]) -> None:
        """How the next task of a type ends."""
        self._stage.world.add_task_fault(**{"count": 1, **fault})

    def _running(self, text: str) -> Task:
        kind, _unused, ident = text.partition(" ")
        found = [
            task
            for task in self._stage.world.tasks.every()
            if task.running and task.upid.type == kind and task.upid.id == ident
        ]
        return found[-1]
