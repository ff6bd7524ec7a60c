# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request knows its format, its path in the API and its cookie."""

from __future__ import annotations

from pvesim.request import Request


def test_the_path_is_split_into_format_and_path() -> None:
    asked = Request("GET", "/api2/extjs/nodes/pve1")
    assert (asked.output, asked.api_path) == ("extjs", "/nodes/pve1")


def test_the_bare_format_is_the_root() -> None:
    assert Request("GET", "/api2/json").api_path == "/"


def test_slashes_before_the_format_may_be_many_and_it_is_in_lower_case() -> None:
    assert Request("GET", "/api2//json/version").api_path == "/version"
    for path in ("/api2", "/api2/", "/api2/JSON/version", "/api2json/version", "/api2/j/version"):
        assert Request("GET", path).output == ""


def test_the_cookie_may_be_encoded_or_raw() -> None:
    for value in ("PVE:a@pve:1::x+/=", "PVE%3Aa%40pve%3A1%3A%3Ax%2B%2F%3D"):
        asked = Request("GET", "/", headers={"cookie": f"lang=de; PVEAuthCookie={value}"})
        assert asked.cookie == "PVE:a@pve:1::x+/="
    assert Request("GET", "/").cookie is None
