# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A call of the API and its response, as all callers see them."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

# The parts of a path below /api2/json, unquoted.
Segments = tuple[t.Union[str, int], ...]
# The fields of a query or a form; a field that is None is not sent.
Params = t.Mapping[str, t.Any]


@dataclass(frozen=True)
class Answer:
    """The ``data`` of a response, and the ``total`` of lists and logs (0 if it is omitted)."""

    data: t.Any
    total: int = 0
