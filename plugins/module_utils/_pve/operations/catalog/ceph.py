# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ceph: services, daemons, pools and file systems."""

from __future__ import annotations

from .entry import Call, Operation

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
) -> Operation:
    return Operation(name, title, CATEGORY, {"node": call}, privileges, destructive=destructive)


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
        ),
        _on_node(
            f"ceph_destroy_{kind}",
            f"destroy {title}",
            Call("DELETE", path, f"cephdestroy{kind}", task_id=task_id),
            destructive=True,
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
    ),
    _on_node(
        "ceph_destroy_osd",
        "destroy an OSD",
        Call("DELETE", f"{_CEPH}/osd/{{osdid}}", "cephdestroyosd", task_id="osd.{osdid}"),
        ROOT,
        destructive=True,
    ),
    _on_node(
        "ceph_create_pool",
        "create a Ceph pool",
        Call("POST", f"{_CEPH}/pool", "cephcreatepool", task_id="{name}", requires=("name",)),
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
    ),
    _on_node(
        "ceph_create_fs",
        "create a CephFS",
        Call("POST", f"{_CEPH}/fs/{{name}}", "cephfscreate", task_id="{name}"),
    ),
    _on_node(
        "ceph_destroy_fs",
        "destroy a CephFS",
        Call("DELETE", f"{_CEPH}/fs/{{name}}", "cephdestroyfs", task_id="{name}"),
        destructive=True,
    ),
)
