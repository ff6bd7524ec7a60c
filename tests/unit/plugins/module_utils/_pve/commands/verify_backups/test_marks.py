# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the call that has restored a guest may still work on it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.verify_backups import marks
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.verify_backups.marks import (  # noqa: E501
    Mark,
)

NOW = 1_800_000_000
SOME = Mark("0123456789abcdef", "-", NOW, "local:backup/vzdump-qemu-100-x.vma.zst")
NAME = "import sys; from {} import this_process; print(this_process()); sys.stdout.flush(); input()"


def test_a_mark_is_found_again_in_a_description() -> None:
    mark = Mark.new("pbs:backup/vm/100/2026-11-21T12:49:06Z", NOW)
    assert Mark.of({"description": f"{mark}\n"}) == mark
    assert Mark.of({"description": f"a note\n{mark}"}) == mark
    assert mark != Mark.new(mark.volid, NOW)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "upid.proxmox",
        "upid.proxmox verify_backups: 0123456789abcdef local:backup/old",
        f"see {SOME}",
        f"{SOME} and more",
        str(SOME).replace("0123", "xxxx"),
        str(SOME).replace("2027", "soon"),
    ],
)
def test_other_descriptions_have_none(text: str) -> None:
    assert Mark.of({"description": text}) is None


def test_a_call_of_this_process_works_on_its_guest_until_it_says_otherwise() -> None:
    mark = Mark.new("local:backup/x", NOW)
    with mark:
        assert mark.may_be_at_work(NOW)
        assert mark.may_be_at_work(NOW + 1)
    assert not mark.may_be_at_work(NOW)


@pytest.mark.parametrize("process", ["-", "0123456789ab.1.1", "anything"])
def test_of_another_machine_only_the_time_is_known(process: str) -> None:
    mark = replace(SOME, process=process)
    assert mark.may_be_at_work(NOW)
    assert not mark.may_be_at_work(NOW + 1)


def test_a_process_that_has_ended_works_on_nothing() -> None:
    program = NAME.format(marks.__name__)
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": ":".join(sys.path)},
        text=True,
    ) as process:
        assert process.stdout is not None
        mark = replace(SOME, process=process.stdout.readline().strip())
        if mark.process == "-":
            pytest.skip("this system does not name its processes")
        assert mark.may_be_at_work(NOW)
        process.communicate("\n")
    assert not mark.may_be_at_work(NOW)


def test_a_process_that_has_the_number_of_one_that_has_ended_is_another() -> None:
    system, pid, begun = marks.this_process().split(".")
    mark = replace(SOME, process=f"{system}.{pid}.{int(begun) - 1}")
    assert not mark.may_be_at_work(NOW)
