# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup jobs (`PVE/API2/VZDump.pm`, `PVE/VZDump.pm`).

A guest that cannot be backed up does not keep the others from it; the job then ends as
`job errors`. One job runs on a node at a time, others wait for the global lock.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from shlex import quote

from pvesim.archives import marks, parse_keep
from pvesim.calls import Call, CallError, call, parameter_error
from pvesim.dumping import Job, dump
from pvesim.entities import Guest, Storage
from pvesim.guests import check_allowed
from pvesim.locks import LockTimeout
from pvesim.volumes import find_storage
from pvesim.worker import Died, Killed, Ordered, Worker
from pvesim.world import World

GLOBAL_LOCK = "/var/run/vzdump.lock"
DEFAULT_LOCKWAIT = 180
ROOT_ONLY = ("tmpdir", "dumpdir", "script", "job-id")
MODIFY = ("bwlimit", "ionice", "performance")
NOTES_VARIABLES = ("cluster", "guestname", "node", "vmid")
NOT_SHOWN = ("node", "vmid")


@dataclass(frozen=True)
class Selection:
    """The guests of a job: on this node, nowhere at all, and elsewhere."""

    here: list[int]
    elsewhere: list[int]


@call("POST", "/nodes/{node}/vzdump")
async def vzdump(world: World, call: Call) -> str:
    """Back up guests; the text `OK` when none of them is on this node."""
    _check_parameters(call)
    _check_rights(world, call)
    selection = _select(world, call)
    if call.params.get("stop"):
        for task in list(world.tasks.running(call.node)):
            if task.upid.type == "vzdump":
                await world.tasks.stop(task)
        if not selection.here:
            return "OK"
    if not selection.here and not _everything(call):
        return "OK"

    async def work(worker: Worker) -> None:
        await _run(world, call, worker, selection)

    only = selection.here[0] if len(selection.here) == 1 else ""
    return world.tasks.start(call.node, call.caller.authid, "vzdump", only, work)


def _everything(call: Call) -> bool:
    """Whether the job takes every guest but the excluded ones."""
    return bool(call.params.get("all")) or ("exclude" in call.params and "pool" not in call.params)


def _check_parameters(call: Call) -> None:
    """What the call refuses before anything else (verify_vzdump_parameters)."""
    params = call.params
    if not any(params.get(k) for k in ("vmid", "all", "stop", "pool", "exclude")):
        raise parameter_error(vmid="property is missing")
    for option in ("all", "exclude", "pool"):
        if params.get("vmid") and params.get(option):
            raise parameter_error(**{option: "option conflicts with option 'vmid'"})
    _check_notes(str(params.get("notes-template", "")))
    if params.get("stdout"):
        text = "option is only allowed on the command line interface."
        raise parameter_error(stdout=text)


def _check_notes(template: str) -> None:
    """Refuse variables that there are not, with the place at which Perl sees them."""
    unknown = [
        f"variable '{match[1]}' at char {match.end() - len(match[1])}"
        for match in re.finditer(r"\{\{([^\s{}]+)\}\}", template)
        if match[1] not in NOTES_VARIABLES
    ]
    if unknown:
        raise parameter_error(**{"notes-template": f"found unknown: {', '.join(unknown)}\n"})


def _check_rights(world: World, call: Call) -> None:
    params = call.params
    for option in ROOT_ONLY:
        if option in params and call.caller.authid != "root@pam":
            raise parameter_error(**{option: "Only root may set this option."})
    if any(option in params for option in MODIFY):
        check_allowed(call, "/", "Sys.Modify")
    if params.get("pool") not in (None, *world.pools):
        raise CallError(500, f"pool '{params['pool']}' does not exist")
    path = f"/storage/{params.get('storage', 'local')}"
    check_allowed(call, path, "Datastore.AllocateSpace")
    if "prune-backups" in params:
        check_allowed(call, path, "Datastore.Allocate")


def _vmids(text: object) -> list[int]:
    return [int(part) for part in re.split(r"[,; ]+", str(text or "")) if part]


def _select(world: World, call: Call) -> Selection:
    """The guests that are meant; those that are nowhere fail on this node."""
    params = call.params
    wanted = _vmids(params.get("vmid"))
    if params.get("pool"):
        wanted = sorted(world.pools[params["pool"]].members)
    elif _everything(call):
        wanted = sorted(world.guests)
    excluded = set(_vmids(params.get("exclude")))
    wanted = [vmid for vmid in dict.fromkeys(wanted) if vmid not in excluded]
    away = [v for v in wanted if v in world.guests and world.guests[v].node != call.node]
    return Selection([vmid for vmid in wanted if vmid not in away], away)


def _command_line(call: Call) -> str:
    options = {k: v for k, v in call.params.items() if k not in NOT_SHOWN} | {"node": call.node}
    vmids = " ".join(str(v) for v in _vmids(call.params.get("vmid")))
    shown = " ".join(f"--{key} {quote(str(options[key]))}" for key in sorted(options))
    return " ".join(part for part in ("vzdump", vmids, shown) if part)


async def _run(world: World, call: Call, worker: Worker, selection: Selection) -> None:
    """The worker: storage, global lock, then one guest after the other."""
    storage = _storage(world, call)
    async with _global_lock(world, call, worker):
        worker.log(f"INFO: starting new backup job: {_command_line(call)}")
        if selection.elsewhere:
            away = ", ".join(str(vmid) for vmid in selection.elsewhere)
            worker.log(f"INFO: skip external VMs: {away}")
        count = len(selection.here)
        worker.stretch(count)
        job = Job(
            worker,
            storage,
            str(call.params.get("mode", "snapshot")),
            str(call.params.get("compress", "0")),
            1 / (count or 1),
            call.params,
        )
        errors = False
        for vmid in selection.here:
            reason = await _one(world, call, job, vmid)
            errors = errors or reason is not None
            if reason == "interrupted by signal":
                break
        if errors:
            worker.log("INFO: Backup job finished with errors")
            raise Died("job errors")
        worker.log("INFO: Backup job finished successfully")


def _storage(world: World, call: Call) -> Storage:
    name = str(call.params.get("storage", "local"))
    head = f"could not get storage information for '{name}': "
    try:
        storage = find_storage(world, name, call.node)
    except CallError as exc:
        text = f"could not activate storage '{name}': {exc.message} {head}{exc.message}"
        raise Died(text) from exc
    if "backup" not in storage.content:
        raise Died(f"{head}can't use storage '{name}' for backups - wrong content type")
    return storage


@asynccontextmanager
async def _global_lock(world: World, call: Call, worker: Worker) -> AsyncIterator[None]:
    """The one job of a node; who waits in vain leaves without a last line."""
    minutes = int(call.params.get("lockwait", DEFAULT_LOCKWAIT))
    free = world.locks.is_free(call.node, GLOBAL_LOCK)
    if not free:
        worker.log("INFO: trying to get global lock - waiting...")
    lock = world.locks.flock(call.node, GLOBAL_LOCK, patience=minutes * 60.0)
    try:
        await lock.__aenter__()
    except LockTimeout as exc:
        worker.log(f"ERROR: can't acquire lock '{GLOBAL_LOCK}' - got timeout")
        worker.task.killed = True
        raise Killed from exc
    try:
        if not free:
            worker.log("INFO: got global lock")
        yield
    finally:
        await lock.__aexit__(None, None, None)


async def _one(world: World, call: Call, job: Job, vmid: int) -> str | None:
    """One guest of a job; the reason when it failed."""
    try:
        guest = world.guests.get(vmid)
        if guest is None:
            raise Died(f"unable to find VM '{vmid}'")
        if not call.caller.may(f"/vms/{vmid}", "VM.Backup"):
            raise Died(f"Permission check failed (/vms/{vmid}, VM.Backup)")
        await dump(job, guest)
        for line in _prune(call, job.storage, guest):
            job.info(line)
    except Ordered:
        raise
    except Died as exc:
        job.worker.log(f"ERROR: Backup of VM {vmid} failed - {exc}")
        job.info(f"Failed at {job.stamp()}")
        return str(exc)
    return None


def _prune(call: Call, storage: Storage, guest: Guest) -> Iterator[str]:
    """Remove the backups of a guest that the retention does not keep."""
    text = str(call.params.get("prune-backups") or storage.options.get("prune-backups", ""))
    keep = parse_keep(text)
    if not call.params.get("remove", 1) or not keep or keep.get("keep-all"):
        return
    yield f"prune older backups with retention: {text.replace(',', ', ')}"
    own = [v for v in storage.volumes if v.vmid == guest.vmid and v.node in (None, guest.node)]
    removed = sorted(volid for volid, mark in marks(own, keep).items() if mark == "remove")
    for volid in removed:
        yield f"removing backup '{volid}'"
        storage.volumes[:] = [v for v in storage.volumes if v.volid != volid]
    yield f"pruned {len(removed)} backup(s) not covered by keep-retention policy"
