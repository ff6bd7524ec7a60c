# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a request to its answer, in the order of pveproxy (`PVE/HTTPServer.pm`).

Method, who asks, body, route, conflicts of path and body, token allowed, permission, the way to
the node, the way to pvedaemon, and only there the parameters and the call itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .access import Access
from .answer import FORMATS, Answer, HttpError, bare, failure, plain, success
from .auth import FAILED_DELAY, Authentication, Identity
from .calls import CALLS, Call, Caller, CallError
from .daemons import Daemons
from .parameters import check_content, check_transfer, parameters, with_path
from .permissions import Permissions, denied
from .request import API, BASE, Request
from .schema import Found, Method, Schema
from .validation import validate
from .world import World

METHODS = ("GET", "POST", "PUT", "DELETE")
WRITES = ("PUT", "DELETE")
"""What begins to write before it answers; a POST mostly leaves it to a task."""
PAGE = b"""<!DOCTYPE html>
<html>
  <head><title>Proxmox Virtual Environment (simulated)</title></head>
  <body>The API is below <code>/api2/json</code>. There is no web interface.</body>
</html>
"""
ICON = "/favicon.ico"
UNRESOLVED = "failed to get address info for: {}: {}"
UNKNOWN_NAME = "Name or service not known"
NO_NAME_SERVER = "Temporary failure in name resolution"


@dataclass(frozen=True)
class _Order:
    """A call that may be made: what, with which parameters, by whom, on which node."""

    method: Method
    given: Mapping[str, Any]
    identity: Identity | None
    node: str
    forwarded: bool


class Api:
    """Answers the requests of all nodes."""

    def __init__(self, world: World, schema: Schema) -> None:
        self._world = world
        self._schema = schema
        self._permissions = Permissions(world)
        self._authentication = Authentication(world)
        self.access = Access(self._authentication, self._permissions)
        self.daemons = Daemons(world)
        self._handlers = {**CALLS, **self.access.handlers()}

    def label(self, request: Request) -> str:
        """`METHOD /path/template` of a request; the path itself when there is no template."""
        found = self._schema.find(request.method, request.api_path)
        path = found.method.template if found else request.api_path
        return f"{request.method} {path if request.path.startswith(API) else request.path}"

    async def answer(self, request: Request, asked: str) -> Answer:
        """The answer to a request that reached the node `asked`."""
        begun = self._world.clock.now()
        try:
            answer = await self._answer(request, asked)
        except HttpError as error:
            answer = error.answer
        if answer.unauthorized:
            await self._world.clock.sleep(begun + FAILED_DELAY - self._world.clock.now())
        return answer

    async def _answer(self, request: Request, asked: str) -> Answer:
        if request.method not in METHODS:
            raise bare(501, f"method '{request.method}' not available")
        check_transfer(request)
        if request.path == "/" and request.method == "GET":
            return Answer(200, "OK", PAGE, "text/html; charset=UTF-8")
        if not request.path.startswith(BASE):
            check_content(request)
            raise plain(500, _no_file(request.path), newline=True)
        if not request.output:
            raise plain(501, "no such uri")
        await self.daemons[asked].init_request()
        identity = None
        if not self._is_open(request):
            identity = self._authentication.identify(request, self._offset(asked))
        check_content(request)
        if request.output not in FORMATS:
            raise plain(501, f"no formatter for uri {request.api_path}, {request.output}")
        try:
            return await self._call(request, identity, asked)
        except CallError as error:
            return failure(error, request.output)

    def _offset(self, node: str) -> float:
        return self._world.nodes[node].clock_offset

    def _is_open(self, request: Request) -> bool:
        """Whether the call needs no login; credentials are not checked then."""
        found = self._schema.find(request.method, request.api_path)
        rule = found.method.permissions if found else None
        return bool(rule and rule.get("user") == "world")

    async def _call(self, request: Request, identity: Identity | None, asked: str) -> Answer:
        given = parameters(request)
        found = self._schema.find(request.method, request.api_path)
        if found is None:
            path = request.api_path
            raise CallError(501, f"Method '{request.method} {path}' not implemented")
        order = self._order(found, with_path(given, found.path_params), identity, asked)
        reads = request.method == "GET"
        await self.daemons.reach(asked, order.node, order.method.protected, reads)
        if order.node != asked and identity is not None:
            # The other node looks at ticket and token again, by its own clock.
            self._authentication.identify(request, self._offset(order.node))
        try:
            result = await self.daemons.run(
                asked, order.node, self._perform(order), order.forwarded
            )
            answer = success(result, request.output)
        except CallError as error:
            answer = failure(error, request.output)
        # pveproxy keeps its own connections to other nodes for GET alone.
        leaks = order.method.protected or (order.forwarded and request.method != "GET")
        return replace(answer, leaks_close=leaks)

    def _order(
        self, found: Found, given: Mapping[str, Any], identity: Identity | None, asked: str
    ) -> _Order:
        """What the checks of pveproxy let through; raises CallError."""
        method = found.method
        if identity and identity.tokenid and not method.allowtoken:
            uri = f"URI '{_filled(method, given)}' not available with API token"
            raise denied(f"{uri}, need proper ticket.\n")
        self._permissions.check(method, identity.authid if identity else None, given)
        node = asked
        if method.proxyto:
            named = str(given.get(method.proxyto, asked))
            node = asked if named == "localhost" else named
        if node not in self._world.nodes:
            resolved = self._world.nodes[asked].system.get("name_server", True)
            reason = UNRESOLVED.format(node, UNKNOWN_NAME if resolved else NO_NAME_SERVER)
            raise CallError(500, f"hostname lookup '{node}' failed - {reason}")
        if not self._world.nodes[node].address:
            raise CallError(500, f"address lookup for '{node}' did not find any IP address")
        forwarded = method.protected or node != asked
        return _Order(method, given, identity, node, forwarded)

    async def _perform(self, order: _Order) -> Any:
        """The call in a worker of its node."""
        method = order.method
        async with self.daemons[order.node].worker(method.protected, method.method in WRITES):
            params = validate(method, order.given)
            handler = self._handlers.get((method.method, method.template))
            if handler is None:
                text = f"Method '{method.method} {method.template}' is not simulated"
                raise CallError(501, text)
            caller = self._caller(order.identity)
            call = Call(method.method, method.template, params, caller, order.node)
            return await handler(self._world, call)

    def _caller(self, identity: Identity | None) -> Caller:
        if identity is None:
            return Caller("", None, lambda _path, _privilege: False)
        authid = identity.authid
        return Caller(
            identity.userid,
            identity.tokenid,
            lambda path, privilege: self._permissions.may(authid, path, privilege),
        )


def _no_file(path: str) -> str:
    """The answer about files of the web interface, of which there are none."""
    if path.startswith("/pve2/") or path == ICON:
        where = path.removeprefix("/pve2").replace(ICON, f"/images{ICON}")
        return f"unable to open file '/usr/share/pve-manager{where}' - No such file or directory"
    return f"no such file '{path}'"


def _filled(method: Method, given: Mapping[str, Any]) -> str:
    """The path of a call with its parameters filled in."""
    path = method.template
    for name, value in given.items():
        path = path.replace(f"{{{name}}}", str(value))
    return path
