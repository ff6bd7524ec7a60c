# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of the catalogue: an operation, and the calls that carry it out."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field
from urllib.parse import quote

from ...api import schema
from ...api.errors import UsageError
from ...guests.volumes import stored_name, type_in_backup
from ...tasks.types import task_type
from ..rules import always, missing

if t.TYPE_CHECKING:
    from ...api.calls import Segments
    from ...api.client import Api
    from ...api.errors import PveError
    from ...guests.cluster import Guest
    from ...tasks.times import Moment
    from ..job import Check, Details, Job
    from ..rules import Reading, Rule
    from ..states import DoneCheck

Returns = t.Literal["upid", "null", "null_but_forks", "upid_or_null", "upid_or_OK"]
Scope = t.Literal["guest", "node", "storage", "cluster"]
Recent = t.Callable[
    ["Api", "t.Sequence[Job]", "Moment"],
    "t.Awaitable[list[str | PveError | None]]",
]
"""Of each job what makes it unnecessary, None if it is due, an error where that is unknown."""


@dataclass(frozen=True)
class Call:
    """One call of the API.

    ``path`` is the template of the API's own schema (``/nodes/{node}/qemu/{vmid}/status/start``),
    ``task_type`` the worker type of its task, and ``task_id`` a template of the id in its UPID,
    over the names of the path and of the parameters: of several, with ``|`` between them, the
    first whose names are all there, ``{disk:base}`` for the last part of a path, ``{file:stored}``
    for the name that a storage gives a file, ``{file:quoted}`` for one that is kept as it is, as
    Proxmox VE quotes it, ``{x:given}`` for nothing at all. It is None where the id cannot be known
    before the call.

    ``returns`` is ``upid``, ``null`` (done when it is answered, ``task_type`` is empty),
    ``null_but_forks`` (a task runs, its UPID has to be looked for in the task list),
    ``upid_or_null`` (null if a parameter makes the call wait and the task has succeeded), or
    ``upid_or_OK`` (the text ``OK`` if there was nothing to do).

    One path can be several operations. ``fixed`` are parameters that make it this one, ``requires``
    and ``excludes`` those that must and must not be set. ``renames`` maps our name of a parameter
    to that of the API, if VMs and containers differ. ``vmid`` names the parameter that carries the
    VMID where the path does not.
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
        """The request on this subject (any of ``node``, ``vmid``, ``storage``).

        Whatever else the path needs is taken out of the parameters; UsageError if it is missing
        there, too.
        """
        given = {self.renames.get(name, name): value for name, value in params.items()}
        self._check(given)
        if self.vmid is not None:
            given[self.vmid] = subject["vmid"]
        names: dict[str, t.Any] = {}
        for name in self.path_names:
            own, value = given.pop(name, None), subject.get(name)
            names[name] = own if value is None else value
            if names[name] in (None, ""):
                raise missing(name, given)
        body = {name: self._as_taken(name, one) for name, one in {**given, **self.fixed}.items()}
        parts = [part for part in self.path.split("/") if part]
        path = tuple(names[part[1:-1]] if part.startswith("{") else part for part in parts)
        return Request(self.method, path, body, self._id_of({**body, **subject, **names}))

    def _as_taken(self, name: str, value: t.Any) -> t.Any:
        """A list item by item where the API has an array, as one text elsewhere."""
        definition = schema.parameters(self.method, self.path).get(name, {})
        if isinstance(value, (list, tuple)) and definition.get("type") != "array":
            return ",".join(map(str, value))
        return value

    def _check(self, given: t.Mapping[str, t.Any]) -> None:
        for name in self.requires:
            if given.get(name) in (None, ""):
                raise missing(name, given)
        for name in self.excludes:
            if name in given:
                raise UsageError(f"params: {name} turns it into another operation")
        for name, value in self.fixed.items():
            if name in given and _as_text(given[name]) != _as_text(value):
                raise UsageError(f"params: {name} can only be {value} here")

    def _id_of(self, names: t.Mapping[str, t.Any]) -> str | None:
        for template in (self.task_id or "").split("|") if self.task_id is not None else ():
            parts = [(found[1], found[2]) for found in _NAME.finditer(template)]
            if all(names.get(name) not in (None, "") for name, _form in parts):
                return _NAME.sub(lambda found: _FORMS[found[2]](str(names[found[1]])), template)
        return None


_NAME = re.compile(r"{([^}:]+):?([^}]*)}")
_FORMS: t.Mapping[str, t.Callable[[str], str]] = {
    "": str,
    "base": lambda text: text.rsplit("/", 1)[-1],
    "given": lambda _text: "",
    "stored": stored_name,
    "quoted": lambda text: quote(
        text, safe="".join(chr(c) for c in range(32, 127) if c not in b":%")
    ),
}


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
    ``destructive_when`` maps a parameter to a pattern of the values that make an otherwise harmless
    operation destroy something. ``expensive`` says that it copies data, and ``creates`` that its
    guest need not exist. ``moves_to`` names the parameter that holds the node on which the guest is
    afterwards. ``only`` says why it is not for both types of guests.

    ``rule`` says what it requires and what makes it unnecessary, by the guest and by what of it is
    named in ``reads``; ``done`` whether its effect is there, which is asked when the answer to the
    call got lost, and of what is no guest also before the call. ``compares`` says that the
    configuration is read first, and that its digest goes along; ``varies`` that the parameters
    decide what its task does. A task of either that runs already may do something else, so it is
    never adopted. ``may_pend`` says that what it changes may wait for a restart, and ``removes``
    that its guest may already be gone. ``idempotent`` says that a second call does no harm if the
    effect of the first one is missing; a guest that is still there may be another one by then, so a
    deletion is not. ``details`` reads further facts about a task that ended, ``check`` what a
    successful one has done, for what Proxmox VE does not show in its exit status, and ``make``
    makes the job where it is not made like all the others. ``recent`` reads which of its jobs are
    unnecessary because what they make was made not long ago, for the option max_age.
    ``effect`` is what the guest is afterwards, for a diff: ``status``, ``node``, ``lock``,
    ``template``, an option of its configuration, or something else that then exists or, with an
    empty text, does not; both with parameters in braces.
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
    only: str = ""
    reads: tuple[Reading, ...] = ()
    rule: Rule = always
    done: DoneCheck | None = None
    compares: bool = False
    varies: bool = False
    may_pend: bool = False
    removes: bool = False
    effect: t.Mapping[str, str] = field(default_factory=dict)
    idempotent: bool = False
    details: Details | None = None
    check: Check | None = None
    make: t.Callable[[Guest, t.Mapping[str, t.Any], float | None], Job] | None = None
    recent: Recent | None = None

    @property
    def adopts(self) -> bool:
        """Whether a task of it that runs already is surely the same as the one to start."""
        return not (self.compares or self.varies)

    @property
    def scope(self) -> Scope:
        """The target of the operation."""
        kind = next(iter(self.calls))
        return "guest" if kind in ("qemu", "lxc") else t.cast("Scope", kind)

    def type_of_guest(self, params: t.Mapping[str, t.Any]) -> str | None:
        """The type of the guest that it creates with these parameters, None if unknown."""
        return next(iter(self.calls)) if self.only else type_in_backup(str(params.get("archive")))

    def call_for(self, kind: str) -> Call:
        """The call for this type of guest; UsageError where it is not for such a guest."""
        call = self.calls.get(kind)
        if call is None:
            raise UsageError(f"operation: {self.name} is not for {_PLURAL[kind]}: {self.only}")
        return call

    @property
    def task_types(self) -> tuple[str, ...]:
        """The worker types of its tasks, without those that HA starts in their place."""
        return tuple(dict.fromkeys(c.task_type for c in self.calls.values() if c.task_type))

    @property
    def wait_timeout(self) -> int:
        """How long to wait for its task by default, in seconds."""
        return max(task_type(call.task_type).wait_timeout for call in self.calls.values())

    def is_destructive(self, params: t.Mapping[str, object]) -> bool:
        """Whether the operation with these parameters can lose data of the guest."""
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


_PLURAL = {"qemu": "VMs", "lxc": "containers"}

OPTIONS: t.Mapping[str, str] = {"*": "*"}
"""The effect of an operation whose parameters are options of the configuration."""

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
    """The calls of an operation that differs between VMs and containers only in the task type."""
    return {
        "qemu": guest_call("qemu", method, path, qemu_type, **more),
        "lxc": guest_call("lxc", method, path, lxc_type, **more),
    }
