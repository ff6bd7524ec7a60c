# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a play shows while a module runs: in a pipe, on a terminal, and when it is interrupted."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml
from ansible_collections.upid.proxmox.tests.clients.environments import without_ansible
from ansible_collections.upid.proxmox.tests.plays.releases import Ansible

pytestmark = pytest.mark.timeout(240)

# By the clock of the tests; the cluster is a hundred times as fast.
LONG, SPEED = 18.0, 100
CLONE = {"upid.proxmox.clone": {"source": "9000", "guests": [{"name": "one"}, {"name": "two"}]}}
UPID = re.compile(r"UPID:pve\d:\w+:\w+:\w+:qmclone:9000:[^:]+:")


def play(*tasks: Mapping[str, Any], **keywords: Any) -> dict[str, Any]:
    """A play whose modules run with the Python of Ansible."""
    return {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        "tasks": [dict(task) for task in tasks],
        **keywords,
    }


def clones_take(ansible: Ansible, seconds: float, **more: Any) -> None:
    fault = {"action": "task", "type": "qmclone", "seconds": seconds * SPEED, **more}
    ansible.cluster.admin("POST", "faults", fault)


@dataclass
class Shown:
    """What a command shows, with the time of each piece."""

    process: subprocess.Popen[bytes]
    pieces: list[tuple[float, str]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Everything so far."""
        return "".join(text for _at, text in self.pieces)

    def lines(self) -> list[str]:
        """The lines about progress."""
        return [line for line in self.text.splitlines() if line.startswith("clone: [localhost] ")]

    def times(self) -> list[float]:
        """When they came."""
        return [at for at, text in self.pieces if "clone: [localhost] " in text]

    def read_until(self, descriptor: int, wanted: str | None, seconds: float = 60) -> None:
        """Read until something is shown, or to the end."""
        until = time.monotonic() + seconds
        while wanted is None or wanted not in self.text:
            assert time.monotonic() < until, self.text
            ready, _write, _error = select.select([descriptor], [], [], 0.5)
            if not ready:
                continue
            try:
                data = os.read(descriptor, 65536)
            except OSError:  # the terminal is gone
                data = b""
            if not data:
                return
            self.pieces.append((time.monotonic(), data.decode(errors="replace")))


@contextlib.contextmanager
def shown(
    ansible: Ansible, plays: Any, *, terminal: bool = False, **environment: str
) -> Iterator[tuple[Shown, int]]:
    """Plays that run in a session of their own, and where their output can be read."""
    playbook = ansible.home / "shown.yml"
    playbook.write_text(yaml.safe_dump([plays], sort_keys=False))
    reader, writer = pty.openpty() if terminal else os.pipe()
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            # Its controlling terminal, whose Ctrl+C reaches it. A shell in the background ignores
            # SIGINT, and everything that it starts inherits that.
            (
                "import os, sys, fcntl, signal, termios\n"
                "signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
                "fcntl.ioctl(1, termios.TIOCSCTTY, 0) if os.isatty(1) else None\n"
                "os.execv(sys.argv[1], sys.argv[1:])"
            ),
            str(ansible.folder / "bin" / "ansible-playbook"),
            str(playbook),
        ],
        env={**without_ansible(os.environ), **ansible._environment(), **environment},
        cwd=ansible.home,
        stdin=writer if terminal else subprocess.DEVNULL,
        stdout=writer,
        stderr=writer,
        start_new_session=True,
    )
    os.close(writer)
    try:
        yield Shown(process), reader
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(reader)


def test_in_a_pipe_there_is_a_line_before_anybody_thinks_it_hangs(edge_ansible: Ansible) -> None:
    clones_take(edge_ansible, LONG)
    with shown(edge_ansible, play(CLONE)) as (seen, output):
        seen.read_until(output, None)
        assert seen.process.wait() == 0, seen.text
    [line] = seen.lines()
    assert "0 of 2 done, 2 running, 0 queued, 0 failed, 0:15 elapsed" in line
    changed = next(at for at, text in seen.pieces if "changed: [localhost]" in text)
    assert changed - seen.times()[0] > 1, "it is shown at once"


def test_on_a_terminal_every_change_has_a_line(edge_ansible: Ansible) -> None:
    clones_take(edge_ansible, 12.0)
    with shown(edge_ansible, play(CLONE), terminal=True) as (seen, output):
        seen.read_until(output, None)
        assert seen.process.wait() == 0, seen.text
    lines = seen.lines()
    assert sum(": started on pve1" in line for line in lines) == 2
    assert any("0 of 2 done, 2 running" in line for line in lines)
    times = seen.times()
    assert len(lines) <= 8
    assert all(later - at > 0.8 for at, later in itertools.pairwise(times))


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "pipe"])
def test_an_interrupt_shows_every_task_that_runs(edge_ansible: Ansible, terminal: bool) -> None:
    clones_take(edge_ansible, 600)
    guests = [{"name": f"guest{number}"} for number in range(5)]
    task = {"upid.proxmox.clone": {"source": "9000", "guests": guests, "parallel": 3}}
    with shown(edge_ansible, play(task), terminal=terminal) as (seen, output):
        seen.read_until(output, "TASK [")
        until = time.monotonic() + 30
        while len(edge_ansible.tasks("qmclone")) < 3:
            assert time.monotonic() < until
            time.sleep(0.1)
        time.sleep(1)
        if terminal:
            os.write(output, b"\x03")
        else:
            os.kill(seen.process.pid, signal.SIGINT)
        seen.read_until(output, None)
        assert seen.process.wait() not in (0, None)
    running = {task["upid"] for task in edge_ansible.tasks("qmclone")}
    assert len(running) == 3
    _before, interrupted, left = seen.text.partition("Interrupted. ")
    assert interrupted, seen.text
    assert left.startswith("3 tasks still running, 2 of 5 jobs not begun:")
    assert set(UPID.findall(left)) == running
    assert "Run the play again" in left
    assert "wait_upids=" in left
    assert list(edge_ansible.home.glob("tmp/*/upid-progress-*")) == []


def test_callbacks_for_programs_stay_clean(ansible: Ansible) -> None:
    clones_take(ansible, LONG)
    run = ansible.play([play(CLONE)], ANSIBLE_STDOUT_CALLBACK="minimal")
    assert run.ok
    assert "elapsed," not in run.output
    assert run.output.lstrip().startswith("localhost | CHANGED")


KEPT = (
    {"name": "Defaults", "upid.proxmox.clone": {"guests": [{"name": "a1"}]}, "register": "plain"},
    {
        "name": "Asynchronous",
        "upid.proxmox.clone": {"guests": [{"name": "a2"}]},
        "async": 60,
        "poll": 1,
        "register": "later",
    },
    {
        "name": "Become",
        "upid.proxmox.clone": {"guests": [{"name": "a3"}], "progress": True},
        "become": True,
        "become_method": "ansible.builtin.su",
        "register": "become",
        "when": "as_root",
    },
    {
        "name": "Hidden",
        "upid.proxmox.clone": {"guests": [{"name": "a4"}]},
        "no_log": True,
        "register": "hidden",
    },
    {
        "name": "Loop, environment and until",
        "upid.proxmox.clone": {"guests": [{"name": "{{ item }}"}]},
        "environment": {"PROXMOX_API_RETRIES": "{{ 1 + 1 }}"},
        "loop": ["a5", "a6"],
        "until": "looped is success",
        "retries": 2,
        "delay": 0,
        "register": "looped",
    },
    {
        "name": "Wait elsewhere",
        "upid.proxmox.wait_task": {"upids": "{{ plain.tasks | map(attribute='upid') }}"},
        "delegate_to": "elsewhere",
        "vars": {"ansible_connection": "local"},
        "register": "waited",
    },
    {
        "name": "Fail",
        "upid.proxmox.clone": {"guests": [{"name": "a7", "vmid": 1}]},
        "register": "failed_one",
        "ignore_errors": True,
    },
    {
        "name": "Check",
        "upid.proxmox.clone": {"guests": [{"name": "a8"}]},
        "check_mode": True,
        "register": "checked",
    },
)


def test_everything_else_is_as_without(edge_ansible: Ansible) -> None:
    out = edge_ansible.home / "results.json"
    names = ("plain", "later", "become", "hidden", "looped", "waited", "failed_one", "checked")
    save = {
        "ansible.builtin.copy": {
            "content": "{{ {" + ", ".join(f"'{one}': {one}" for one in names) + "} | to_json }}",
            "dest": str(out),
            "mode": "0600",
        }
    }
    defaults = {"group/upid.proxmox.proxmox": {"source": "9000", "api_retries": "{{ omit }}"}}
    plays = play(*KEPT, save, module_defaults=defaults)
    plays["vars"]["as_root"] = os.geteuid() == 0
    # Modules without the option refuse it.
    plays["tasks"][5]["module_defaults"] = {"group/upid.proxmox.proxmox": {}}
    jobs = str(edge_ansible.home / "async")
    run = edge_ansible.play([plays], UPID_PROXMOX_PROGRESS="on", ANSIBLE_ASYNC_DIR=jobs)
    assert run.ok, run.output
    results = json.loads(out.read_text())
    assert results["plain"]["summary"]["ok"] == 1
    assert results["later"]["summary"]["ok"] == 1
    assert results["become"].get("skipped") or results["become"]["summary"]["ok"] == 1
    assert results["hidden"]["summary"]["ok"] == 1
    assert [one["summary"]["ok"] for one in results["looped"]["results"]] == [1, 1]
    assert results["waited"]["tasks"][0]["upid"] == results["plain"]["tasks"][0]["upid"]
    assert results["failed_one"]["failed"]
    assert results["checked"]["changed"]
    assert set(edge_ansible.guests()) >= {"a1", "a2", "a4", "a5", "a6"}
    assert "a8" not in edge_ansible.guests()
    assert "a4" not in run.output
    assert "UPID_PROXMOX_PROGRESS_FILE" not in out.read_text() + run.output
    assert "upid-progress-" not in out.read_text()
