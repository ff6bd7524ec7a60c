# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.upid.proxmox.tests.unit.reported import HOSTILE, NEW_YEAR, failed, task
from playwright.sync_api import Page, expect

from .invented import history

Open = Callable[..., Page]
DAY = 86400


def redrawn(page: Page, act: Callable[[], Any]) -> None:
    """Do something after which the charts are drawn anew, and wait for them."""
    before = page.evaluate("document.documentElement.dataset.ready")
    act()
    expect(page.locator("html")).not_to_have_attribute("data-ready", before)


def rows(page: Page) -> int:
    return int(page.locator("#tasks tbody tr:not(.more)").count())


def column(page: Page, number: int) -> list[str]:
    cells = page.locator(f"#tasks tbody tr:not(.more) td:nth-child({number})")
    return list(cells.all_inner_texts())


def period(page: Page) -> list[float]:
    """The visible period of the timeline in milliseconds."""
    found: list[float] = page.evaluate(
        "document.getElementById('timeline').layout.xaxis.range.map((end) =>"
        " typeof end === 'number' ? end : Date.parse(String(end).replace(' ', 'T') + 'Z'))"
    )
    return found


def bars(page: Page) -> int:
    """The number of tasks in the timeline; near ones share a bar."""
    found: int = page.evaluate(
        "document.getElementById('timeline').data.flatMap((one) => one.customdata.flat()).length"
    )
    return found


def over_bar(page: Page, number: int = 0) -> tuple[float, float]:
    """Move the mouse over a bar of the timeline; return where that is."""
    drawn = page.locator("#timeline .bars .point path").nth(number)
    drawn.scroll_into_view_if_needed()
    box = drawn.bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(middle[0] - 5, middle[1])
    page.mouse.move(*middle, steps=3)
    return middle


def test_the_page_shows_every_task(visit: Open) -> None:
    page = visit()
    expect(page).to_have_title("Cluster prod-1")
    expect(page.locator("#count")).to_have_text("All 204 tasks are shown.")
    assert bars(page) == 204
    assert rows(page) == 50
    expect(page.locator("#page")).to_have_text("1\u201350 of 204")
    page.locator("#next").click()
    expect(page.locator("#page")).to_have_text("51\u2013100 of 204")
    page.locator("#previous").click()
    expect(page.locator("#previous")).to_be_disabled()
    for chart in ("timeline", "days", "rates", "durations"):
        expect(page.locator(f"#{chart} .main-svg").first).to_be_visible()


def test_search_and_filters_hold_everywhere(visit: Open) -> None:
    page = visit()
    redrawn(page, lambda: page.locator("#search").fill("clone vm"))
    assert all("- Clone" in text for text in column(page, 4))
    expect(page.locator("#count")).to_have_text(f"{rows(page)} tasks of 204 are shown.")
    assert bars(page) == rows(page)
    redrawn(page, lambda: page.locator("#reset").click())
    expect(page.locator("#count")).to_have_text("All 204 tasks are shown.")
    for name, value, number in (
        ("outcome", "failed", 6),
        ("node", "pve2", 3),
    ):
        redrawn(page, partial(page.locator(f"#{name}").select_option, value))
        assert all(value in text for text in column(page, number))
    assert 0 < rows(page) == bars(page) == page.locator("#failures details").count()
    redrawn(page, lambda: page.locator("#reset").click())
    redrawn(page, lambda: page.locator("#type").select_option("qmclone"))
    redrawn(page, lambda: page.locator("#user").select_option("alice@pam"))
    assert all(text.endswith("- Clone") for text in column(page, 4))
    assert {*column(page, 5)} == {"alice@pam"}
    redrawn(page, lambda: page.locator("#reset").click())
    redrawn(page, lambda: page.locator("#from").fill("2025-12-30T00:00"))
    redrawn(page, lambda: page.locator("#to").fill("2025-12-30T23:59"))
    assert {text[:10] for text in column(page, 1)} <= {"2025-12-29", "2025-12-30"}
    redrawn(page, lambda: page.locator("#search").fill("nothing has this"))
    expect(page.locator("#count")).to_have_text("0 tasks of 204 are shown.")
    expect(page.locator("#timeline")).to_have_text("No tasks.")
    redrawn(page, lambda: page.locator("#reset").click())
    assert bars(page) == 204


def test_a_word_of_a_log_is_found(visit: Open) -> None:
    page = visit()
    redrawn(page, lambda: page.locator("#search").fill("query-backup job: nfs-backup"))
    assert rows(page) == 1
    redrawn(page, lambda: page.locator("#search").fill("UPID:pve2: vzdump::root@pam"))
    assert rows(page) == 1


def test_an_outcome_is_chosen_by_its_card(visit: Open) -> None:
    page = visit()
    card = page.locator("button.card", has_text="warnings")
    redrawn(page, card.click)
    assert {*column(page, 6)} == {"! warnings"}
    expect(card).to_have_attribute("aria-pressed", "true")
    redrawn(page, card.click)
    expect(page.locator("#count")).to_contain_text("All")


def test_filters_stay_in_the_address(visit: Open) -> None:
    page = visit()
    redrawn(page, lambda: page.locator("#node").select_option("pve3"))
    redrawn(page, lambda: page.locator("#search").fill("clone"))
    fragment = page.evaluate("location.hash")
    expect(visit(fragment=fragment).locator("#count")).to_have_text(
        page.locator("#count").inner_text()
    )


def test_the_table_is_sorted_by_every_column(visit: Open) -> None:
    page = visit(300)
    for number, name in enumerate(
        ("Started", "Duration", "Node", "Task", "User", "Outcome", "Exit status"), 1
    ):
        head = page.locator("#tasks th").nth(number - 1)
        firsts = []
        for _time in range(2):
            head.get_by_role("button", name=name, exact=True).click()
            expect(head).to_have_attribute("aria-sort", re.compile("ascending|descending"))
            firsts.append((head.get_attribute("aria-sort"), column(page, number)[0]))
        assert {way for way, _text in firsts} == {"ascending", "descending"}
        assert firsts[0][1] != firsts[1][1], name
        assert page.evaluate("document.activeElement.textContent") == name
    page.locator("#tasks th").nth(2).get_by_role("button").click()
    nodes = column(page, 3)
    assert nodes in (sorted(nodes), sorted(nodes, reverse=True))


def test_failures_come_first_and_unfold(visit: Open) -> None:
    page = visit(1000)
    expect(page.locator("#failures-title")).to_contain_text("Failures (")
    job = page.locator("#failures details").first
    expect(job.locator("summary")).to_contain_text("job errors")
    expect(job.locator("pre")).to_have_count(0)
    job.locator("summary").click()
    expect(job.locator("pre")).to_contain_text("TASK ERROR: job errors")
    expect(job.locator("table.guests tbody tr")).to_have_count(3)
    expect(job.locator("table.guests tbody tr").last).to_contain_text("got timeout")
    expect(job.locator("dl")).to_contain_text("UPID:pve2:")
    before = page.locator("#failures details").count()
    page.locator("#more-failures").click()
    assert page.locator("#failures details").count() > before


def test_a_failure_says_whether_the_same_succeeded_later(visit: Open) -> None:
    mended, left = failed(1, vmid="101"), failed(2, vmid="102")
    page = visit([task(3, vmid="101", started=NEW_YEAR + 60), left, mended])
    expect(page.locator("#failures-title")).to_have_text(
        "Failures (2, of which 1 never succeeded since)"
    )
    expect(page.locator("#failures summary").nth(0)).to_contain_text("✗ failed")
    expect(page.locator("#failures summary").nth(1)).to_contain_text("succeeded later")


def test_a_line_of_the_table_unfolds(visit: Open) -> None:
    page = visit()
    button = page.locator("#tasks tbody button").first
    button.press("Enter")
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#tasks tr.more dl")).to_contain_text("UPID:")
    button.press("Enter")
    expect(page.locator("#tasks tr.more")).to_have_count(0)


def test_the_timeline_is_zoomed_by_buttons_and_by_the_mouse(visit: Open) -> None:
    page = visit()
    everything = period(page)
    page.get_by_role("button", name="24 h").click()
    page.wait_for_timeout(100)
    day = period(page)
    assert day[1] - day[0] == pytest.approx(DAY * 1000)
    page.get_by_role("button", name="Zoom in").click()
    page.wait_for_timeout(100)
    assert period(page)[1] - period(page)[0] == pytest.approx(DAY * 500)
    page.get_by_role("button", name="Earlier").click()
    page.wait_for_timeout(100)
    assert period(page)[0] < day[0] + DAY * 250
    page.get_by_role("button", name="All", exact=True).click()
    page.wait_for_timeout(100)
    assert period(page) == pytest.approx(everything)
    page.locator("#timeline").scroll_into_view_if_needed()
    box = page.locator("#timeline .nsewdrag").first.bounding_box()
    assert box is not None
    y = box["y"] + min(box["height"], 300) / 2
    page.mouse.move(box["x"] + box["width"] * 0.5, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, y, steps=8)
    page.mouse.up()
    page.wait_for_timeout(400)
    width = everything[1] - everything[0]
    assert period(page)[1] - period(page)[0] == pytest.approx(width / 4, rel=0.05)
    redrawn(page, lambda: page.locator("#narrow").click())
    assert page.locator("#from").input_value() > "2025-12-1"
    assert rows(page) == 50
    expect(page.locator("#count")).to_contain_text("of 204")


def test_a_task_of_the_timeline_is_shown_at_a_click(visit: Open) -> None:
    page = visit([failed(1, "why it failed", seconds=3600, log=("the log",))])
    middle = over_bar(page)
    expect(page.locator("#timeline .hoverlayer")).to_contain_text("why it failed")
    page.mouse.click(*middle)
    expect(page.locator("#dialog")).to_contain_text("the log")
    page.locator("#close").click()
    expect(page.locator("#dialog")).not_to_be_visible()


def test_rows_of_the_timeline_and_success_rates_are_of_every_kind(visit: Open) -> None:
    page = visit()
    for way, wanted in (("node", "pve1"), ("type", "qmclone"), ("user", "alice@pam")):
        page.locator("#rows").select_option(way)
        page.locator("#rate-by").select_option(way)
        page.locator("#timeline .ytick text", has_text=re.compile(f"^{wanted}$")).wait_for()
        expect(page.locator("#rates")).to_have_attribute("aria-label", re.compile(rf"{wanted} \d+"))
        assert bars(page) == 204
    page.locator("#rows").select_option("guest")
    page.locator("#timeline .ytick text", has_text=re.compile("^pve1 . 100$")).wait_for()


def test_near_tasks_share_a_bar_until_it_is_clicked(visit: Open) -> None:
    tasks = [task(number, started=NEW_YEAR + 120 * number) for number in range(3)]
    page = visit([*reversed(tasks), task(9, started=NEW_YEAR - 30 * DAY)])
    drawn = page.locator("#timeline .bars .point")
    expect(drawn).to_have_count(2)
    middle = over_bar(page, 1)
    expect(page.locator("#timeline .hoverlayer")).to_contain_text("3 tasks, ok")
    page.mouse.click(*middle)
    expect(drawn).to_have_count(3)
    page.get_by_role("button", name="All", exact=True).click()
    expect(drawn).to_have_count(2)


def test_what_could_not_be_read_is_said(visit: Open) -> None:
    page = visit(50, unreachable={"pve3": "595 No route to host"})
    expect(page.locator(".gaps").first).to_contain_text("Node pve3 could not be read: 595 No route")


def test_an_empty_report_is_a_page_too(visit: Open) -> None:
    page = visit([])
    expect(page.locator("#count")).to_have_text("All 0 tasks are shown.")
    expect(page.locator("#failures")).to_have_text("None.")


def test_nothing_in_a_task_is_markup_or_runs(visit: Open) -> None:
    bad = HOSTILE + '<a href="javascript:alert(2)">x</a><script>alert(3)</script>%{x}'
    user, kind, vmid = "a<b>&amp;\"'@pam", "qm<svg>", "<i>1"
    values: dict[str, Any] = {"user": user, "kind": kind, "vmid": vmid, "seconds": 3600}
    tasks = [failed(1, bad, log=(bad, "\u2028\ud800", "x" * 100_000), **values)]
    tasks[0]["guests"] = [{**history(0, 1)[-1]["guests"][2], "errors": [bad]}]
    page = visit(tasks, title=bad, unreachable={"pve2": bad})
    for element in page.locator("#failures summary, #tasks tbody button").all():
        element.click()
    expect(page.locator("#failures pre")).to_contain_text("<script>alert(3)</script>")
    expect(page.locator("#failures b")).to_have_text("qm<svg> <i>1")
    over_bar(page)
    expect(page.locator("#timeline .hoverlayer")).to_contain_text("qm<svg> <i>1")
    expect(page.locator("#timeline .hoverlayer")).to_contain_text("</script><img")
    for way in ("type", "user"):
        page.locator("#rows").select_option(way)
        page.locator("#rate-by").select_option(way)
    expect(page.locator("#rates .ytick text")).to_contain_text("a<b>&amp;")
    page.locator("#timeline .ytick text", has_text="a<b>&amp;\"'@pam").wait_for()
    assert page.locator("img, a:not(.skip), svg i, main svg svg svg svg").count() == 0
    assert page.evaluate("document.scripts.length") == 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit: Open, scheme: str) -> None:
    page = visit(300, scheme=scheme, unreachable={"pve3": "595 No route to host"})
    page.locator("#failures summary").first.click()
    page.locator("#tasks tbody button").first.click()
    page.evaluate(Path(os.environ["UPID_AXE"]).read_text())
    found = page.evaluate(
        "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice']})"
    )
    problems = [
        (one["id"], one["help"], [node["html"][:200] for node in one["nodes"][:3]])
        for one in found["violations"]
    ]
    assert problems == [], json.dumps(problems, indent=1)
    assert len(found["passes"]) > 20


def test_the_theme_is_that_of_the_system_until_another_is_chosen(visit: Open) -> None:
    page = visit(50, scheme="dark")

    def background() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    dark = background()
    redrawn(page, lambda: page.locator("#theme").click())
    light = background()
    assert light != dark
    redrawn(page, lambda: page.locator("#theme").click())
    assert background() == dark
    page.locator("#theme").click()
    page.emulate_media(color_scheme="light")
    page.wait_for_timeout(300)
    assert background() == light


def test_the_keyboard_reaches_everything_in_order(visit: Open) -> None:
    page = visit(50)
    seen = []
    for _step in range(12):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.className"))
    assert seen[:3] == ["skip", "theme", "print"]
    assert "search" in seen


def test_it_can_be_printed(visit: Open) -> None:
    page = visit(100, scheme="dark")
    printed = page.pdf(format="A4")
    assert printed.startswith(b"%PDF")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    page.wait_for_timeout(300)
    expect(page.locator("#filter")).not_to_be_visible()
    expect(page.locator("#failures pre").first).to_be_visible()
    assert rows(page) == 104
    assert page.evaluate("document.documentElement.classList.contains('dark')") is False
    assert page.evaluate("document.querySelector('#timeline .main-svg').clientWidth") <= 700
    page.emulate_media(media="screen")
    redrawn(page, lambda: page.evaluate("dispatchEvent(new Event('afterprint'))"))
    assert rows(page) == 50
    assert page.evaluate("document.documentElement.classList.contains('dark')") is True


def test_a_narrow_screen_does_not_scroll_sideways(visit: Open) -> None:
    page = visit(50)
    page.set_viewport_size({"width": 420, "height": 800})
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth") <= 420


def test_many_tasks_are_one_file_of_bounded_size(
    visit: Open, file: Callable[..., Path], record_property: Callable[[str, object], None]
) -> None:
    """What it takes is written down, not judged: other programs run at the same time."""
    for number in (1000, 10_000):
        path = file(number)
        size = path.stat().st_size
        assert size < 15_000_000
        page = visit(number)
        took = page.evaluate("performance.now()")
        redrawn(page, partial(page.locator("#search").fill, "qm"))
        assert rows(page) == 50
        print(f"{number} tasks: {size / 1e6:.1f} MB, drawn {took / 1000:.1f} s after the start")
        record_property(f"seconds for {number}", took / 1000)
