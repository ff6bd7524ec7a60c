# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Proxmox VE can do to a guest: data, nothing that acts.

All that is special about an operation is named by its entry. An operation is a call per type of
guest below ``/nodes/{node}/{type}/{vmid}``, as declared in
``PVE/API2/Qemu.pm``, ``PVE/API2/LXC.pm`` and ``PVE/API2/LXC/Status.pm``.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from . import states
from .rules import (
    always,
    if_stopped,
    unless_as_large,
    unless_configured,
    unless_in_state,
    unless_on_target,
    unless_template,
)

if t.TYPE_CHECKING:
    from .rules import Rule
    from .states import DoneCheck

Returns = t.Literal["upid", "null", "null_but_forks"]


@dataclass(frozen=True)
class Call:
    """One call of the API.

    ``path`` is relative to ``/nodes/{node}/{type}/{vmid}``, without a slash in front, empty for the
    guest itself. ``returns`` is ``upid``, ``null`` (done when it is answered, ``task_type`` is
    empty) or ``null_but_forks`` (a task runs, its UPID has to be looked for in the task list).
    """

    method: str
    path: str
    task_type: str
    returns: Returns = "upid"


@dataclass(frozen=True)
class Operation:
    """Something that can be done to a guest.

    ``title`` is its verb in a plan. ``destructive_when`` maps a parameter to a pattern of the
    values that make an otherwise harmless operation destroy something. ``rule`` says what it
    requires and what makes it unnecessary, ``done`` whether the guest shows its effect, which is
    asked when the answer to the call got lost. ``compares`` says that the configuration is read
    first: its digest goes along, and a task of it that runs may have other parameters, so it is
    never adopted. ``idempotent`` says that a second call does no harm where the effect of the first
    one is missing; a guest that is still there may be another one by then, so a deletion is not.
    """

    name: str
    title: str
    calls: t.Mapping[str, Call]
    destructive: bool = False
    destructive_when: t.Mapping[str, str] = field(default_factory=dict)
    rule: Rule = always
    done: DoneCheck | None = None
    compares: bool = False
    idempotent: bool = False

    def is_destructive(self, params: t.Mapping[str, object]) -> bool:
        """Whether the operation with these parameters can lose data or work of the guest."""
        return self.destructive or any(
            name in params and re.search(pattern, _as_text(params[name])) is not None
            for name, pattern in self.destructive_when.items()
        )


def _as_text(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(_as_text(item) for item in value)
    return str(value).lower()


_TRUE = r"^(1|true|yes|on)$"


def _both(method: str, path: str, qemu_type: str, lxc_type: str) -> dict[str, Call]:
    """The calls of an operation that is the same for VMs and containers but for the task type."""
    return {"qemu": Call(method, path, qemu_type), "lxc": Call(method, path, lxc_type)}


_OPERATIONS = (
    Operation(
        "start",
        "start",
        _both("POST", "status/start", "qmstart", "vzstart"),
        rule=unless_in_state("running"),
        done=states.has_state("running"),
        idempotent=True,
    ),
    Operation(
        "shutdown",
        "shut down",
        _both("POST", "status/shutdown", "qmshutdown", "vzshutdown"),
        destructive_when={"forceStop": _TRUE},
        rule=unless_in_state("stopped"),
        done=states.has_state("stopped"),
        idempotent=True,
    ),
    Operation(
        "stop",
        "stop",
        _both("POST", "status/stop", "qmstop", "vzstop"),
        destructive=True,
        rule=unless_in_state("stopped"),
        done=states.has_state("stopped"),
        idempotent=True,
    ),
    Operation("reboot", "reboot", _both("POST", "status/reboot", "qmreboot", "vzreboot")),
    Operation(
        "configure",
        "configure",
        {
            # PUT does the same for a VM without a task; the task has a log and does not block
            # the API daemon. A container has only PUT.
            "qemu": Call("POST", "config", "qmconfig"),
            "lxc": Call("PUT", "config", "", "null"),
        },
        # A deleted disk becomes an unused one; to delete that, or with force, frees its volume.
        destructive_when={"force": _TRUE, "delete": r"\bunused\d+\b"},
        rule=unless_configured,
        done=states.is_configured,
        compares=True,
        idempotent=True,
    ),
    Operation(
        "resize",
        "resize",
        _both("PUT", "resize", "resize", "resize"),
        rule=unless_as_large,
        done=states.has_size,
        compares=True,
        idempotent=True,
    ),
    Operation(
        "template",
        "convert to a template",
        {
            "qemu": Call("POST", "template", "qmtemplate"),
            "lxc": Call("POST", "template", "vztemplate", "null_but_forks"),
        },
        destructive=True,
        rule=unless_template,
        done=states.is_template,
        idempotent=True,
    ),
    Operation(
        "migrate",
        "migrate",
        _both("POST", "migrate", "qmigrate", "vzmigrate"),
        rule=unless_on_target,
        done=states.is_on_target,
    ),
    Operation(
        "delete",
        "delete",
        _both("DELETE", "", "qmdestroy", "vzdestroy"),
        destructive=True,
        rule=if_stopped,
        done=states.is_gone,
    ),
)

OPERATIONS: t.Mapping[str, Operation] = {operation.name: operation for operation in _OPERATIONS}
"""Every operation by its name."""
