# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import ssl
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from ansible import constants
from ansible.errors import AnsibleError
from ansible_collections.upid.proxmox.plugins.doc_fragments import task_filters
from ansible_collections.upid.proxmox.plugins.doc_fragments.connection import ModuleDocFragment
from ansible_collections.upid.proxmox.plugins.lookup import task_history
from ansible_collections.upid.proxmox.tests.simulator_process import Simulator, start_simulator

Lookup = Callable[..., list[dict[str, Any]]]

NAME = "upid.proxmox.task_history"
TOKEN = "00000000-0000-4000-8000-000000000001"
# Every task begins an hour after the one before it.
STARTED = (
    "/nodes/pve1/qemu/100/status/start",
    "/nodes/pve2/qemu/101/status/stop",
    "/nodes/pve1/qemu/9000/status/start",
    "/nodes/pve1/qemu/100/status/stop",
)


def post(simulator: Simulator, path: str, **values: Any) -> Any:
    """Send a request as root's token, parameters as JSON; what came back."""
    request = urllib.request.Request(
        simulator.url + path, data=json.dumps(values).encode(), method="POST"
    )
    request.add_header("Content-Type", "application/json")
    request.add_header("Authorization", f"PVEAPIToken=root@pam!ansible={TOKEN}")
    context = ssl.create_default_context(cafile=str(simulator.ca))
    with urllib.request.urlopen(request, context=context) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with start_simulator(speed=1000) as running:
        for path in STARTED:
            post(running, "/api2/json" + path)
            post(running, "/_sim/clock", advance=3600)
        yield running


def documented_options() -> dict[str, Any]:
    """The options of the lookup with those of its fragments, as Ansible puts them together."""
    connection = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    plugins = yaml.safe_load(ModuleDocFragment.PLUGINS)["options"]
    own: dict[str, Any] = yaml.safe_load(task_history.DOCUMENTATION)["options"]
    filters: dict[str, Any] = yaml.safe_load(task_filters.ModuleDocFragment.DOCUMENTATION)[
        "options"
    ]
    return own | filters | {name: connection[name] | plugins[name] for name in connection}


@pytest.fixture
def lookup(simulator: Simulator) -> Lookup:
    return lookup_at(simulator)


def lookup_at(simulator: Simulator) -> Lookup:
    """The lookup with its connection in variables.

    Ansible's own loader stays out of it, for that would import the collection a second time.
    """
    variables = {
        "upid_proxmox_api_host": list(simulator.hosts),
        "upid_proxmox_api_token_id": "root@pam!ansible",
        "upid_proxmox_api_token_secret": TOKEN,
        "upid_proxmox_ca_path": str(simulator.ca),
    }
    constants.config.initialize_plugin_configuration_definitions(
        "lookup", NAME, documented_options()
    )

    def run(*terms: Any, **options: Any) -> list[dict[str, Any]]:
        plugin = task_history.LookupModule()
        plugin._load_name = NAME
        return plugin.run(list(terms), variables=variables, **options)

    return run


def briefly(tasks: list[dict[str, Any]]) -> list[str]:
    return [f"{task['node']} {task['type']} {task['id']}" for task in tasks]


def test_the_tasks_of_all_nodes_come_newest_first(lookup: Lookup) -> None:
    assert briefly(lookup()) == [
        "pve1 qmstop 100",
        "pve1 qmstart 9000",
        "pve2 qmstop 101",
        "pve1 qmstart 100",
    ]


def test_a_task_is_returned_as_everywhere_in_the_collection(lookup: Lookup) -> None:
    [task] = lookup("pve2")
    assert task["upid"].startswith("UPID:pve2:")
    assert (task["outcome"], task["exitstatus"]) == ("ok", "OK")
    assert (task["title"], task["user"]) == ("VM 101 - Stop", "root@pam!ansible")


def test_terms_are_nodes_alone_or_in_a_list(lookup: Lookup) -> None:
    assert briefly(lookup("pve2")) == ["pve2 qmstop 101"]
    assert len(lookup(["pve1", "pve2"], "pve3")) == len(STARTED)
    assert lookup("pve3") == []


def test_the_limit_counts_over_all_nodes(lookup: Lookup) -> None:
    assert briefly(lookup(limit=3)) == ["pve1 qmstop 100", "pve1 qmstart 9000", "pve2 qmstop 101"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"type": "qmstart"}, ["pve1 qmstart 9000", "pve1 qmstart 100"]),
        ({"vmid": 100}, ["pve1 qmstop 100", "pve1 qmstart 100"]),
        ({"status": ["failed"]}, ["pve1 qmstart 9000"]),
        ({"status": "error"}, ["pve1 qmstart 9000"]),
        ({"running": True}, []),
        ({"user": "nobody"}, []),
        ({"user": "ROOT", "type": "qmstop", "vmid": 101}, ["pve2 qmstop 101"]),
    ],
)
def test_filters_narrow_the_list(
    lookup: Lookup, options: dict[str, Any], expected: list[str]
) -> None:
    assert briefly(lookup(**options)) == expected


def test_since_and_until_compare_the_start(lookup: Lookup) -> None:
    _newest, third, second, _oldest = lookup()
    assert briefly(lookup(since=second["started"], until=third["started"])) == [
        "pve1 qmstart 9000",
        "pve2 qmstop 101",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"since": "yesterday"}, "since: 'yesterday'"),
        ({"status": "excellent"}, "excellent.*status"),
        ({"limit": -1}, "limit: -1"),
        ({"api_host": "https://pve1"}, "api_host: 'https://pve1'"),
    ],
)
def test_an_invalid_value_is_an_error_that_names_it(
    lookup: Lookup, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(AnsibleError, match=message):
        lookup(**options)


def test_a_node_that_does_not_exist_is_an_error(lookup: Lookup) -> None:
    with pytest.raises(AnsibleError, match="no node 'nosuch'"):
        lookup("nosuch")


def test_a_wrong_secret_is_an_error_without_the_secret(lookup: Lookup) -> None:
    wrong = TOKEN.replace("1", "9")
    with pytest.raises(AnsibleError, match="401") as caught:
        lookup(api_token_secret=wrong)
    assert wrong not in str(caught.value)


def test_a_node_that_does_not_answer_is_a_warning(
    lookup: Lookup, simulator: Simulator, capsys: pytest.CaptureFixture[str]
) -> None:
    post(simulator, "/_sim/nodes/pve2/down")
    try:
        assert briefly(lookup(type="qmstop")) == ["pve1 qmstop 100"]
    finally:
        post(simulator, "/_sim/nodes/pve2/up")
    assert "the tasks of node pve2 are missing" in " ".join(capsys.readouterr().err.split())


def test_a_node_that_does_not_answer_is_an_error_if_requested(
    lookup: Lookup, simulator: Simulator
) -> None:
    post(simulator, "/_sim/nodes/pve2/down")
    try:
        with pytest.raises(AnsibleError, match="the tasks of node pve2 are missing"):
            lookup("pve1", "pve2", running=True, on_unreachable="fail")
    finally:
        post(simulator, "/_sim/nodes/pve2/up")


def test_a_dead_api_is_never_reported_as_no_running_tasks(lookup: Lookup) -> None:
    wrong = TOKEN.replace("1", "9")
    for nodes in ([], ["pve1"], ["pve1", "pve2"]):
        with pytest.raises(AnsibleError, match="401"):
            lookup(*nodes, running=True, api_token_secret=wrong)
        with pytest.raises(AnsibleError, match="refused"):
            lookup(*nodes, running=True, api_host="127.0.0.1:9", api_retries=0)


def test_the_name_of_a_token_finds_its_ended_tasks(lookup: Lookup) -> None:
    assert len(lookup(user="!ansible")) == len(lookup(user="ansible")) == len(STARTED)


def test_several_types_are_one_list(lookup: Lookup) -> None:
    assert len(lookup(type=["qmstart", "qmstop"])) == len(STARTED)


@pytest.mark.parametrize(("options", "warned"), [({}, True), ({"limit": 2}, False)])
def test_what_the_default_limit_cut_off_is_a_warning(
    lookup: Lookup,
    capsys: pytest.CaptureFixture[str],
    options: dict[str, Any],
    warned: bool,
) -> None:
    shown = documented_options()
    shown["limit"]["default"] = 2
    constants.config.initialize_plugin_configuration_definitions("lookup", NAME, shown)
    assert len(lookup(**options)) == 2
    assert ("more tasks match" in " ".join(capsys.readouterr().err.split())) is warned


@pytest.mark.parametrize("offset", [600, -600])
def test_an_age_counts_back_by_the_clock_of_the_node_that_ran_the_task(offset: int) -> None:
    with start_simulator(speed=1000) as simulator:
        post(simulator, "/_sim/nodes/pve2/clock", offset=offset)
        post(simulator, "/api2/json/nodes/pve2/qemu/101/status/stop")
        post(simulator, "/api2/json/nodes/pve1/qemu/100/status/start")
        post(simulator, "/_sim/clock", advance=3600)
        at = lookup_at(simulator)
        assert len(at(since="63m", until="55m")) == 2
        assert at(since="55m") == at(until="70m") == []


def test_a_misspelled_option_is_an_error_that_names_the_nearest(lookup: Lookup) -> None:
    with pytest.raises(AnsibleError, match=r"no option statuses \(did you mean status\?\)"):
        lookup(statuses=["failed"])
    with pytest.raises(AnsibleError, match=r"no option nodes\b"):
        lookup(nodes=["pve1"])
