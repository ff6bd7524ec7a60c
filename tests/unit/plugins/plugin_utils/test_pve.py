# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.client import Api
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import UsageError
from ansible_collections.upid.proxmox.plugins.plugin_utils._pve import ask, filled_in

# Nobody listens on the discard port of the loopback interface.
OPTIONS = {"api_host": ["127.0.0.1:9"], "api_password": "Sim-pass-1", "api_retries": 0}


async def who_am_i(api: Api) -> str:
    return api.authid


async def version(api: Api) -> object:
    return (await api.get(("version",))).data


async def nonsense(api: Api) -> None:
    raise UsageError(f"since: 'yesterday' is no time to {api.authid}")


def test_the_answer_to_the_question_is_returned() -> None:
    assert ask(OPTIONS, who_am_i) == "root@pam"


def test_a_token_is_who_asks() -> None:
    token = {"api_token_id": "ansible@pve!ci", "api_token_secret": "secret"}
    assert ask({**OPTIONS, **token}, who_am_i) == "ansible@pve!ci"


def test_invalid_options_are_an_error_that_names_them() -> None:
    with pytest.raises(AnsibleError, match="api_host: 'https://pve1'"):
        ask({**OPTIONS, "api_host": ["https://pve1"]}, who_am_i)


def test_an_error_of_the_question_is_an_error_of_ansible() -> None:
    with pytest.raises(AnsibleError, match="since: 'yesterday'") as caught:
        ask(OPTIONS, nonsense)
    assert caught.value.__cause__ is None, "Ansible would print all that it says"


def test_a_host_that_does_not_answer_is_an_error_that_names_it() -> None:
    with pytest.raises(AnsibleError, match=r"127\.0\.0\.1:9") as caught:
        ask(OPTIONS, version)
    assert "Sim-pass-1" not in str(caught.value)


class Templar:
    """Fills in every template with a secret."""

    def template(self, value: object) -> object:
        return "the secret" if "{{" in str(value) else value


def test_the_variables_of_the_connection_may_be_templates_and_no_others_are_touched() -> None:
    given = {"upid_proxmox_api_token_secret": "{{ vault }}", "other": "{{ other }}"}
    expected = {"upid_proxmox_api_token_secret": "the secret", "other": "{{ other }}"}
    assert filled_in(Templar(), given) == expected
    assert filled_in(None, given) is given
