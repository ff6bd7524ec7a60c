# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.upid.proxmox.plugins.module_utils._pve.tasks.types import (
    TASK_TYPES,
    default_wait_timeout,
    task_title,
)

TESTS = next(parent for parent in Path(__file__).parents if parent.name == "tests")
KNOWN = yaml.safe_load((TESTS / "unit/data/task_types.yml").read_text())
WAIT_TIMEOUTS = {
    7200: [
        *("qmclone", "vzclone", "download", "ociregistrypull", "imgcopy", "prunebackups"),
        *("startall", "stopall", "suspendall", "bulk-start", "bulk-shutdown", "bulk-suspend"),
    ],
    14400: [
        *("vzdump", "qmrestore", "vzrestore", "qmmove", "move_volume"),
        *("qmigrate", "vzmigrate", "hamigrate", "migrateall", "bulk-migrate"),
    ],
    600: [
        *("qmsnapshot", "qmdelsnapshot", "qmrollback"),
        *("vzsnapshot", "vzdelsnapshot", "vzrollback"),
        *("qmshutdown", "vzshutdown", "qmreboot", "vzreboot", "hastop", "hashutdown"),
    ],
    300: ["qmstart", "vzstart", "hastart", "qmstop", "vzstop"],
}
SHORT_OR_LONG = {name: seconds for seconds, names in WAIT_TIMEOUTS.items() for name in names}


def test_every_type_of_proxmox_ve_is_known_and_no_other() -> None:
    assert set(TASK_TYPES) == {known["type"] for known in KNOWN}
    assert len(KNOWN) == 109


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known["type"])
def test_a_title_is_that_of_the_web_interface(known: dict[str, Any]) -> None:
    if known["title"] is None:
        expected = f"{known['type']} 100"
    elif known["type"] == "vzdump":
        expected = "VM/CT 100 - Backup"
    elif known["prefix"]:
        expected = f"{known['prefix']} 100 - {known['title']}"
    else:
        expected = known["title"]
    assert task_title(known["type"], "100") == expected


def test_a_backup_of_several_guests_has_a_title_of_its_own() -> None:
    assert task_title("vzdump", "") == "Backup Job"


def test_a_title_without_an_id_has_no_gap() -> None:
    assert task_title("acmerenew", "") == "SRV - Renew Certificate"


def test_braces_in_an_id_are_only_text() -> None:
    assert task_title("download", "{id}.iso") == "File {id}.iso - Download"


def test_an_unknown_type_is_its_own_title() -> None:
    assert task_title("sometype", "7") == "sometype 7"
    assert task_title("sometype", "") == "sometype"


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known["type"])
def test_how_long_to_wait_depends_on_the_type(known: dict[str, Any]) -> None:
    assert default_wait_timeout(known["type"]) == SHORT_OR_LONG.get(known["type"], 1800)


def test_an_unknown_type_gets_the_default_timeout() -> None:
    assert default_wait_timeout("sometype") == 1800
