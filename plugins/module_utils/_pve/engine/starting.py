# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends the call of a job exactly once, whatever happens to its response.

A response that names the task, or a definite refusal, settles it. Anything else is a lost response:
the effect of the call is searched for before it is sent again or given up, and an ``already
exists`` or ``already running`` after it confirms the call whose response got lost.
"""

from __future__ import annotations

import typing as t

from ..api.errors import ApiError, Cause, HostError, NoAnswerError, PveError
from ..tasks.clone_log import CLONES
from ..tasks.listing import list_tasks
from ..tasks.task import Outcome
from ..tasks.upid import Upid, UpidError
from .leftovers import explain_dead_lock, find_dead_lock
from .recovery import Recovery, find_started, is_done, recover

if t.TYPE_CHECKING:
    from ..api.client import Api
    from .attempts import JobRun, Result
    from .baseline import Baselines
    from .retries import Retries


class Started(t.NamedTuple):
    """What a call started: a task to follow, or the result if there is none."""

    upid: Upid | None = None
    result: Result | None = None


class Starter:
    """Starts jobs; ``known`` are the tasks that already belong to a job."""

    def __init__(self, api: Api, baselines: Baselines, retries: Retries, known: set[Upid]) -> None:
        self._api = api
        self._baselines = baselines
        self._retries = retries
        self._known = known

    async def start(self, run: JobRun) -> Started:
        """Send the call, once, and find what it started.

        Raises Retry if another attempt is due, :class:`Taken` if the VMID belongs to another guest,
        and PveError if the job has failed.
        """
        try:
            found = await self._before(run)
        except NoAnswerError as error:  # nothing has been sent
            raise self._retries.unreached(run, error) from error
        except ApiError as error:
            raise self._retries.after_refusal(run, error.text, error) or error from error
        if found is not None:
            return Started(found)
        run.state = Outcome.STARTING
        try:
            data = await self._send(run)
        except NoAnswerError as error:
            return await self._unanswered(run, error)
        except ApiError as error:
            run.waiting.pop("node", None)
            return await self._refused(run, error)
        run.waiting.clear()
        return await self._answered(run, data)

    async def _before(self, run: JobRun) -> Upid | None:
        """Read the existing tasks before the call, and check that it still applies.

        Returns the task of an earlier call that was carried out after all.
        """
        job = run.job
        if run.unsure and run.baseline is not None:
            found = await find_started(self._api, job, run.baseline, self._known)
            if found is not None:
                run.found = True
                return found
        else:
            run.baseline = await self._baselines.of(job.node)
        if job.recheck is not None:
            await job.recheck(self._api)
        return None

    async def _send(self, run: JobRun) -> t.Any:
        send = {"POST": self._api.post, "PUT": self._api.put, "DELETE": self._api.delete}
        run.attempts += 1
        run.calling = True
        try:
            return (await send[run.job.method](run.job.path, run.job.params)).data
        finally:
            run.calling = False

    async def _answered(self, run: JobRun, data: t.Any) -> Started:
        returns = run.job.returns
        if returns == "null" or (returns == "upid_or_null" and data is None):
            return Started(result=run.result(Outcome.OK))
        if returns == "upid_or_OK" and data == "OK":
            why = f"{run.job.node} found nothing to do: it has no such guest"
            return Started(result=run.result(Outcome.FAILED, why))
        upid = None if returns == "null_but_forks" else _upid_in(data)
        if returns == "any" and upid is None:
            run.data = data
            return Started(result=run.result(Outcome.OK))
        if upid is not None and (returns == "any" or run.job.may_have_started(upid)):
            return Started(upid)
        return await self._recover(run, None)

    async def _unanswered(self, run: JobRun, error: NoAnswerError) -> Started:
        # Whatever came as a response came after the call had left this machine.
        left = error.sent or not isinstance(error, HostError)
        run.unsure = run.unsure or left
        if error.sent or (left and run.job.once):
            return await self._recover(run, error)
        run.attempts -= 1
        raise self._retries.unreached(run, error) from error

    async def _recover(self, run: JobRun, error: PveError | None) -> Started:
        """The response got lost, or names no task of this job: search for its effect."""
        run.unsure = True
        recovery = await self._search(run)
        if recovery.upid is not None:
            run.found = True
            return Started(recovery.upid)
        if recovery.done:
            return Started(result=run.result(Outcome.OK))
        lost = error or PveError(f"{run.job.title}: the response names no task for it")
        missing = run.job.idempotent and recovery.done is False
        if recovery.certain and (run.job.repeatable or missing):
            raise self._retries.costly(run, lost)
        return Started(result=await self._lost(run, lost, recovery))

    async def _search(self, run: JobRun) -> Recovery:
        if run.baseline is None:
            return Recovery(None, certain=False, why="the earlier tasks are unknown")
        try:
            return await recover(self._api, run.job, run.baseline, self._known)
        except ApiError as refusal:  # without the privilege it cannot be known
            return Recovery(None, certain=False, why=str(refusal))

    async def _lost(self, run: JobRun, error: PveError, recovery: Recovery) -> Result:
        if run.job.once:
            return run.result(Outcome.LOST, f"{error}. {await self._where_to_look(run)}")
        return run.result(
            Outcome.LOST,
            f"{error}. No task was found for it on {run.job.node}"
            f" ({recovery.why or 'none in the task list'}); check the guest before you retry",
        )

    async def _where_to_look(self, run: JobRun) -> str:
        """What to say about a call that nothing shows the effect of: the tasks that may be its."""
        job = run.job
        try:
            entries = await list_tasks(self._api, job.node, {"source": "all"}, most=50, retries=1)
        except PveError:
            entries = []
        begun = [
            str(entry.upid)
            for entry in entries
            if entry.upid.user == self._api.authid
            and run.baseline is not None
            and run.baseline.may_follow(entry.upid)
            and entry.upid not in self._known
        ]
        found = ", ".join(begun) or "none"
        return (
            f"Whether {job.title} was carried out is not known, and it is not sent again. Look at"
            f" what it changes, and at your tasks on {job.node} that began since: {found}"
        )

    async def _refused(self, run: JobRun, error: ApiError) -> Started:
        """A definite refusal: it confirms an earlier call of ours, is transient, or is final."""
        cause = error.cause
        if cause in (Cause.ALREADY, Cause.GONE) and run.unsure:
            return await self._answered_by_refusal(run, error)
        if cause is Cause.ALREADY and await is_done(self._api, run.job):
            why = f"another task did this in the meantime: {error}"
            return Started(result=run.result(Outcome.UNCHANGED, why))
        if cause is Cause.TAKEN and run.job.repeatable:
            raise Taken(error)
        if (
            cause is Cause.NO_WORKER
        ):  # some proxies respond like this after the call was carried out
            run.unsure = True
            if run.job.once:
                return await self._recover(run, error)
        if cause is Cause.LOCK:
            await self._wait_for_source(run, error)
        decided = self._retries.after_refusal(run, error.text, error)
        if decided is not None:
            raise decided from error
        needs = f". It needs {run.job.needs}" if error.status == 403 and run.job.needs else ""
        return Started(result=run.result(Outcome.FAILED, f"{error}{needs}"))

    async def _answered_by_refusal(self, run: JobRun, error: ApiError) -> Started:
        """``already running`` and similar after an uncertain call of ours: it was carried out."""
        if run.baseline is not None:
            upid = await find_started(self._api, run.job, run.baseline, self._known)
            if upid is not None:
                run.found = True
                return Started(upid)
        why = f"an earlier call, whose response got lost, was carried out: {error}"
        return Started(result=run.result(Outcome.OK, why))

    async def _wait_for_source(self, run: JobRun, error: ApiError) -> None:
        """Raise a free retry while another user's task works on the source of a clone."""
        job = run.job
        if job.task_type not in CLONES:
            return
        source = int(job.task_id or 0)
        if job.target.type == "lxc" and "(disk)" in error.text:
            dead = await find_dead_lock(self._api, job.node, source)
            if dead is not None:
                raise PveError(explain_dead_lock(job.node, source, dead)) from error
        elif not await self._is_worked_on(job.node, source):
            return
        raise self._retries.free(run, "source", job.timeout, error) from error

    async def _is_worked_on(self, node: str, vmid: int) -> bool:
        entries = await list_tasks(
            self._api, node, {"source": "active", "vmid": vmid}, retries=None
        )
        return any(entry.upid not in self._known for entry in entries)


def _upid_in(data: t.Any) -> Upid | None:
    """The task that an answer names, None where it names none."""
    try:
        return Upid.parse(data)
    except UpidError:
        return None


class Taken(Exception):
    """The VMID of a job belongs to another guest, or to an earlier call; ``error`` says so."""

    def __init__(self, error: PveError) -> None:
        super().__init__(str(error))
        self.error = error
