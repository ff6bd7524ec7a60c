# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors, and the only place that interprets the error texts of Proxmox VE."""

from __future__ import annotations

import enum
import re
import typing as t


class PveError(Exception):
    """The base of everything this package raises on purpose; ``str()`` is for the user."""


class UsageError(PveError):
    """The input of the user is invalid; raised before anything is started."""


class MissingLibraryError(PveError):
    """A Python library is not installed: ``library``, with the ``trace`` of its import."""

    def __init__(self, library: str, trace: str) -> None:
        super().__init__(f"the Python library {library} is missing")
        self.library = library
        self.trace = trace


class ApiError(PveError):
    """A definite refusal of Proxmox VE itself: nothing was done, and nothing will be done.

    Anything not recognised as one, whatever its status, is a :class:`NoAnswerError`. ``text`` is
    Proxmox VE's message: the JSON body's ``message``, or the reason phrase of releases that do not
    send one. ``errors`` maps a parameter to what is wrong with it.
    """

    def __init__(
        self,
        tried: str,
        status: int,
        text: str,
        errors: t.Mapping[str, str] | None = None,
    ) -> None:
        self.tried = tried
        self.status = status
        self.text = text.strip()
        self.errors = dict(errors or {})
        super().__init__(f"{tried}: {status} {self.reason}{_advice(status, self.text)}")

    @property
    def reason(self) -> str:
        """The text and all parameter errors in one line."""
        details = "; ".join(
            f"{name}: {' '.join(str(text).split())}" for name, text in sorted(self.errors.items())
        )
        return " ".join(self.text.split()) + (f" ({details})" if details else "")

    @property
    def cause(self) -> Cause:
        """What the refusal is about."""
        return classify(" ".join([self.text, *self.errors.values()]))


class NoAnswerError(PveError):
    """There is no definite response: either none came, or what came proves nothing.

    ``sent`` is whether the request may have reached the server, which may then act on it.
    """

    def __init__(self, tried: str, what: str, *, sent: bool) -> None:
        super().__init__(f"{tried}: {what}")
        self.tried = tried
        self.what = what
        self.sent = sent


class HostError(NoAnswerError):
    """The host itself failed: no connection, or one that broke or went silent."""


class Cause(enum.Enum):
    """What an error text of Proxmox VE means to us, in an HTTP error or in an exit status."""

    LOCK = "lock"
    STORAGE_LOCK = "storage_lock"
    NO_WORKER = "no_worker"
    NO_QUORUM = "no_quorum"
    TAKEN = "taken"
    ALREADY = "already"
    MODIFIED = "modified"
    STOPPED = "stopped"
    GONE = "gone"
    OTHER = "other"

    @property
    def transient(self) -> bool:
        """Whether the same request may succeed a moment later, with nothing done so far."""
        return self in (Cause.LOCK, Cause.STORAGE_LOCK, Cause.NO_WORKER)


# The texts are those of PVE::Cluster, PVE::Tools, PVE::Storage, PVE::QemuServer and PVE::LXC. The
# first pattern that matches anywhere in the text decides.
_TEXTS = (
    (Cause.NO_WORKER, r"got no worker upid"),
    (Cause.STOPPED, r"received interrupt$|interrupted by signal$"),
    (Cause.STORAGE_LOCK, r"cfs-lock 'storage-.*' error: got lock request timeout"),
    (Cause.STORAGE_LOCK, r"can't lock file '[^']*pve-storage-[^']*' - got timeout"),
    (Cause.LOCK, r"can't lock file '.*' - got timeout|cfs-lock .* got lock (request )?timeout"),
    (Cause.LOCK, r"\bCT is locked \(disk\)"),
    # pmxcfs is read-only, restarting or down: the cluster has no quorum, or the node lost its own.
    (Cause.NO_QUORUM, r"no quorum[?!]|RPCEnvironment init request failed"),
    (
        Cause.NO_QUORUM,
        r"unable to open file '/etc/pve/[^']*\.tmp\.\d+' - (Permission denied|No such)",
    ),
    (Cause.ALREADY, r"\b(VM|CT) \d+ (already|not) running"),
    (Cause.MODIFIED, r"checksum mismatch \(file change by other user|detected modified config"),
    (Cause.TAKEN, r"config file already exists|\b(VM|CT) \d+ already exists|: File exists$"),
    (Cause.GONE, r"no such task|Configuration file '.*' does not exist|unable to find configur"),
)


_LONGEST = 1000


def classify(text: str) -> Cause:
    """Interpret the error text of an HTTP response or an exit status.

    Only the beginning and the end of a very long one are read, because patterns with gaps take
    quadratic time.
    """
    line = " ".join(text.split())
    if len(line) > 2 * _LONGEST:
        line = f"{line[:_LONGEST]} ... {line[-_LONGEST:]}"
    for cause, pattern in _TEXTS:
        if re.search(pattern, line):
            return cause
    return Cause.OTHER


def _advice(status: int, text: str) -> str:
    """What the user can do about an error, to append to a message."""
    match = re.search(r"Permission check failed \((/[^,]*), ([\w.|]+)", text)
    if match:
        return f": grant the user or token {match.group(2)} on {match.group(1)}"
    for pattern, advice in _REASONS:
        if re.search(pattern, text):
            return advice
    return _ADVICE.get(status, "")


def advice_on(exitstatus: str) -> str:
    """The same for the exit status of a task, an error text without an HTTP status."""
    refused = re.match(r"(40[13]) ", exitstatus)
    return _advice(int(refused.group(1)) if refused else 0, exitstatus)


_REASONS = (
    (
        r"checksum mismatch \(file|detected modified config",
        (": it was changed in the meantime; retry to compare with the current one"),
    ),
    (r"pool '[^']*' does not exist", ": create the pool first, or correct its name"),
    (
        r"[Oo]nly root|only allowed for root@pam|user != root@pam",
        ": Proxmox VE allows this only for root@pam, in most cases only with a password",
    ),
)
_ADVICE = {
    401: ": check api_user and api_password, or api_token_id and api_token_secret",
    403: ": the user or token lacks a privilege for this call"
    " (a token with privilege separation needs privileges of its own)",
}
