# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shape of responses: one of another shape than the call returns counts as no response."""

from __future__ import annotations

import typing as t

from .errors import NoAnswerError

if t.TYPE_CHECKING:
    from .calls import Answer, Params, Segments
    from .client import Api

Row = t.Mapping[str, t.Any]


def mapping_of(answer: Answer, tried: str) -> Row:
    """The data of a response that is an object; raises NoAnswerError otherwise."""
    if isinstance(answer.data, dict):
        return answer.data
    raise malformed(tried, answer.data)


def rows_of(answer: Answer, tried: str) -> list[t.Any]:
    """The data of a response that is a list; raises NoAnswerError otherwise, also for null."""
    if isinstance(answer.data, list):
        return answer.data
    raise malformed(tried, answer.data)


async def read_rows(
    api: Api, path: Segments, params: Params | None = None, *, retries: int | None = None
) -> list[Row]:
    """The rows of a list call; raises NoAnswerError for anything but a list of objects."""
    answer = await api.get(path, params, retries=retries)
    rows = rows_of(answer, _tried(path))
    if not all(isinstance(row, dict) for row in rows):
        raise malformed(_tried(path), answer.data)
    return rows


async def read_mapping(
    api: Api, path: Segments, params: Params | None = None, *, retries: int | None = None
) -> Row:
    """The object that a call returns; raises NoAnswerError for anything else."""
    return mapping_of(await api.get(path, params, retries=retries), _tried(path))


def _tried(path: Segments) -> str:
    return f"GET /{'/'.join(map(str, path))}"


def count_of(value: object) -> int | None:
    """A whole number as Proxmox VE writes it, as a number or in digits; None for anything else."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 20:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def malformed(tried: str, value: object) -> NoAnswerError:
    """The error for a response of another shape than the call returns."""
    shown = repr(value)
    shown = shown if len(shown) <= 80 else shown[:80] + "..."
    return NoAnswerError(tried, f"the answer is malformed: {shown}", sent=True)
