# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret can be read anywhere, however odd it is and wherever it was put by mistake.

By the oldest and the newest release of ansible-core, at -vvvv.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from ansible_collections.upid.proxmox.tests.plays.overheard import overhear
from ansible_collections.upid.proxmox.tests.plays.releases import Ansible

pytestmark = pytest.mark.timeout(240)

TOKEN = "00000000-0000-4000-8000-000000000001"
TEMPLATE = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
COMMANDS = "\x1b[2Jgone\x07 \r\u202ereversed"
CHECKSUM = "sha256:" + 64 * "0"
EXAMPLES: dict[str, dict[str, Any]] = {
    "cloud_image_template": {
        "url": "https://images.example.com/some.qcow2",
        "checksum": CHECKSUM,
        "name": "secret-template",
        "storage": "ceph",
        "image_storage": "local",
    },
    "drain_node": {"node": "pve1"},
    "fleet": {"source": "9000", "guests": [{"name": "secret-member"}]},
    "reboot_node": {"node": "pve1", "allow_destructive": True},
    "remove_guests": {"guests": [100], "allow_destructive": True},
    "snapshot_guests": {"guests": [100], "snapname": "secret"},
    "verify_backups": {"guests": [100], "vmid_range": "90000-90009"},
    "clone": {"source": "9000", "name": "secret-clone"},
    "container": {"ostemplate": TEMPLATE, "hostname": "secret-ct", "storage": "ceph"},
    "guest_info": {},
    "operation": {"operation": "start", "guests": [100]},
    "stop_task": {"upids": ["UPID:pve1:000934AF:0D015579:68BF3A41:vzdump:101:root@pam:"]},
    "task_info": {},
    "wait_task": {"upids": ["UPID:pve1:000934AF:0D015579:68BF3A41:vzdump:101:root@pam:"]},
}
# A password, and where in an address somebody may put it.
URLS = {
    "Qword-one": "https://somebody:%s@pve1.example.com:8006",
    "Qword-two": "somebody:%s@pve1",
    "Qword-three,Qtail-three": "https://somebody:%s@pve1/",
    "Qword-four": "pve1.example.com?password=%s",
}


def odd(stem: str) -> dict[str, str]:
    """Secrets that a file, a copy from a web page, or another language makes odd."""
    return {
        "plain": f"{stem}-Plain-1",
        "newline": f"{stem}-Newline-2\n",
        "return": f"{stem}-Return-3\r",
        "crlf": f"{stem}-Both-4\r\n",
        "invisible": f"{stem}-Zero-5\u200bWidth-{stem}-6",
        "german": f"{stem}-Scharf-7ßüWort-{stem}-8",
        "quoted": f"{stem}-Quote-9\"'{stem}-Brace-10",
    }


class Cases:
    """Tasks by their names, with the secrets in variables and what each has to say."""

    def __init__(self) -> None:
        self.tasks: list[dict[str, Any]] = []
        self.secrets: list[str] = []
        self.variables: dict[str, str] = {}
        self.says: dict[str, str] = {}

    def secret(self, text: str, within: str = "%s") -> str:
        """A template that gives a secret, within some text that is none."""
        name = f"vault{len(self.variables)}"
        self.secrets.append(text)
        self.variables[name] = within % text
        return f"{{{{ {name} }}}}"

    def module(self, module: str, says: str, options: Mapping[str, Any]) -> None:
        """A call of a module, which is to say this."""
        self._add(f"upid.proxmox.{module}", {**EXAMPLES[module], **options}, says)

    def role(self, role: str, says: str, variables: Mapping[str, Any]) -> None:
        """A role, which is to say this."""
        named = {f"{role}_{name}": value for name, value in variables.items()}
        include = {"name": f"upid.proxmox.{role}"}
        self._add("ansible.builtin.include_role", include, says, vars=named)

    def lookup(self, says: str, **options: Any) -> None:
        """The lookup with options of the connection as variables."""
        query = "{{ query('upid.proxmox.task_history') }}"
        named = {f"upid_proxmox_{name}": value for name, value in options.items()}
        self._add("ansible.builtin.debug", {"msg": query}, says, vars=named)

    def _add(self, action: str, options: Mapping[str, Any], says: str, **more: Any) -> None:
        name = f"Case {len(self.tasks)} of {action}"
        self.tasks.append({"name": name, action: dict(options), **more})
        self.says[name] = says

    def overhear(self, ansible: Ansible) -> None:
        """Run them all; each says what it has to, and no secret is read anywhere."""
        heard = overhear(ansible, self.tasks, self.variables)
        assert all(name in heard.log for name in self.says), "the log file is not that of the play"
        assert "ansible-playbook" in heard.processes
        parts = dict(_by_task(heard.run.output))
        silent = [
            f"{name} does not say {says!r}: {parts.get(name, heard.run.output)[-1500:]}"
            for name, says in self.says.items()
            if says not in " ".join(parts.get(name, "").split())
        ]
        problems = [*heard.pieces_of(self.secrets), *silent]
        assert not problems, "\n".join(problems)


def _by_task(output: str) -> Iterator[tuple[str, str]]:
    """What was printed from the heading of each case to the next one."""
    for part in output.split("\nTASK [Case ")[1:]:
        yield f"Case {part.split(']')[0]}", part


@pytest.fixture
def cases() -> Cases:
    return Cases()


def test_no_secret_of_a_connection_is_read(edge_ansible: Ansible, cases: Cases) -> None:
    for kind, text in odd("Qtoken").items():
        says = "401" if kind in ("plain", "quoted") else "api_token_secret: character"
        cases.module("guest_info", says, {"api_token_secret": cases.secret(text)})
        cases.lookup(says, api_token_secret=cases.secret(text))
    for text in odd("Qpassword").values():
        wrong = {"api_password": cases.secret(text), "api_user": "nobody@pve"}
        cases.module("task_info", "401", {**wrong, "api_token_id": "", "api_token_secret": ""})
    for module in EXAMPLES:
        misplaced = cases.secret(f"Qid-of-{module.replace('_', '')}", "root@pam!ansible=%s")
        cases.module(module, "api_token_id: it is neither", {"api_token_id": misplaced})
    whole = cases.secret("Qid-in-header", "PVEAPIToken=root@pam!ansible=%s")
    cases.module("guest_info", "api_token_id: it is neither", {"api_token_id": whole})
    cases.lookup("api_token_id: it is neither", api_token_id=whole)
    for password, url in URLS.items():
        host = cases.secret(password, url)
        cases.module("guest_info", "api_host: the value (hidden", {"api_host": host})
        cases.lookup("api_host: the value (hidden", api_host=host)
    for index, option in enumerate(("api_tokensecret", "password", "api_secret")):
        misspelt = cases.secret(f"Qmisspelt-{index}")
        cases.module("guest_info", "Unsupported parameters", {option: misspelt})
    cases.overhear(edge_ansible)


def test_no_secret_among_parameters_is_read(edge_ansible: Ansible, cases: Cases) -> None:
    configure: dict[str, Any] = {"operation": "configure"}
    for text in odd("Qci").values():
        params: dict[str, Any] = {"cipassword": cases.secret(text)}
        cases.module("operation", "summary", {**configure, "guests": [100], "params": params})
    lists = [cases.secret("Qlist-one"), cases.secret("Qlist-two\n")]
    own = {"vmid": 100, "params": {"cipassword": cases.secret("Qown-one")}}
    given: list[dict[str, Any]] = [
        {"guests": [own]},
        {"guests": [{**own, "params": {"cipassword": lists}}]},
        {"guests": [100], "params": {"cipassword": lists}},
        {"guests": [100], "params": f"cipassword={cases.secret('Qpairs-one')}"},
    ]
    for options in given:
        cases.module("operation", "summary", {**configure, **options})
    for text in (
        "vmid=100 cipassword=%s",
        'vmid=100 params="cipassword=%s"',
        '{"vmid": "100", "params": {"cipassword": "%s"}}',
        "{'vmid': 100, 'params': {'cipassword': '%s'}",
        "100 cipassword %s",
        "- vmid: 100\n  params: {cipassword: %s}",
        "{vmid: 100, params: {cipassword: Qhead-1,%s}}",
    ):
        guests = cases.secret("Qtext-one,Qtail-two", text)
        cases.module("operation", "summary", {**configure, "guests": guests})
        cases.module("operation", "summary", {**configure, "guests": [guests]})
        cases.module("clone", "summary", {"guests": [guests], "name": None})
        cases.module("guest_info", "summary", {"guests": [guests]})
        cases.module("operation", "summary", {**configure, "guests": [100], "params": guests})
    unknown = [{"name": "x", "cipassword": cases.secret("Qunknown-one")}]
    cases.module("clone", "summary", {"guests": unknown, "name": None})
    for module, name in (("clone", "name"), ("container", "hostname")):
        nested = [[{name: "x", "password": cases.secret("Qnested-one")}]]
        cases.module(module, "summary", {"guests": nested, name: None})
    wrong: dict[str, Any] = {
        "params": {"cipassword": cases.secret("Qwrong-one")},
        "guests": [100],
        "wait": "maybe",
    }
    cases.module("operation", "wait", {**configure, **wrong})
    for text in odd("Qct").values():
        cases.module("container", "summary", {"password": cases.secret(text), "memory": "x"})
    hidden = {"hostname": "secret-two", "password": cases.secret("Qguest-one")}
    params = {"params": {"password": cases.secret("Qguest-two")}}
    cases.module("container", "summary", {"guests": [hidden], "hostname": None})
    cases.module("container", "summary", {"guests": [{**hidden, **params}], "hostname": None})
    cases.module("container", "summary", {**params, "password": None})
    cases.overhear(edge_ansible)


def test_no_secret_of_a_role_is_read(edge_ansible: Ansible, cases: Cases) -> None:
    web = {"source": 9000, "start": False}
    cache = {"ostemplate": TEMPLATE, "storage": "ceph", "disk_gib": 4, "target_node": "pve1"}
    of_all, of_one = cases.secret("Qall-one\u200bQall-two"), cases.secret("Qone-ß-Qone-two")
    vms = [{"name": "web-1"}, {"name": "web-2", "ci_password": of_one}]
    cts = [{"hostname": "cache-1"}, {"hostname": "cache-2", "password": of_one}]
    lists = [cases.secret("Qlist-one"), cases.secret("Qlist-two")]
    role = "provision_vms"
    cases.role(role, "2 of 2 VMs are ready", {**web, "guests": vms, "ci_password": of_all})
    cases.role(role, "2 of 2 VMs are", {**web, "guests": vms, "ci_password": lists})
    cases.role(role, "fatal", {**web, "guests": cases.secret("Qtext-one", "name=x ci_password=%s")})
    further: dict[str, Any] = {
        "name": "web-3",
        "config": {"cipassword": cases.secret("Qconfig-one")},
    }
    cases.role(role, "ready", {**web, "guests": [further]})
    misspelt: dict[str, Any] = {"cipassword": cases.secret("Qmisspelt-one")}
    cases.role(role, "did you mean", {**web, "guests": vms, **misspelt})
    cases.role(role, "fatal", {**web, "guests": [{**vms[0], **misspelt}]})
    role = "provision_containers"
    cases.role(role, "2 of 2 containers are ready", {**cache, "guests": cts, "password": of_all})
    cases.role(role, "2 of 2 containers are", {**cache, "guests": cts, "password": lists})
    cases.role(role, "fatal", {**cache, "guests": [{**cts[0], **misspelt}]})
    cases.overhear(edge_ansible)
