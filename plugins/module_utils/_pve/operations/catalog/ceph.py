# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ceph: services, daemons, pools and file systems."""

from __future__ import annotations

import typing as t

from ..states import created
from ..states.places import flags_are_set
from .entry import Call, Operation

if t.TYPE_CHECKING:
    from ..states import DoneCheck

CATEGORY = "ceph"
MODIFY = "Sys.Modify on /"
ROOT = "root@pam with a password"
_CEPH = "/nodes/{node}/ceph"


def _on_node(
    name: str,
    title: str,
    call: Call,
    privileges: str = MODIFY,
    *,
    destructive: bool = False,
    done: DoneCheck | None = None,
) -> Operation:
    calls = {"node": call}
    return Operation(name, title, CATEGORY, calls, privileges, destructive=destructive, done=done)


def _service(verb: str, title: str, task_type: str, *, destructive: bool = False) -> Operation:
    call = Call("POST", f"{_CEPH}/{verb}", task_type, task_id="{service}|ceph")
    return _on_node(f"ceph_{verb}", f"{title} Ceph", call, destructive=destructive)


def _daemon(kind: str, title: str, key: str) -> tuple[Operation, Operation]:
    path, task_id = f"{_CEPH}/{kind}/{{{key}}}", f"{kind}.{{{key}}}"
    return (
        _on_node(
            f"ceph_create_{kind}",
            f"create {title}",
            Call("POST", path, f"cephcreate{kind}", task_id=task_id),
            done=created.is_made(created.daemon(kind), key),
        ),
        _on_node(
            f"ceph_destroy_{kind}",
            f"destroy {title}",
            Call("DELETE", path, f"cephdestroy{kind}", task_id=task_id),
            destructive=True,
            done=created.is_removed(created.daemon(kind)),
        ),
    )


OPERATIONS = (
    _service("start", "start", "srvstart"),
    _service("stop", "stop", "srvstop", destructive=True),
    _service("restart", "restart", "srvrestart"),
    _on_node(
        "ceph_restart_osds",
        "restart the OSDs",
        Call(
            "POST",
            f"{_CEPH}/restart-bulk",
            "srvrestart",
            task_id="{node}-{service-type}",
            requires=("service-type",),
        ),
    ),
    Operation(
        "ceph_restart_all",
        "restart Ceph's daemons",
        CATEGORY,
        {
            "cluster": Call(
                "POST",
                "/cluster/ceph/restart-bulk",
                "srvrestart",
                task_id="cluster-{service-type}",
                requires=("service-type",),
            )
        },
        MODIFY,
    ),
    Operation(
        "ceph_set_flags",
        "set Ceph's flags",
        CATEGORY,
        {"cluster": Call("PUT", "/cluster/ceph/flags", "cephsetflags", task_id="")},
        MODIFY,
        varies=True,
        done=flags_are_set,
        idempotent=True,
    ),
    *_daemon("mon", "a Ceph monitor", "monid"),
    *_daemon("mgr", "a Ceph manager", "id"),
    *_daemon("mds", "a Ceph metadata server", "name"),
    _on_node(
        "ceph_create_osd",
        "create an OSD",
        Call("POST", f"{_CEPH}/osd", "cephcreateosd", task_id="{dev:base}", requires=("dev",)),
        ROOT,
        destructive=True,
        done=created.is_made(created.osd, "dev"),
    ),
    _on_node(
        "ceph_destroy_osd",
        "destroy an OSD",
        Call("DELETE", f"{_CEPH}/osd/{{osdid}}", "cephdestroyosd", task_id="osd.{osdid}"),
        ROOT,
        destructive=True,
        done=created.is_removed(created.osd),
    ),
    _on_node(
        "ceph_create_pool",
        "create a Ceph pool",
        Call(
            "POST",
            f"{_CEPH}/pool",
            "cephcreatepool",
            task_id="{erasure-coding:given}{name}-metadata|{name}",
            requires=("name",),
        ),
        done=created.is_made(created.ceph_pool),
    ),
    _on_node(
        "ceph_set_pool",
        "change a Ceph pool",
        Call("PUT", f"{_CEPH}/pool/{{name}}", "cephsetpool", task_id="{name}"),
    ),
    _on_node(
        "ceph_destroy_pool",
        "destroy a Ceph pool",
        Call("DELETE", f"{_CEPH}/pool/{{name}}", "cephdestroypool", task_id="{name}"),
        destructive=True,
        done=created.is_removed(created.ceph_pool),
    ),
    _on_node(
        "ceph_create_fs",
        "create a CephFS",
        Call("POST", f"{_CEPH}/fs/{{name}}", "cephfscreate", task_id="{name}"),
        done=created.is_made(created.ceph_fs),
    ),
    _on_node(
        "ceph_destroy_fs",
        "destroy a CephFS",
        Call("DELETE", f"{_CEPH}/fs/{{name}}", "cephdestroyfs", task_id="{name}"),
        destructive=True,
        done=created.is_removed(created.ceph_fs),
    ),
)
