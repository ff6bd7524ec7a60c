# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of planned guests: who goes on, who failed where and why, what was done to each."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace
from functools import cached_property

from ..module_utils._pve.api.errors import UsageError
from ..module_utils._pve.commands.context import Verdict
from ..module_utils._pve.tasks.task import Outcome
from ._plan import keys

if t.TYPE_CHECKING:
    from ._plan import Planned

Values = t.Mapping[str, t.Any]

# Where Ansible has the end of the traceback of a module that crashed, by releases.
_TRACEBACKS = ("module_stderr", "exception", "failed_when_suppressed_exception")
_NO_TRACEBACK = "(traceback unavailable)"
_CRASHED = "the module crashed; set ANSIBLE_DISPLAY_TRACEBACK=error to see why"


@dataclass(frozen=True)
class Progress:
    """How far a guest has come: ``done`` is what the steps did to it. None is "not known yet"."""

    planned: Planned
    vmid: int | None = None
    node: str | None = None
    address: str | None = None
    done: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the guest."""
        return self.planned.name


@dataclass(frozen=True)
class Failed:
    """How far a guest came, the step that failed, why, and the UPID of the task if it had one."""

    guest: Progress
    step: str
    reason: str
    upid: str | None = None


@dataclass(frozen=True)
class Step:
    """A module's call for many guests, and its result, which is empty before the call.

    ``name`` is what a guest can fail to do, as in "failed to clone", ``done`` what was done to it,
    as in "cloned".
    """

    name: str
    done: str
    result: Values

    @classmethod
    def from_values(cls, values: Values) -> Step:
        """Read a step from a dictionary with these keys."""
        missing = [key for key in ("name", "done", "result") if key not in values]
        if missing:
            raise UsageError(f"a step has no {missing[0]}, but {keys(values)}")
        return cls(values["name"], values["done"], values["result"])

    @property
    def refusal(self) -> str | None:
        """Why the call failed as a whole, None where it was not made or reports guests.

        ``failed`` says nothing here: ``failed_when`` may have set it. A call that was made and
        has no list of guests has crashed, with or without a message.
        """
        result = self.result
        if not result or result.get("skipped") or result.get("guests"):
            return None
        if "guests" in result:
            return t.cast("str | None", result.get("msg"))
        return _complaint(result)

    def entry(self, guest: Progress) -> Values | None:
        """What the result says of this guest, which is known by its VMID as soon as it has one."""
        key = ("name", guest.name) if guest.vmid is None else ("vmid", guest.vmid)
        return self._entries.get(key)

    def exitstatus(self, upid: str) -> str | None:
        """How the task with this UPID ended, None where the result does not tell."""
        tasks = self.result.get("tasks") or ()
        return next((task.get("exitstatus") for task in tasks if task.get("upid") == upid), None)

    @cached_property
    def _entries(self) -> dict[tuple[str, t.Any], Values]:
        guests = self.result.get("guests") or ()
        return {(key, one.get(key)): one for one in guests for key in ("vmid", "name")}


@dataclass(frozen=True)
class Rules:
    """What counts as a failure.

    In check mode nothing has ended, so what would be done is well. A guest without an address
    failed if there was an ``address_timeout``, in seconds.
    """

    check_mode: bool = False
    warnings: str = "accept"
    address_timeout: int | None = None

    def __post_init__(self) -> None:
        if self.warnings not in ("accept", "fail"):
            raise UsageError(f"warnings: {self.warnings!r} is neither accept nor fail")

    def accept(self, outcome: Outcome) -> bool:
        """Whether a guest goes on after this outcome."""
        would_be = self.check_mode and outcome in (Outcome.QUEUED, Outcome.RUNNING)
        return would_be or Verdict(warnings=self.warnings).accepts(outcome)


@dataclass(frozen=True)
class Account:
    """Every planned guest is in one of the two; those that failed in the order of the steps."""

    going: tuple[Progress, ...]
    failed: tuple[Failed, ...]

    @property
    def total(self) -> int:
        """How many guests were planned."""
        return len(self.going) + len(self.failed)


def account(planned: t.Sequence[Planned], steps: t.Sequence[Step], rules: Rules) -> Account:
    """What became of each guest in the steps so far; a failed one is in no later step."""
    going = [Progress(one, one.vmid) for one in planned]
    failed: list[Failed] = []
    for step in steps:
        after = [_after(step, guest, rules) for guest in going]
        going = [one for one in after if isinstance(one, Progress)]
        failed += [one for one in after if isinstance(one, Failed)]
    return Account(tuple(going), tuple(failed))


def _after(step: Step, guest: Progress, rules: Rules) -> Progress | Failed:
    if step.refusal is not None:
        return Failed(guest, step.name, step.refusal)
    entry = step.entry(guest)
    if entry is None:
        return guest
    addresses = entry.get("addresses")
    progress = replace(
        guest,
        vmid=entry.get("vmid") if guest.vmid is None else guest.vmid,
        node=entry.get("node") or guest.node,
        address=addresses[0] if addresses else guest.address,
        done=(*guest.done, step.done) if entry.get("changed") else guest.done,
    )
    reason = _failure(step, entry, rules)
    return progress if reason is None else Failed(progress, step.name, reason, entry.get("upid"))


def _failure(step: Step, entry: Values, rules: Rules) -> str | None:
    """Why the guest failed in the step, None where it goes on."""
    if "outcome" in entry:
        return None if rules.accept(Outcome(entry["outcome"])) else _reason(step, entry)
    if entry.get("message"):  # it could not be read
        return str(entry["message"])
    without = "addresses" in entry and not entry["addresses"]
    if without and rules.address_timeout is not None:
        return f"none within {rules.address_timeout} seconds"
    return None


def _reason(step: Step, entry: Values) -> str:
    """The module's word on the guest, else its task's, else the bare outcome."""
    upid = entry.get("upid")
    exitstatus = step.exitstatus(upid) if upid else None
    return t.cast("str", entry.get("message") or exitstatus or entry["outcome"])


def _complaint(result: Values) -> str:
    """Why a call that was made has no result: the message, else the end of the traceback.

    The message of older releases says no more than that the module failed, newer ones keep the
    traceback to themselves.
    """
    message = str(result.get("msg") or "").strip()
    if message and not message.startswith("MODULE FAILURE"):
        return message
    traces = (str(result.get(name) or "").strip() for name in _TRACEBACKS)
    trace = next((trace for trace in traces if trace and trace != _NO_TRACEBACK), "")
    return trace.splitlines()[-1] if trace else message or _CRASHED
