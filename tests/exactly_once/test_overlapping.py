# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of the same call that overlap: Ansible killed while its module lives, stopped, or twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.upid.proxmox.tests.exactly_once import module_process
from ansible_collections.upid.proxmox.tests.exactly_once.cluster import (
    PATIENCE,
    Cluster,
    Truth,
    cluster,
)
from ansible_collections.upid.proxmox.tests.exactly_once.module_process import ModuleProcess

COLLECTIONS = Path(module_process.__file__).absolute().parents[5]
NAMES = [f"vm-{number:02}" for number in range(1, 13)]
TEMPLATE = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "names": ("clone", {"source": 9000, "guests": [{"name": name} for name in NAMES]}),
    "vmids": (
        "clone",
        {
            "source": 9000,
            "guests": [{"name": name, "vmid": 800 + n} for n, name in enumerate(NAMES)],
        },
    ),
    "containers": (
        "container",
        {
            "ostemplate": TEMPLATE,
            "storage": "ceph",
            "placement": "round_robin",
            "guests": [{"hostname": name} for name in NAMES],
        },
    ),
}


def options_of(call: str) -> tuple[str, dict[str, Any]]:
    module, options = CALLS[call]
    return module, {**options, "parallel": 3, **({"full": True} if module == "clone" else {})}


class Ansible:
    """``ansible localhost -m ...`` in its own session, which can be killed."""

    def __init__(self, there: Cluster, module: str, options: Mapping[str, Any]) -> None:
        program = Path(sys.executable).with_name("ansible")
        self._process = subprocess.Popen(
            [str(program), "localhost", "-i", "localhost,", "-c", "local",
             "-e", f"ansible_python_interpreter={sys.executable}",
             "-m", f"upid.proxmox.{module}", "-a", json.dumps(options)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={
                **os.environ,
                **there.simulator.environment(),
                "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
                "ANSIBLE_NOCOLOR": "1",
            },
            text=True,
            start_new_session=True,
        )  # fmt: skip

    def kill(self) -> None:
        """SIGKILL to ``ansible`` itself: its worker and the module are not notified."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()  # the worker holds the other end

    def result(self) -> str:
        """Its output; it must have succeeded."""
        said, _nothing = self._process.communicate(timeout=PATIENCE)
        assert self._process.returncode == 0, said
        return said


def check_exact(truth: Truth) -> None:
    """Each guest exists once, is complete, and nothing else was created."""
    assert sorted(guest["name"] for guest in truth.named(*NAMES)) == NAMES
    assert not [guest for guest in truth.guests.values() if guest["lock"]]
    assert len(truth.guests) == len(NAMES) + 4


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.seeds(8, 1)
def test_a_killed_ansible_is_finished_by_the_same_call_at_once(call: str, seed: int) -> None:
    """The module that lives on starts nothing more."""
    module, options = options_of(call)
    with cluster(seed=seed, speed=15) as there:
        killed = Ansible(there, module, options)
        there.until(lambda truth: len(truth.of_type("qmclone", "vzcreate")) >= 2)
        time.sleep(random.Random(seed).uniform(0, 3))
        killed.kill()
        Ansible(there, module, options).result()
        check_exact(there.until(lambda truth: not truth.running()))


def test_a_module_whose_ansible_was_killed_starts_nothing_more() -> None:
    module, options = options_of("vmids")
    with cluster(speed=5) as there:
        killed = Ansible(there, module, options)
        there.until(lambda truth: len(truth.of_type("qmclone")) >= 2)
        killed.kill()
        there.until(lambda truth: not truth.running())
        began = len(there.truth().of_type("qmclone"))
        assert began < len(NAMES)
        time.sleep(3)
        assert len(there.truth().of_type("qmclone")) == began


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.seeds(8, 1)
def test_a_run_that_was_stopped_and_goes_on_after_its_rerun_doubles_nothing(
    call: str, seed: int
) -> None:
    module, options = options_of(call)
    with cluster(seed=seed, speed=15) as there:
        stopped = ModuleProcess(there, module, options)
        there.until(lambda truth: len(truth.of_type("qmclone", "vzcreate")) >= 2)
        time.sleep(random.Random(seed).uniform(0, 2))
        stopped.signal(signal.SIGSTOP)
        rerun = ModuleProcess(there, module, options)
        began = len(there.truth().of_type("qmclone", "vzcreate"))
        there.until(lambda truth: len(truth.of_type("qmclone", "vzcreate")) > began)
        stopped.signal(signal.SIGCONT)
        for one in (rerun, stopped):
            result = one.result()
            assert not result.get("failed"), result["msg"]
        check_exact(there.truth())


@pytest.mark.seeds(6, 1)
@pytest.mark.parametrize("delay", [0, 2])
def test_two_runs_at_once_by_name_leave_each_guest_once_where_the_later_is_removed(
    seed: int, delay: float
) -> None:
    module, options = options_of("names")
    with cluster(seed=seed, speed=15) as there:
        runs = []
        for first in (400, 600):
            own = {"vmid_range": f"{first}-{first + 99}", "on_conflict": "remove"}
            runs.append(ModuleProcess(there, module, {**options, **own}))
            time.sleep(delay)
        results = [one.result() for one in runs]
        assert not [result["msg"] for result in results if result.get("failed")]
        check_exact(there.truth())
        for result in results:
            guests = {guest["vmid"] for guest in there.truth().named(*NAMES)}
            assert {guest["vmid"] for guest in result["guests"]} == guests


@pytest.mark.seeds(4, 1)
def test_two_runs_at_once_by_name_report_every_name_that_two_guests_have(seed: int) -> None:
    module, options = options_of("names")
    with cluster(seed=seed, speed=15) as there:
        runs = [
            ModuleProcess(there, module, {**options, "vmid_range": f"{first}-{first + 99}"})
            for first in (400, 600)
        ]
        results = [one.result() for one in runs]
        made = [guest["name"] for guest in there.truth().named(*NAMES)]
        assert sorted(set(made)) == NAMES
        doubled = {name for name in made if made.count(name) > 1}
        reported = {
            guest["name"]
            for result in results
            for guest in result["guests"]
            if "name conflict" in (guest["message"] or "")
        }
        assert reported == doubled
