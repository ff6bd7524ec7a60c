# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parameters of the calls that a command will make, checked before it starts anything."""

from __future__ import annotations

import re
import typing as t

from ..api.answers import read_mapping
from ..api.errors import PveError, UsageError
from ..api.schema_text import API_VERSION
from ..operations.validation import request_problems
from .context import failures

if t.TYPE_CHECKING:
    from ..api.calls import Segments
    from ..api.client import Api
    from ..operations.job import Job
    from .context import Context

SERVER = "server"
"""The choice of ``validate`` that leaves the check to Proxmox VE."""


class Planned(t.NamedTuple):
    """A call that will be made, ``title`` is the guest that it is for."""

    title: str
    method: str
    path: Segments
    params: t.Mapping[str, t.Any]

    @classmethod
    def of(cls, title: str, job: Job) -> Planned:
        """The call of a job."""
        return cls(title, job.method, job.path, job.params)


async def check_parameters(context: Context, calls: t.Iterable[Planned]) -> None:
    """UsageError with all that the API would refuse, a warning where that is not sure.

    The schema here is of one version of Proxmox VE. A newer one may take more, and what one of an
    older major version took may be gone since.
    """
    if context.params["validate"] == SERVER:
        return
    wrong: dict[str, list[str]] = {}
    for call in calls:
        for problem in request_problems(call.method, call.path, call.params):
            wrong.setdefault(problem, []).append(call.title)
    if not wrong:
        return
    texts = [f"{_titles(titles)}: {problem}" for problem, titles in wrong.items()]
    version = await _version(context.api)
    if _is_known(version):
        headline = f"The API of Proxmox VE {API_VERSION} does not accept these parameters."
        raise UsageError(failures(f"{headline} Nothing was done", texts))
    for one in texts:
        context.warn(f"{one} (by the API of Proxmox VE {API_VERSION}; this cluster has {version})")


def _titles(titles: t.Sequence[str]) -> str:
    more = f" and {len(titles) - 3} more" if len(titles) > 3 else ""
    return f"{', '.join(dict.fromkeys(titles[:3]))}{more}"


async def _version(api: Api) -> str:
    """The version of the server, empty where it cannot be read."""
    try:
        return str((await read_mapping(api, ("version",))).get("version") or "")
    except PveError:
        return ""


def _is_known(version: str) -> bool:
    """Whether the schema holds for this version; it does where the version is not known."""
    server, own = _numbers(version), _numbers(API_VERSION)
    return not server or (server[0] == own[0] and server <= own)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]
