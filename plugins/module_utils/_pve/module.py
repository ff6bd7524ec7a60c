# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where Ansible begins: the frame of every module. The only user of AnsibleModule."""

from __future__ import annotations

import asyncio
import signal
import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from .ancestors import until_orphaned
from .arguments import CONNECTION_SPEC
from .client import Client
from .command import Context, Report, attend
from .config import SECRETS
from .connection import Connection
from .errors import MissingLibraryError, PveError

Command = t.Callable[[Context], t.Awaitable[Report]]


def run(command: Command, argument_spec: dict[str, t.Any], **rules: t.Any) -> None:
    """Run a command as a module: options in, result out.

    ``rules`` are the further arguments of AnsibleModule (``mutually_exclusive``, ...). Ends the
    process by ``exit_json`` or ``fail_json``; both give the keys of the command's report and
    ``api``, so that a failure tells as much as a success.
    """
    module = AnsibleModule(
        argument_spec={**CONNECTION_SPEC, **argument_spec}, supports_check_mode=True, **rules
    )
    module.no_log_values.update(_secrets(module.params))
    result: dict[str, t.Any] = {"changed": False}
    report = Report({})
    try:
        client = _connect(module)
        report = asyncio.run(_attend(command, module, client, result))
    except MissingLibraryError as error:
        module.fail_json(msg=missing_required_lib(error.library), exception=error.trace)
    except PveError as error:
        module.fail_json(msg=str(error), **result)
    result.update(report.values, changed=report.changed)
    if report.diff is not None and module._diff:  # noqa: SLF001 - no public name says so
        result["diff"] = dict(report.diff)
    if report.problem is not None:
        module.fail_json(msg=report.problem, **result)
    module.exit_json(**result)


def _secrets(value: t.Any) -> t.Iterator[str]:
    """The secrets in options that hold parameters of the API, which no option's no_log covers."""
    if isinstance(value, t.Mapping):
        for name, one in value.items():
            if name in SECRETS and one:
                yield from map(str, one if isinstance(one, (list, tuple)) else [one])
            else:
                yield from _secrets(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _secrets(one)


def _connect(module: AnsibleModule) -> Client:
    connection = Connection.from_options(module.params)
    return Client(connection, parallel=module.params.get("parallel", 0))


async def _attend(
    command: Command, module: AnsibleModule, client: Client, result: dict[str, t.Any]
) -> Report:
    """Run the command until it ends; SIGINT and SIGTERM ask it to, and are no error by itself.

    So does the end of the Ansible that called it: nothing more is started that nobody would see.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    orphaned = asyncio.ensure_future(until_orphaned())
    orphaned.add_done_callback(lambda _watch: stop.set())
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    began = loop.time()
    try:
        context = Context(client, module.params, module.check_mode, stop, module.warn)
        report = await attend(command, context)
    finally:
        orphaned.cancel()
        result["api"] = client.usage
        client.close()
    if "summary" in report.values:
        report.values["summary"]["elapsed"] = round(loop.time() - began, 1)
    return report
