# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the calls of the API answer, and do, on the cluster in memory."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.calls import Answer
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    NoAnswerError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.volumes import stored_name

from .fake_cluster import EPOCH, FakeCluster, FakeGuest, FakeTask, now

# How a clone ends that lost the quorum in the middle: nothing that it made is removed.
LEFT_LOCKED = (
    "clone failed: unable to open file '/etc/pve/nodes/pve1/qemu-server/201.conf.tmp.7'"
    " - Permission denied"
)
GONE = "Configuration file 'nodes/{node}/{guest_type}/{vmid}.conf' does not exist\n"


@dataclass
class FakeServer:
    """The server, which answers at once.

    ``seconds`` says how long tasks work and ``ends`` how the next ones end, by ``TYPE`` or
    ``TYPE ID``; without a word they work for 5 seconds and end OK. ``hides_running`` keeps the
    caller's running tasks out of the lists, as for a token without Sys.Audit. ``preconditions``
    are what is said of the migration of a guest beside where it may go. ``restarts`` are the
    seconds at which nodes were told to restart, ``absent`` nodes that are no members by now.
    """

    cluster: FakeCluster = field(default_factory=FakeCluster)
    authid: str = "root@pam!ansible"
    seconds: dict[str, float] = field(default_factory=dict)
    ends: dict[str, list[str]] = field(default_factory=dict)
    hides_running: bool = False
    preconditions: dict[int, dict[str, Any]] = field(default_factory=dict)
    restarts: dict[str, float] = field(default_factory=dict)
    quorate: bool = True
    absent: set[str] = field(default_factory=set)

    def route(self, method: str, path: tuple[str | int, ...], params: dict[str, Any]) -> Answer:
        """The answer to a call; what it starts goes on by itself."""
        label = f"{method} /{'/'.join(map(str, path))}"
        for pattern, handler in _ROUTES:
            match = re.fullmatch(pattern, label)
            if match:
                return handler(self, params, **match.groupdict())
        raise ApiError(label, 501, f"Method '{label}' not implemented")

    def _resources(self, _params: dict[str, Any]) -> Answer:
        rows: list[dict[str, Any]] = []
        for name, (total, used) in self.cluster.nodes.items():
            online = name not in self.cluster.down
            rows.append({"type": "node", "node": name, "status": "online" if online else "offline"})
            if online:
                rows[-1] |= {"maxmem": total, "mem": used}
        for guest in self.cluster.guests.values():
            row = {"type": guest.type, "node": guest.node, **guest.row()}
            for name in ("name", "status"):
                row.pop(name)
            row |= self.cluster.reported(guest.vmid)
            more = {"pool": guest.pool, "hastate": guest.ha}
            rows.append(row | {key: value for key, value in more.items() if value})
        return Answer(rows)

    def _nodes(self, _params: dict[str, Any]) -> Answer:
        return Answer([{"node": name} for name in self.cluster.nodes])

    def _time(self, _params: dict[str, Any], node: str) -> Answer:
        seconds = EPOCH + int(now() + self.cluster.skews.get(node, 0.0))
        return Answer({"time": seconds, "localtime": seconds, "timezone": "UTC"})

    def _permissions(self, params: dict[str, Any]) -> Answer:
        audits = {"VM.Audit": 1} if self.hides_running else {"Sys.Audit": 1, "VM.Audit": 1}
        return Answer({str(params.get("path", "/")): audits})

    def _nextid(self, params: dict[str, Any]) -> Answer:
        if "vmid" in params:
            if params["vmid"] in self.cluster.guests:
                text = f"VM {params['vmid']} already exists"
                raise ApiError("GET /cluster/nextid", 400, "", {"vmid": text})
            return Answer(str(params["vmid"]))
        vmid = 100
        while vmid in self.cluster.guests:
            vmid += 1
        return Answer(str(vmid))

    def _tasks(self, params: dict[str, Any], node: str) -> Answer:
        tasks = [task for task in self.cluster.tasks if task.upid.node == node]
        active = [task for task in tasks if task.running and task.listed]
        archive = sorted(
            (task for task in tasks if not task.running and task.archived),
            key=lambda task: (task.end or 0) + task.noticed,
            reverse=True,
        )
        source = params.get("source", "archive")
        chosen = {"active": active, "archive": archive, "all": active + archive}[source]
        chosen = [task for task in chosen if _fits(task, params)]
        start, limit = params.get("start", 0), params.get("limit", 50)
        rows = [task.row() for task in chosen[start : start + limit]]
        return Answer(rows, len(chosen))

    def _task(self, upid: str) -> FakeTask:
        task = self.cluster.find(upid)
        if task is None:
            text = "Parameter verification failed."
            raise ApiError(f"task {upid}", 400, text, {"upid": "no such task"})
        return task

    def _status(self, _params: dict[str, Any], upid: str, **_path: str) -> Answer:
        task = self._task(upid)
        if task.running:
            return Answer({"upid": upid, "status": "running"})
        return Answer({"upid": upid, "status": "stopped", "exitstatus": task.exitstatus})

    def _log(self, params: dict[str, Any], upid: str, **_path: str) -> Answer:
        task = self.cluster.find(upid)
        if task is None:
            text = "unable to open file - No such file or directory"
            return Answer([{"n": 1, "t": text}], 1)
        lines = [{"n": number, "t": text} for number, text in enumerate(task.log, 1)]
        if not lines:
            return Answer([{"n": 1, "t": "no content"}], 1)
        start = params.get("start", 0)
        limit = params.get("limit", 50) or len(lines)
        return Answer(lines[start : start + limit], len(lines))

    def _stop(self, _params: dict[str, Any], upid: str, **_path: str) -> Answer:
        task = self._task(upid)
        if task.running:
            task.end, task.exitstatus, task.at_end = now(), "received interrupt", None
            task.log.append("TASK ERROR: received interrupt")
        return Answer(None)

    def _guest(self, node: str, guest_type: str, vmid: str) -> FakeGuest:
        guest = self.cluster.guests.get(int(vmid))
        if guest is None or (guest.node, guest.type) != (node, guest_type):
            text = GONE.format(node=node, guest_type=guest_type, vmid=vmid)
            raise ApiError(f"/nodes/{node}/{guest_type}/{vmid}", 500, text)
        return guest

    def _list(self, _params: dict[str, Any], node: str, guest_type: str) -> Answer:
        guests = self.cluster.guests.values()
        return Answer([g.row() for g in guests if (g.node, g.type) == (node, guest_type)])

    def _config(self, params: dict[str, Any], **path: str) -> Answer:
        guest = self._guest(**path)
        coming = {} if params.get("current") else guest.pending
        config = {**guest.config, **coming}
        return Answer({name: value for name, value in config.items() if value is not None})

    def _pending(self, _params: dict[str, Any], **path: str) -> Answer:
        guest = self._guest(**path)
        rows = [{"key": key, "value": value} for key, value in guest.config.items()]
        rows += [{"key": "digest", "value": guest.digest}]
        by_key = {row["key"]: row for row in rows}
        for key, value in guest.pending.items():
            row = by_key.setdefault(key, {"key": key})
            row |= {"delete": 1} if value is None else {"pending": value}
        return Answer(list(by_key.values()))

    def _current(self, _params: dict[str, Any], **path: str) -> Answer:
        return Answer(self._guest(**path).row())

    def _work(
        self,
        node: str,
        type_: str,
        id_: object,
        at_end: Callable[[], None],
        log: list[str] | None = None,
        at_failure: Callable[[str], None] | None = None,
    ) -> Answer:
        """Start a task that does something at its end, unless it ends badly."""
        one = f"{type_} {id_}"
        ends = self.ends.get(one) or self.ends.get(type_) or ["OK"]
        exitstatus = ends.pop(0)
        good = exitstatus == "OK" or exitstatus.startswith("WARNINGS")
        lines = [*(log or []), f"TASK {'' if good else 'ERROR: '}{exitstatus}"]
        task = self.cluster.start(
            node,
            type_,
            id_,
            self.seconds.get(one, self.seconds.get(type_, 5.0)),
            self.authid,
            exitstatus=exitstatus,
            log=lines,
            at_end=at_end if good else at_failure and functools.partial(at_failure, exitstatus),
            listed=not self.hides_running,
        )
        return Answer(str(task.upid))

    def _clone(self, params: dict[str, Any], **path: str) -> Answer:
        source, newid = self._guest(**path), int(params["newid"])
        guest_type, word = source.type, "VM" if source.type == "qemu" else "container"
        if newid in self.cluster.guests:
            text = f"unable to create VM {newid}: config file already exists"
            raise ApiError(f"clone to {newid}", 500, text)
        if guest_type == "lxc" and "lock" in source.config:
            raise ApiError(f"clone to {newid}", 500, f"CT is locked ({source.config['lock']})")
        lock = "clone" if guest_type == "qemu" else "create"
        config = {"lock": lock, "description": " qmclone temporary file"}
        new = self.cluster.guests[newid] = FakeGuest(newid, guest_type, source.node, config)
        new.born = now()
        if guest_type == "lxc":
            source.config["lock"] = "disk"

        def done() -> None:
            name = params.get("name") or params.get("hostname")
            new.config = {k: v for k, v in source.config.items() if k not in ("template", "lock")}
            new.config["name" if guest_type == "qemu" else "hostname"] = (
                name or f"Copy-of-{source.name}"
            )
            new.node, new.born = params.get("target", source.node), now()
            source.config.pop("lock", None)

        def failed(exitstatus: str) -> None:
            if exitstatus == LEFT_LOCKED:
                return
            source.config.pop("lock", None)
            self.cluster.guests.pop(newid)

        line = f"creating a clone of {word} {source.vmid} with ID {newid}"
        type_ = "qmclone" if guest_type == "qemu" else "vzclone"
        return self._work(source.node, type_, source.vmid, done, [line], failed)

    def _create(self, params: dict[str, Any], node: str, guest_type: str) -> Answer:
        vmid = int(params["vmid"])
        if vmid in self.cluster.guests:
            where = self.cluster.guests[vmid]
            word = "VM" if where.type == "qemu" else "CT"
            text = f"{word} {vmid} already exists on node '{where.node}'"
            raise ApiError(f"create {vmid}", 500, text)
        new = self.cluster.guests[vmid] = FakeGuest(vmid, guest_type, node, {"lock": "create"})
        new.born = now()

        def done() -> None:
            new.config = {key: value for key, value in params.items() if key != "vmid"}
            saved = params.get("archive") or params.get("ostemplate")
            for row in itertools.chain(*self.cluster.backups.values()):
                if row["volid"] == saved:
                    new.config = {**row.get("config", {}), **new.config}
            new.born = now()

        restores = "archive" in params or params.get("restore") == 1
        type_ = ("qm" if guest_type == "qemu" else "vz") + ("restore" if restores else "create")
        return self._work(node, type_, vmid, done, ["extracting archive"],
                          lambda _status: self.cluster.remove(vmid))  # fmt: skip

    def _power(self, _params: dict[str, Any], action: str, **path: str) -> Answer:
        guest = self._guest(**path)

        def done() -> None:
            guest.status = "running" if action in ("start", "reboot") else "stopped"

        prefix = "qm" if guest.type == "qemu" else "vz"
        return self._work(guest.node, prefix + action, guest.vmid, done)

    def _node_status(self, _params: dict[str, Any], node: str) -> Answer:
        """A node that was told to restart is away for a minute, and then its uptime begins."""
        began = self.restarts.get(node)
        if began is None or now() < began + 5:
            return Answer({"uptime": 86400 + int(now())})
        if now() < began + 65:
            raise NoAnswerError(f"GET /nodes/{node}/status", "595 no route", sent=True)
        return Answer({"uptime": int(now() - began - 65)})

    def _restart(self, _params: dict[str, Any], node: str) -> Answer:
        self.restarts[node] = now()
        return Answer(None)

    def _members(self, _params: dict[str, Any]) -> Answer:
        """The nodes, of which the second answers, and quorum."""
        rows: list[dict[str, Any]] = [
            {
                "type": "node",
                "name": name,
                "local": int(name == "pve2"),
                "online": int(name not in self.cluster.down | self.absent),
            }
            for name in self.cluster.nodes
        ]
        return Answer([{"type": "cluster", "name": "sim", "quorate": int(self.quorate)}, *rows])

    def _ping(self, _params: dict[str, Any], **path: str) -> Answer:
        guest = self._guest(**path)
        if str(guest.config.get("agent", 0)) != "1":
            raise ApiError("POST /agent/ping", 500, "No QEMU guest agent configured\n")
        if guest.status != "running":
            raise ApiError("POST /agent/ping", 500, f"VM {guest.vmid} is not running\n")
        return Answer({"result": {}})

    def _exec(self, _params: dict[str, Any], **path: str) -> Answer:
        self._ping({}, **path)
        return Answer({"pid": 1001})

    def _exec_status(self, _params: dict[str, Any], **path: str) -> Answer:
        self._ping({}, **path)
        return Answer({"exited": 1, "exitcode": 0})

    def _mobility(self, _params: dict[str, Any], **path: str) -> Answer:
        guest = self._guest(**path)
        others = [node for node in self.cluster.nodes if node != guest.node]
        own = self.preconditions.get(guest.vmid, {})
        if guest.type == "lxc":
            return Answer({"running": 0, "allowed-nodes": others, "not-allowed-nodes": {}} | own)
        told = {"local_disks": [], "local_resources": [], "allowed_nodes": others}
        return Answer(told | {"not_allowed_nodes": {}} | own)

    def _migrate(self, params: dict[str, Any], **path: str) -> Answer:
        guest = self._guest(**path)
        node = str(params["target"])

        def done() -> None:
            guest.node = node

        work = "qmigrate" if guest.type == "qemu" else "vzmigrate"
        log = [f"starting migration of VM {guest.vmid} to node '{node}' (192.0.2.9)"]
        return self._work(guest.node, work, guest.vmid, done, log)

    def _configure(self, params: dict[str, Any], **path: str) -> Answer:
        guest = self._guest(**path)
        if params.get("digest", guest.digest) != guest.digest:
            text = "checksum mismatch (file change by other user?)\n"
            raise ApiError(f"configuration of {guest.vmid}", 500, text)

        def done() -> None:
            for name in str(params.get("delete") or "").split(","):
                guest.config.pop(name, None)
            guest.config |= {k: v for k, v in params.items() if k not in ("delete", "digest")}

        if guest.type == "lxc":
            done()
            return Answer(None)
        return self._work(guest.node, "qmconfig", guest.vmid, done)

    def _resize(self, params: dict[str, Any], **path: str) -> Answer:
        guest = self._guest(**path)

        def done() -> None:
            parts = guest.config[params["disk"]].split(",")
            kept = [part for part in parts if not part.startswith("size=")]
            guest.config[params["disk"]] = ",".join([*kept, f"size={params['size']}"])

        return self._work(guest.node, "resize", guest.vmid, done)

    def _template(self, _params: dict[str, Any], **path: str) -> Answer:
        guest = self._guest(**path)
        type_ = "qmtemplate" if guest.type == "qemu" else "vztemplate"
        answer = self._work(guest.node, type_, guest.vmid, lambda: guest.config.update(template=1))
        return answer if guest.type == "qemu" else Answer(None)

    def _snapshots(self, _params: dict[str, Any], **path: str) -> Answer:
        guest = self._guest(**path)
        return Answer([*guest.snapshots, {"name": "current", "description": "You are here!"}])

    def _snapshot(self, params: dict[str, Any], **path: str) -> Answer:
        guest = self._guest(**path)
        taken = {**params, "name": params["snapname"], "snaptime": EPOCH + int(now())}
        prefix = "qm" if guest.type == "qemu" else "vz"
        return self._work(
            guest.node, f"{prefix}snapshot", guest.vmid, lambda: guest.snapshots.append(taken)
        )

    def _delete_snapshot(self, _params: dict[str, Any], name: str, **path: str) -> Answer:
        guest = self._guest(**path)

        def done() -> None:
            guest.snapshots = [one for one in guest.snapshots if one["name"] != name]

        prefix = "qm" if guest.type == "qemu" else "vz"
        return self._work(guest.node, f"{prefix}delsnapshot", guest.vmid, done)

    def _roll_back(self, _params: dict[str, Any], name: str, **path: str) -> Answer:
        guest = self._guest(**path)
        prefix = "qm" if guest.type == "qemu" else "vz"
        return self._work(
            guest.node,
            f"{prefix}rollback",
            guest.vmid,
            lambda: guest.config.update(parent=name),
        )

    def _destroy(self, params: dict[str, Any], **path: str) -> Answer:
        guest = self._guest(**path)
        if params.get("skiplock") and self.authid != "root@pam":
            text = {"skiplock": "Only root may use this option."}
            raise ApiError(f"delete {guest.vmid}", 400, "Parameter verification failed.", text)
        prefix = "qm" if guest.type == "qemu" else "vz"
        return self._work(
            guest.node,
            prefix + "destroy",
            guest.vmid,
            lambda: self.cluster.remove(
                guest.vmid, images=bool(params.get("destroy-unreferenced-disks"))
            ),
        )

    def _service(self, _params: dict[str, Any], node: str, service: str, verb: str) -> Answer:
        return self._work(node, f"srv{verb}", service, lambda: None)

    def _download(self, params: dict[str, Any], node: str, storage: str) -> Answer:
        name = stored_name(params["filename"])
        volume = f"{storage}:{params['content']}/{name}"
        row = {"volid": volume, "content": params["content"]}
        there = self.cluster.volumes.setdefault((node, storage), [])
        return self._work(node, "download", name, lambda: there.append(row))

    def _delete_volume(
        self, _params: dict[str, Any], node: str, storage: str, volume: str
    ) -> Answer:
        there = self.cluster.volumes.get((node, storage), [])
        kept = [row for row in there if row["volid"] != volume]
        return self._work(
            node, "imgdel", f"@{storage}", lambda: there.__setitem__(slice(None), kept)
        )

    def _apply_sdn(self, _params: dict[str, Any]) -> Answer:
        """The node that answers does it."""
        return self._work("pve2", "reloadnetworkall", "", lambda: None)

    def _storages(self, _params: dict[str, Any], **_path: str) -> Answer:
        more = [
            {"storage": name, "content": "backup,iso", "active": 1, "enabled": 1}
            for name in self.cluster.backups
        ]
        known = [{"storage": "ceph", "content": "images"}, *more]
        return Answer([*known, *self.cluster.storages])

    def _content(self, params: dict[str, Any], node: str, storage: str) -> Answer:
        if params.get("content") == "backup":
            rows = self.cluster.backups.get(storage, [])
            return Answer([row for row in rows if params.get("vmid") in (None, row["vmid"])])
        if (node, storage) in self.cluster.volumes:
            rows = self.cluster.volumes[node, storage]
            return Answer([row for row in rows if row["content"] == params.get("content")])
        if storage in self.cluster.contents:
            rows = self.cluster.contents[storage]
            return Answer([row for row in rows if params.get("vmid") in (None, row["vmid"])])
        volumes: list[str] = self.cluster.templates.get(node, [])
        if params.get("content") == "import" or (
            params.get("content") == "images" and "vmid" not in params
        ):
            return Answer([])
        if params.get("content") == "images":
            volumes = self.cluster.images.get(int(params["vmid"]), [])
        return Answer([{"volid": volume} for volume in volumes])


def _fits(task: FakeTask, params: dict[str, Any]) -> bool:
    upid, row = task.upid, task.row()
    kind = {"OK": "ok", None: "unknown", "RUNNING": "unknown"}.get(row.get("status"), "error")
    if str(row.get("status")).startswith("WARNINGS"):
        kind = "warning"
    statuses = params.get("statusfilter")
    return all(
        (
            params.get("typefilter", upid.type) == upid.type,
            str(params.get("vmid", upid.id)) == upid.id,
            str(params.get("userfilter", "")).lower() in row["user"].lower(),
            upid.starttime >= params.get("since", 0),
            upid.starttime <= params.get("until", 1 << 40),
            statuses is None or kind in statuses.split(","),
        )
    )


_GUEST = r"/nodes/(?P<node>[^/]+)/(?P<guest_type>qemu|lxc)/(?P<vmid>\d+)"
_TASK = r"/nodes/(?P<node>[^/]+)/tasks/(?P<upid>[^/]+)"
_ROUTES: tuple[tuple[str, Callable[..., Answer]], ...] = (
    (r"GET /cluster/resources", FakeServer._resources),
    (r"GET /cluster/nextid", FakeServer._nextid),
    (r"GET /nodes", FakeServer._nodes),
    (r"PUT /cluster/sdn", FakeServer._apply_sdn),
    (
        r"POST /nodes/(?P<node>[^/]+)/services/(?P<service>[^/]+)/(?P<verb>\w+)",
        FakeServer._service,
    ),
    (r"POST /nodes/(?P<node>[^/]+)/storage/(?P<storage>[^/]+)/download-url", FakeServer._download),
    (r"POST /pools", lambda _api, _params: Answer(None)),
    (r"GET /cluster/replication", lambda api, _params: Answer(api.cluster.replication)),
    (r"GET /pools", lambda _api, _params: Answer([])),
    (r"GET /cluster/status", FakeServer._members),
    (r"GET /nodes/(?P<node>[^/]+)/status", FakeServer._node_status),
    (r"POST /nodes/(?P<node>[^/]+)/status", FakeServer._restart),
    (r"GET /nodes/(?P<node>[^/]+)/time", FakeServer._time),
    (r"GET /access/permissions", FakeServer._permissions),
    (r"GET /nodes/(?P<node>[^/]+)/storage", FakeServer._storages),
    (r"GET /version", lambda _api, _params: Answer({"version": "9.2.11"})),
    (r"GET /nodes/(?P<node>[^/]+)/tasks", FakeServer._tasks),
    (rf"GET {_TASK}/status", FakeServer._status),
    (rf"GET {_TASK}/log", FakeServer._log),
    (rf"DELETE {_TASK}", FakeServer._stop),
    (r"GET /nodes/(?P<node>[^/]+)/(?P<guest_type>qemu|lxc)", FakeServer._list),
    (rf"GET {_GUEST}/config", FakeServer._config),
    (rf"GET {_GUEST}/pending", FakeServer._pending),
    (rf"GET {_GUEST}/status/current", FakeServer._current),
    (rf"POST {_GUEST}/clone", FakeServer._clone),
    (r"POST /nodes/(?P<node>[^/]+)/(?P<guest_type>qemu|lxc)", FakeServer._create),
    (rf"POST {_GUEST}/status/(?P<action>\w+)", FakeServer._power),
    (rf"GET {_GUEST}/migrate", FakeServer._mobility),
    (rf"POST {_GUEST}/migrate", FakeServer._migrate),
    (rf"(POST|PUT) {_GUEST}/config", FakeServer._configure),
    (rf"PUT {_GUEST}/resize", FakeServer._resize),
    (rf"POST {_GUEST}/template", FakeServer._template),
    (rf"POST {_GUEST}/agent/ping", FakeServer._ping),
    (rf"POST {_GUEST}/agent/exec", FakeServer._exec),
    (rf"GET {_GUEST}/agent/exec-status", FakeServer._exec_status),
    (rf"DELETE {_GUEST}", FakeServer._destroy),
    (rf"GET {_GUEST}/snapshot", FakeServer._snapshots),
    (rf"POST {_GUEST}/snapshot", FakeServer._snapshot),
    (rf"DELETE {_GUEST}/snapshot/(?P<name>[^/]+)", FakeServer._delete_snapshot),
    (rf"POST {_GUEST}/snapshot/(?P<name>[^/]+)/rollback", FakeServer._roll_back),
    (r"GET /nodes/(?P<node>[^/]+)/storage/(?P<storage>[^/]+)/content", FakeServer._content),
    (
        r"DELETE /nodes/(?P<node>[^/]+)/storage/(?P<storage>[^/]+)/content/(?P<volume>.+)",
        FakeServer._delete_volume,
    ),
)
