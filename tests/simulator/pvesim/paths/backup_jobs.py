# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup jobs, which are kept but never run (`PVE/API2/Backup.pm`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pvesim.calls import Call, CallError, call, parameter_error
from pvesim.cfs import changing
from pvesim.drives import disks
from pvesim.formats import split_list
from pvesim.guests import new_uuid
from pvesim.world import World

FILE = "jobs_cfg"
SELECTIONS = ("vmid", "all", "pool")
"""Parameters that select guests; exactly one of them is required."""
ALL_DAYS = "mon,tue,wed,thu,fri,sat,sun"
Job = dict[str, Any]


def _shown(jobid: str, job: Mapping[str, Any]) -> Job:
    entry = {"id": jobid, "type": "vzdump", **job}
    if isinstance(pruned := entry.get("prune-backups"), str):
        pairs = (part.partition("=") for part in pruned.split(","))
        entry["prune-backups"] = {key: value for key, _equals, value in pairs}
    return entry


@call("GET", "/cluster/backup")
async def jobs(world: World, _call: Call) -> list[Job]:
    """All jobs."""
    return [_shown(jobid, job) for jobid, job in sorted(world.backup_jobs.items())]


@call("GET", "/cluster/backup/{id}")
async def job(world: World, call: Call) -> Job:
    """One job."""
    jobid = call.params["id"]
    return _shown(jobid, _known(world, jobid))


@call("POST", "/cluster/backup")
async def create(world: World, call: Call) -> None:
    """A new job; without an id it gets one."""
    made = {key: value for key, value in call.params.items() if key != "id"}
    async with changing(world, FILE):
        _check(world, made)
        jobid = call.params.get("id") or new_uuid(world)
        if jobid in world.backup_jobs:
            raise CallError(500, f"Job '{jobid}' already exists")
        made.setdefault("enabled", 1)
        world.backup_jobs[jobid] = _scheduled(made)


@call("PUT", "/cluster/backup/{id}")
async def update(world: World, call: Call) -> None:
    """Other options; another selection of guests takes the place of the old one."""
    given = {k: v for k, v in call.params.items() if k not in ("id", "delete")}
    async with changing(world, FILE):
        found = dict(_known(world, call.params["id"]))
        for key in split_list(call.params.get("delete", "")):
            found.pop(key, None)
        if chosen := next((name for name in SELECTIONS if given.get(name)), None):
            for other in SELECTIONS:
                if other != chosen and other not in given:
                    found.pop(other, None)
            if chosen != "all" and "exclude" not in given:
                found.pop("exclude", None)
        found |= given
        _check(world, found)
        world.backup_jobs[call.params["id"]] = _scheduled(found)


@call("DELETE", "/cluster/backup/{id}")
async def delete(world: World, call: Call) -> None:
    """Forget a job."""
    async with changing(world, FILE):
        _known(world, call.params["id"])
        del world.backup_jobs[call.params["id"]]


def _known(world: World, jobid: str) -> Job:
    if jobid not in world.backup_jobs:
        raise parameter_error(id=f"No such job '{jobid}'")
    return world.backup_jobs[jobid]


def _check(world: World, job: Job) -> None:
    """Refuse a job that selects no guests, or in contradictory ways."""
    if "exclude" in job:
        job["all"] = 1
    for other in ("vmid", "pool"):
        if job.get("all") and job.get(other):
            raise parameter_error(all=f"option conflicts with option '{other}'")
    if job.get("pool") and job.get("vmid"):
        raise parameter_error(pool="option conflicts with option 'vmid'")
    if not any(job.get(name) for name in SELECTIONS):
        raise parameter_error(vmid="property is missing")
    if "schedule" in job and "starttime" in job:
        raise parameter_error(starttime="option conflicts with option 'schedule'")
    if (storage := job.get("storage")) and storage not in world.storages:
        raise CallError(500, f"storage '{storage}' does not exist")


def _scheduled(job: Job) -> Job:
    """A job with a calendar event in place of the days and the time of old."""
    if "starttime" in job:
        days = job.pop("dow", ALL_DAYS)
        time = job.pop("starttime")
        job["schedule"] = time if days == ALL_DAYS else f"{days} {time}"
    return job


def included(world: World, job: Mapping[str, Any]) -> set[int]:
    """The guests that a job saves, whether it is enabled or not."""
    if job.get("vmid"):
        chosen = {int(vmid) for vmid in split_list(str(job["vmid"]))} & set(world.guests)
    elif job.get("pool"):
        pool = world.pools.get(job["pool"])
        chosen = set(pool.members if pool else ()) & set(world.guests)
    else:
        left_out = {int(vmid) for vmid in re.findall(r"\d+", str(job.get("exclude", "")))}
        chosen = set(world.guests) - left_out
    node = job.get("node")
    return {vmid for vmid in chosen if node in (None, world.guests[vmid].node)}


@call("GET", "/cluster/backup-info/not-backed-up")
async def not_backed_up(world: World, call: Call) -> list[dict[str, Any]]:
    """The guests that no job saves."""
    saved = {vmid for job in world.backup_jobs.values() for vmid in included(world, job)}
    return [
        {"vmid": vmid, "type": guest.type} | ({"name": guest.name} if guest.name else {})
        for vmid, guest in sorted(world.guests.items())
        if vmid not in saved and call.caller.may(f"/vms/{vmid}", "VM.Audit")
    ]


@call("GET", "/cluster/backup/{id}/included_volumes")
async def included_volumes(world: World, call: Call) -> dict[str, Any]:
    """The guests that a job saves, each with its disks and whether they are saved."""
    return {"children": [
        _volumes(world, vmid) for vmid in sorted(included(world, _known(world, call.params["id"])))
    ]}  # fmt: skip


def _volumes(world: World, vmid: int) -> dict[str, Any]:
    guest = world.guests[vmid]
    children = [
        {
            "id": f"{vmid}:{drive.key}",
            "name": drive.volume,
            "included": int(not drive.cdrom and drive.options.get("backup", "1") != "0"),
            "reason": "enabled" if drive.options.get("backup", "1") != "0" else "disabled",
        }
        for drive in disks(guest.type, guest.config)
    ]
    return {"id": vmid, "name": guest.name or "", "type": guest.type, "children": children}
