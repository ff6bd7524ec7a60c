# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A browser, and pages in it that complain about nothing and ask nobody."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.plugin_utils._report.html import as_html
from ansible_collections.upid.proxmox.plugins.plugin_utils._report.report import Report
from ansible_collections.upid.proxmox.tests.unit.reported import NEW_YEAR
from playwright.sync_api import Browser, Page, expect, sync_playwright

from .invented import history

Open = Callable[..., Page]
# What a sandbox in a container, and one without a graphics card, need.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = os.environ.get("UPID_CHROMIUM", "/usr/bin/chromium")
        expect.set_options(timeout=20_000)  # on a machine that does much else
        with playwright.chromium.launch(executable_path=path, args=ARGUMENTS) as running:
            yield running


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Writes a report; ``file(tasks)`` or ``file(1000)`` for an invented history."""
    folder = tmp_path_factory.mktemp("reports")
    made: dict[str, Path] = {}

    def write(tasks: Any = 1000, **values: Any) -> Path:
        key = repr((tasks if isinstance(tasks, int) else id(tasks), values))
        if key not in made:
            listed = history(tasks, 30) if isinstance(tasks, int) else tasks
            report = Report(values.pop("title", "Cluster prod-1"), NEW_YEAR, listed, **values)
            made[key] = folder / f"{len(made)}.html"
            made[key].write_bytes(as_html(report))
        return made[key]

    return write


@pytest.fixture
def visit(browser: Browser, file: Callable[..., Path]) -> Iterator[Open]:
    """Opens a report; at the end the page has said nothing and has asked for nothing else."""
    said: list[str] = []
    asked: list[str] = []
    contexts = []

    def open_page(
        tasks: Any = 200, fragment: str = "", scheme: str = "light", **values: Any
    ) -> Page:
        context = browser.new_context(
            viewport={"width": 1400, "height": 1000}, color_scheme=scheme, reduced_motion="reduce"
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.on("request", lambda request: asked.append(request.url))
        url = file(tasks, **values).as_uri()
        page.goto(url + fragment)
        expect(page.locator("html")).to_have_attribute("data-ready", re.compile(r"\d"))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("file:///", "data:"))] == []
    assert len([url for url in asked if url.startswith("file:///")]) == len(contexts)
