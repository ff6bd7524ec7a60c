# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a schedule lets something run (`PVE/API2/Cluster/Jobs.pm`)."""

from __future__ import annotations

import time
from itertools import islice
from typing import Any

from pvesim.calendar import CalendarError, CalendarEvent
from pvesim.calls import Call, call, parameter_error
from pvesim.world import World

DEFAULT_ITERATIONS = 10


@call("GET", "/cluster/jobs/schedule-analyze")
async def analyze(world: World, call: Call) -> list[dict[str, Any]]:
    """The next moments of a schedule, after now or `starttime`."""
    try:
        event = CalendarEvent.parse(str(call.params["schedule"]))
    except CalendarError as error:
        text = f"invalid calendar event '{call.params['schedule']}' - {error}"
        raise parameter_error(schedule=text) from error
    start = float(call.params.get("starttime", world.time_at(call.node)))
    count = int(call.params.get("iterations", DEFAULT_ITERATIONS))
    return [
        {"timestamp": moment, "utc": time.asctime(time.gmtime(moment))}
        for moment in islice(event.after(start), count)
    ]
