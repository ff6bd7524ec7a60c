# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters are checked and converted by the schema."""

from __future__ import annotations

from typing import Any

import pytest
from pvesim.calls import CallError
from pvesim.schema import Method, Schema
from pvesim.validation import FormatError, compiled, parse_property_string, validate

SCHEMA = Schema.load()
FORM: dict[str, dict[str, Any]] = {
    "file": {"type": "string", "default_key": 1},
    "discard": {"type": "boolean", "optional": 1},
    "model": {"type": "string", "optional": 1},
    "macaddr": {"type": "string", "optional": 1},
    "virtio": {"alias": "macaddr", "keyAlias": "model"},
}


def method(name: str, path: str) -> Method:
    found = SCHEMA.find(name, path)
    assert found is not None
    return found.method


def errors_of(name: str, path: str, given: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(CallError) as raised:
        validate(method(name, path), given)
    assert (raised.value.status, raised.value.message) == (400, "Parameter verification failed.")
    assert raised.value.errors is not None
    return raised.value.errors


CLONE = {"node": "n", "vmid": "100", "newid": "200"}


def test_values_have_the_types_of_the_schema() -> None:
    clone = method("POST", "/nodes/n/qemu/100/clone")
    params = validate(clone, CLONE | {"full": "1", "name": "web1", "bwlimit": "10"})
    assert params == {
        "node": "n", "vmid": 100, "newid": 200, "full": 1, "name": "web1", "bwlimit": 10,
    }  # fmt: skip


def test_json_values_are_taken_as_they_are() -> None:
    params = validate(
        method("POST", "/nodes/n/qemu/100/clone"), CLONE | {"newid": 7000, "full": True}
    )
    assert (params["newid"], params["full"]) == (7000, 1)


def test_all_errors_are_reported_together() -> None:
    errors = errors_of(
        "POST", "/nodes/n/qemu/100/clone", {"node": "n", "vmid": "1", "full": "true", "x": "1"}
    )
    assert errors == {
        "vmid": "invalid format - value does not look like a valid VM ID\n",
        "full": "type check ('boolean') failed - got 'true'",
        "x": "property is not defined in schema and the schema does not allow additional "
        "properties",
        "newid": "property is missing and it is not optional",
    }


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"name": ["a", "b"]}, {"name": "type check ('string') failed - got ARRAY"}),
        ({"name": True}, {"name": "type check ('string') failed - got JSON::PP::Boolean"}),
        ({"newid": {}}, {"newid": "type check ('integer') failed - got HASH"}),
        ({"snapname": "a" * 41}, {"snapname": "value may only be 40 characters long"}),
    ],
)
def test_one_wrong_value_gives_one_error(given: dict[str, Any], error: dict[str, str]) -> None:
    assert errors_of("POST", "/nodes/n/qemu/100/clone", CLONE | given) == error


def test_a_short_password_and_a_small_memory_are_refused() -> None:
    given = {"node": "n", "vmid": "200", "ostemplate": "local:vztmpl/x.tar.gz"}
    assert errors_of("POST", "/nodes/n/lxc", given | {"password": "abc", "memory": "1"}) == {
        "password": "value must be at least 5 characters long",
        "memory": "value must have a minimum value of 16",
    }


def test_indexed_property_strings_are_checked() -> None:
    config = method("POST", "/nodes/n/qemu")
    given = {"node": "n", "vmid": "200", "net0": "virtio,bridge=vmbr0", "scsi0": "ceph:8,ssd=on"}
    assert validate(config, given)["net0"] == "virtio,bridge=vmbr0"


def test_a_missing_property_that_another_requires_is_named() -> None:
    errors = errors_of(
        "POST", "/nodes/n/qemu", {"node": "n", "vmid": "200", "ipconfig0": "gw=192.0.2.1"}
    )
    assert errors == {
        "ipconfig0": "invalid format - format error\n"
        "ipconfig0.ip: missing property required by 'ipconfig0.gw'\n"
    }


def test_a_missing_parameter_that_another_requires_is_named() -> None:
    errors = errors_of("POST", "/access/ticket", {"username": "u", "password": "p", "path": "/"})
    assert errors == {"privs": "missing property required by 'path'"}


def test_repeated_keys_become_a_list_or_a_joined_list() -> None:
    config = method("PUT", "/nodes/n/qemu/100/config")
    params = validate(config, {"node": "n", "vmid": "100", "delete": ["net1", "net2"]})
    assert params["delete"] == "net1,net2"
    bulk = method("POST", "/cluster/bulk-action/guest/start")
    assert validate(bulk, {"vms": ["101", "102"]})["vms"] == [101, 102]
    assert validate(bulk, {"vms": "101"})["vms"] == [101]


def test_property_strings_have_default_keys_boolean_words_and_aliases() -> None:
    assert parse_property_string(FORM, "a:1,discard=on,virtio=AA", "scsi0") == {
        "file": "a:1", "discard": "1", "model": "virtio", "macaddr": "AA",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a,file=b", "duplicate key in comma-separated list property: file\n"),
        ("a,=b", "missing key in comma-separated list property\n"),
        ("a,model=x,virtio=y", "key alias 'model' is already defined\n"),
        ("discard=1", "format error\nx.file: property is missing and it is not optional\n"),
        ("a,discard=2", "format error\nx.discard: type check ('boolean') failed - got '2'\n"),
    ],
)
def test_a_malformed_property_string_is_refused(text: str, reason: str) -> None:
    with pytest.raises(FormatError) as raised:
        parse_property_string(FORM, text, "x")
    assert str(raised.value) == reason


def test_a_property_string_without_default_key_needs_keys() -> None:
    with pytest.raises(FormatError, match="schema does not define a default key"):
        parse_property_string({"a": {"type": "string"}}, "b", "x")


def test_every_pattern_of_the_schema_can_be_used() -> None:
    found = [
        compiled(schema["pattern"])
        for each in SCHEMA.every()
        for schema in each.parameters.values()
        if "pattern" in schema
    ]
    assert len(found) > 200


def test_a_list_can_have_unknown_values() -> None:
    path = "/nodes/{node}/storage/{storage}/download-url".format(node="n", storage="local")
    given = {"node": "n", "storage": "local", "content": "iso", "filename": "a.iso"}
    found = validate(method("POST", path), {**given, "url": "http://x/a", "compression": "zst"})
    assert found["compression"] == "zst"
