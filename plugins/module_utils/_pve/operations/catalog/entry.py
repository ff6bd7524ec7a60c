# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an entry of the catalogue is: an operation, and the calls that carry it out."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from ...api.errors import UsageError
from ...tasks.types import task_type
from ..rules import always

if t.TYPE_CHECKING:
    from ...api.calls import Segments
    from ..rules import Rule
    from ..states import DoneCheck

Returns = t.Literal["upid", "null", "null_but_forks", "upid_or_null", "upid_or_OK"]
Scope = t.Literal["guest", "node", "storage", "cluster"]


@dataclass(frozen=True)
class Call:
    """One call of the API.

    ``path`` is the template of the API's own schema (``/nodes/{node}/qemu/{vmid}/status/start``),
    ``task_type`` the worker type of its task, and ``task_id`` a template of the id in its UPID,
    over the names of the path and of the parameters; None where the id cannot be told before.

    ``returns`` is ``upid``, ``null`` (done when it is answered, ``task_type`` is empty),
    ``null_but_forks`` (a task runs, its UPID has to be looked for in the task list),
    ``upid_or_null`` (null where a parameter says to wait and the task ended well meanwhile), or
    ``upid_or_OK`` (the text ``OK`` where there was nothing to do).

    One path can be several operations. ``fixed`` are parameters that make it this one,
    ``requires`` and ``excludes`` those that have to be or must not be given. ``renames`` maps our
    name of a parameter to that of the API, where VMs and containers differ. ``vmid`` names the
    parameter that carries the VMID where the path does not.
    """

    method: str
    path: str
    task_type: str
    returns: Returns = "upid"
    task_id: str | None = "{vmid}"
    fixed: t.Mapping[str, t.Any] = field(default_factory=dict)
    requires: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    renames: t.Mapping[str, str] = field(default_factory=dict)
    vmid: str | None = None

    @property
    def path_names(self) -> tuple[str, ...]:
        """The names in the path: ``("node", "vmid", "snapname")``."""
        return tuple(re.findall(r"{(.+?)}", self.path))

    def request(self, subject: t.Mapping[str, t.Any], params: t.Mapping[str, t.Any]) -> Request:
        """The request on this subject (``node``, ``vmid``, ``storage``: what there is of them).

        What the path needs and the subject does not have is taken out of the parameters;
        UsageError where it is not there either.
        """
        given = {self.renames.get(name, name): value for name, value in params.items()}
        self._check(given)
        if self.vmid is not None:
            given[self.vmid] = subject["vmid"]
        names: dict[str, t.Any] = {}
        for name in self.path_names:
            value = subject.get(name)
            # The option, too, may be a parameter of the body: only what the path needs is taken.
            names[name] = given.pop(name, None) if value is None else value
            if names[name] in (None, ""):
                raise UsageError(f"params: {name} is missing")
        body = {**given, **self.fixed}
        parts = [part for part in self.path.split("/") if part]
        path = tuple(names[part[1:-1]] if part.startswith("{") else part for part in parts)
        return Request(self.method, path, body, self._id_of({**body, **subject, **names}))

    def _check(self, given: t.Mapping[str, t.Any]) -> None:
        for name in self.requires:
            if given.get(name) in (None, ""):
                raise UsageError(f"params: {name} is missing")
        for name in self.excludes:
            if name in given:
                raise UsageError(f"params: {name} makes another operation of it")
        for name, value in self.fixed.items():
            if name in given and _as_text(given[name]) != _as_text(value):
                raise UsageError(f"params: {name} can only be {value} here")

    def _id_of(self, names: t.Mapping[str, t.Any]) -> str | None:
        if self.task_id is None:
            return None
        return re.sub(r"{(.+?)}", lambda found: str(names.get(found[1], "")), self.task_id)


class Request(t.NamedTuple):
    """A call with its path filled in: ``params`` are the body's, ``task_id`` as in ``Call``."""

    method: str
    path: Segments
    params: dict[str, t.Any]
    task_id: str | None


@dataclass(frozen=True)
class Operation:
    """Something that can be done to a guest, a node, a storage or the cluster.

    ``title`` is its verb in a plan. ``calls`` maps ``qemu`` and ``lxc``, or one of ``node``,
    ``storage`` and ``cluster``, to its call. ``privileges`` says what a user needs for it.
    ``destructive_when`` maps a parameter to a pattern of the values that make an otherwise
    harmless operation destroy something. ``expensive`` says that it copies data, and
    ``creates`` that its guest need not be there. ``moves_to`` names the parameter that holds the
    node on which the guest is afterwards.

    ``rule`` says what it requires and what makes it unnecessary, ``done`` whether the guest shows
    its effect, which is asked when the answer to the call got lost. ``compares`` says that the
    configuration is read first: its digest goes along, and a task of it that runs may have other
    parameters, so it is never adopted. ``idempotent`` says that a second call does no harm where
    the effect of the first one is missing; a guest that is still there may be another one by then,
    so a deletion is not.
    """

    name: str
    title: str
    category: str
    calls: t.Mapping[str, Call]
    privileges: str
    destructive: bool = False
    destructive_when: t.Mapping[str, str] = field(default_factory=dict)
    expensive: bool = False
    creates: bool = False
    moves_to: str | None = None
    rule: Rule = always
    done: DoneCheck | None = None
    compares: bool = False
    idempotent: bool = False

    @property
    def scope(self) -> Scope:
        """What it is done to."""
        kind = next(iter(self.calls))
        return "guest" if kind in ("qemu", "lxc") else t.cast("Scope", kind)

    @property
    def task_types(self) -> tuple[str, ...]:
        """The worker types of its tasks, without those that HA starts in their place."""
        return tuple(dict.fromkeys(c.task_type for c in self.calls.values() if c.task_type))

    @property
    def wait_timeout(self) -> int:
        """How long to wait for its task by default, in seconds."""
        return max(task_type(call.task_type).wait_timeout for call in self.calls.values())

    def is_destructive(self, params: t.Mapping[str, object]) -> bool:
        """Whether the operation with these parameters can lose data or work of the guest."""
        return self.destructive or any(
            name in params and re.search(pattern, _as_text(params[name])) is not None
            for name, pattern in self.destructive_when.items()
        )


def _as_text(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(_as_text(item) for item in value)
    if isinstance(value, bool):
        return str(int(value))
    return str(value).lower()


TRUE = r"^(1|true|yes|on)$"
"""The values of a flag that is set."""

_GUEST = {"qemu": "/nodes/{node}/qemu/{vmid}", "lxc": "/nodes/{node}/lxc/{vmid}"}


def guest_call(
    kind: str, method: str, path: str, task_type: str, returns: Returns = "upid", **more: t.Any
) -> Call:
    """The call for a VM (``qemu``) or container (``lxc``), its path below that of the guest."""
    template = f"{_GUEST[kind]}/{path}".rstrip("/")
    return Call(method, template, task_type, returns, **more)


def both(method: str, path: str, qemu_type: str, lxc_type: str, **more: t.Any) -> dict[str, Call]:
    """The calls of an operation that is the same for VMs and containers but for the task type."""
    return {
        "qemu": guest_call("qemu", method, path, qemu_type, **more),
        "lxc": guest_call("lxc", method, path, lxc_type, **more),
    }
