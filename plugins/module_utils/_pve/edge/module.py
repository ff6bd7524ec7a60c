# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The boundary to Ansible: the frame of every module, and the only user of AnsibleModule."""

from __future__ import annotations

import asyncio
import copy
import gc
import os
import re
import signal
import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.common.parameters import remove_values

from ..api.client import Client
from ..api.connection import Connection
from ..api.errors import MissingLibraryError, PveError
from ..commands.context import Context, Report, attend, summary
from ..commands.headline import message
from .ancestors import until_orphaned
from .arguments import CONNECTION_SPEC, check_numbers
from .masking import as_shown, secrets_of
from .printable import printable
from .progress_file import ProgressFile

Command = t.Callable[[Context], t.Awaitable[Report]]

# How many objects are made before Python looks for garbage. Nearly all that a call makes live until
# it ends, so with Python's own 700 a call for 10,000 guests spends a fifth of its time looking.
_GARBAGE = 20_000


class _Module(AnsibleModule):
    """A module whose result always has the same keys, and no terminal control characters."""

    def __init__(self, keys: t.Sequence[str], **options: t.Any) -> None:
        self.common = {
            **{key: [] for key in keys},
            "summary": {**summary(()), "elapsed": 0.0},
            "api": {"requests": 0, "host": None},
        }
        # Ansible's error and traceback would show the entry, so it is not raised from that error.
        odd = "guests: an entry is not a dictionary (hidden, because it may contain a secret)"
        try:
            super().__init__(**options)
        except OverflowError:
            odd = f"{self._infinite()}: infinity is not a whole number"
        except (TypeError, ValueError):
            pass
        else:
            return
        self.fail_json(odd, invocation={"module_args": {}})

    def _infinite(self) -> str:
        """The options at which Ansible's own parsing of numbers crashes."""
        infinite = re.compile(r"[+-]?inf(inity)?\Z", re.IGNORECASE)
        found = [name for name, one in self.given.items() if infinite.match(str(one).strip())]
        return ", ".join(found) or "an option"

    def _load_params(self) -> None:
        """Keep the original options; Ansible drops those that it cannot parse."""
        super()._load_params()
        self.given = copy.deepcopy(self.params)

    def warn_of(self, text: str) -> None:
        """Warn with a text that may come from a server."""
        self.warn(printable(text))

    def exit_json(self, **result: t.Any) -> None:
        self.hide_secrets()
        super().exit_json(**printable({**self.common, "succeeded": True, **result}))

    def fail_json(self, msg: str, **result: t.Any) -> None:
        self.hide_secrets()
        result = {**self.common, "succeeded": False, **result}
        super().fail_json(printable(msg), **printable(result))

    def warn(self, warning: str, **options: t.Any) -> None:
        super().warn(printable(warning), **options)

    def log(self, msg: str, log_args: t.Any = None) -> None:
        self.hide_secrets()
        super().log(msg, log_args)

    def shown(self, text: str) -> str:
        """A text without secrets and control characters."""
        return str(remove_values(printable(text), self.no_log_values))

    def hide_secrets(self) -> None:
        """Register secrets outside of ``no_log`` with Ansible, even in options that it refuses."""
        found = secrets_of(self.given, self.argument_spec)
        found |= secrets_of(self.params, self.argument_spec)
        self.no_log_values.update(found, as_shown(map(str, self.no_log_values)))


def run(
    command: Command,
    argument_spec: dict[str, t.Any],
    *,
    keys: t.Sequence[str] = ("tasks",),
    offline: t.Callable[[t.Mapping[str, t.Any]], Report | None] = lambda _params: None,
    **rules: t.Any,
) -> None:
    """Run a command as a module: options in, result out.

    ``keys`` are the lists of its result, which every failure has as well. ``offline`` returns the
    report if the options need no server. ``rules`` are the further arguments of AnsibleModule
    (``mutually_exclusive``, ...). Ends the process by ``exit_json`` or ``fail_json``; both return
    the keys of the command's report and ``api``, so that a failure has as much information as a
    success.
    """
    gc.set_threshold(_GARBAGE, *gc.get_threshold()[1:])
    module = _Module(
        keys,
        argument_spec={**CONNECTION_SPEC, **argument_spec},
        supports_check_mode=True,
        **rules,
    )
    result: dict[str, t.Any] = {"changed": False}
    report = Report({})
    try:
        check_numbers(module.params)
        known = offline(module.params)
        if known is None:
            report = asyncio.run(_attend(command, module, _connect(module), result))
        else:
            report = known
    except MissingLibraryError as error:
        module.fail_json(msg=_missing(error), exception=error.trace, **result)
    except PveError as error:
        module.fail_json(msg=str(error), **result)
    result.update(report.values, changed=report.changed)
    module.hide_secrets()
    _warn_of_masking(module, result)
    if report.diff is not None and module._diff:  # noqa: SLF001 - no public name says so
        result["diff"] = dict(report.diff)
    result["msg"] = message(report, check=module.check_mode)
    (module.exit_json if report.problem is None else module.fail_json)(**result)


def _missing(error: MissingLibraryError) -> str:
    """What to do about a library that the module's Python does not have.

    Hosts of an inventory, including localhost, use the Python of their system, not the one that
    runs Ansible.
    """
    return (
        f"{missing_required_lib(error.library)} Or let the module run with the Python of Ansible,"
        ' which has it: set ansible_python_interpreter to "{{ ansible_playbook_python }}" for this'
        " host"
    )


def _warn_of_masking(module: AnsibleModule, result: t.Mapping[str, t.Any]) -> None:
    """Ansible hides secrets anywhere in a result, even within a UPID."""
    names = [str(task.get("upid")) for task in result.get("tasks") or ()]
    names += [str(guest.get("node")) for guest in result.get("guests") or ()]
    if any(secret and secret in name for secret in module.no_log_values for name in names):
        module.warn(
            "A password or secret is also a part of UPIDs or names in this result, where Ansible"
            " hides it. Choose another one"
        )


def _connect(module: AnsibleModule) -> Client:
    connection = Connection.from_options(module.params)
    return Client(connection, parallel=module.params.get("parallel", 0))


async def _attend(
    command: Command, module: AnsibleModule, client: Client, result: dict[str, t.Any]
) -> Report:
    """Run the command until it ends; SIGINT and SIGTERM request that and are no errors.

    So does the end of the calling Ansible process: nothing more is started, because no result would
    be seen.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    orphaned = asyncio.ensure_future(until_orphaned())
    orphaned.add_done_callback(lambda _watch: stop.set())
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    began = loop.time()
    module.hide_secrets()
    sink = ProgressFile.of_environment(os.environ, module.shown)
    try:
        context = Context(client, module.params, module.check_mode, stop, module.warn_of, sink=sink)
        report = await attend(command, context)
    finally:
        orphaned.cancel()
        if sink is not None:
            sink.close()
        result["api"] = client.usage
        client.close()
    if "summary" in report.values:
        report.values["summary"]["elapsed"] = round(loop.time() - began, 1)
    return report
