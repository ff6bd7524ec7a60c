# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decides whether a failed job is retried, and whether that uses up a retry."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ..api import clock
from ..api.errors import Cause, PveError, classify
from ..tasks.task import Outcome
from .attempts import Retry

if t.TYPE_CHECKING:
    from .attempts import JobRun
    from .lanes import Lanes

# After a VM has stopped, its cleanup may keep the configuration locked for this long if the VM runs
# again by then (qm cleanup, started by qmeventd). So locks are waited for longer than that.
_CLEANUP = 35.0
_STORAGE = re.compile(r"cfs-lock 'storage-([^']+)'|pve-storage-([^']+)'")
# Tasks that leave a guest unchanged if they fail without quorum, or that Proxmox VE does not start
# twice for the same guest.
_LEAVE_NOTHING = re.compile(r"(qm|vz)(start|stop|shutdown|reboot|suspend|resume|clone|create)\Z")


@dataclass(frozen=True)
class Policy:
    """How to run jobs; the fields are the options of the same names."""

    wait: bool = True
    on_timeout: str = "fail"
    retries: int = 3
    start_interval: float = 0.0
    log_lines: int = 20
    node_timeout: float = 600.0
    replace_leftovers: bool = False
    warnings: str = "accept"

    def goes_on_after(self, outcome: Outcome) -> bool:
        """Whether the next step of a chain is begun after one with this outcome."""
        return outcome.succeeded and (outcome is not Outcome.WARNINGS or self.warnings == "accept")


class Retries:
    """Decides about the next attempt of a job; all methods return what to raise."""

    def __init__(self, policy: Policy, lanes: Lanes) -> None:
        self._policy = policy
        self._lanes = lanes

    def after_refusal(self, run: JobRun, text: str, error: PveError) -> Retry | PveError | None:
        """What follows a call that was refused with this text; None if the refusal is final."""
        if run.job.once:
            return None
        cause = classify(text)
        if cause is Cause.NO_QUORUM:
            return self.free(run, "quorum", self._policy.node_timeout, error)
        return self._after(run, cause, text, error) if cause.transient else None

    def after_failure(self, run: JobRun, text: str, error: PveError) -> Retry | PveError | None:
        """What follows a task that ended with this text; None if that is final."""
        if run.job.once:
            return None
        cause = classify(text)
        harmless = run.job.idempotent or _LEAVE_NOTHING.match(run.job.task_type)
        if cause is Cause.NO_QUORUM and harmless:
            return self.free(run, "quorum", self._policy.node_timeout, error)
        if not cause.transient:
            return None
        decided = self._after(run, cause, text, error)
        return decided if isinstance(decided, Retry) else None

    def unreached(self, run: JobRun, error: PveError) -> Retry | PveError:
        """What follows a call that was not sent: a node or its daemon may be down for a while."""
        return self.free(run, "node", self._policy.node_timeout, error)

    def costly(self, run: JobRun, error: PveError) -> Retry | PveError:
        """Another attempt, or the error if all retries are used up."""
        if run.failures >= self._policy.retries:
            return PveError(f"{error} (after {run.attempts} attempts)")
        return Retry(str(error))

    @staticmethod
    def free(run: JobRun, reason: str, patience: float, error: PveError) -> Retry | PveError:
        """Another attempt at no cost, for so many seconds since this reason first came up."""
        waited = clock.now() - run.waiting.setdefault(reason, clock.now())
        if waited < patience:
            return Retry(str(error), costs=False)
        return PveError(f"{error} (for {waited:.0f} s, {run.attempts} attempts)")

    async def pause(self, run: JobRun, retry: Retry) -> None:
        """Wait before the next attempt, longer each time that it costs something."""
        if retry.costs:
            run.failures += 1
            await clock.sleep(clock.backoff(run.failures, first=1.0, most=20.0))
        else:
            await clock.sleep(clock.backoff(1, first=2.0))

    def _after(self, run: JobRun, cause: Cause, text: str, error: PveError) -> Retry | PveError:
        if cause is Cause.STORAGE_LOCK:
            match = _STORAGE.search(text)
            name = next(filter(None, match.groups())) if match else run.job.storage
            if name and self._lanes.narrow(f"storage {name}"):
                return Retry(str(error), costs=False)
        if cause is Cause.LOCK and run.failures >= self._policy.retries:
            decided = self.free(run, "lock", _CLEANUP, error)
            if isinstance(decided, Retry):
                return decided
        elif cause is Cause.LOCK:
            run.waiting.setdefault("lock", clock.now())
        return self.costly(run, error)
