# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server: listeners of the nodes, faults before and after each call, admin paths, counters."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from aiohttp import web

from . import http
from .admin import PREFIX, Admin
from .answer import JSON_TYPE, Answer, HttpError, failure
from .api import Api
from .calls import CallError
from .certificates import Authority, Certificate
from .faults import Fault, Faults
from .front import Front
from .listener import Address, Listener
from .parameters import parameters
from .request import Request
from .schema import Schema
from .traffic import Traffic
from .world import Node, World
from .worldfile import WorldFileError

PROXY_PAGE = "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<h1>{0}</h1>\r\n</body></html>"

importlib.import_module(".paths", __package__)  # it registers every call


GONE = ("down", "closed")
"""States of nodes at whose address nobody answers."""


class _Cut(Exception):
    """The connection ends without an answer."""

    def __init__(self, reset: bool) -> None:
        super().__init__()
        self.reset = reset


class Server:
    """Serves a world on one or more addresses, the nth for the nth node."""

    def __init__(self, world: World, authority: Authority, addresses: Sequence[Address]) -> None:
        if len(addresses) > len(world.nodes):
            text = f"{len(addresses)} addresses are too many for {len(world.nodes)} nodes"
            raise ValueError(text)
        self._world = world
        self._api = Api(world, Schema.load())
        self._faults = Faults(world.seed)
        self._traffic = Traffic()
        self._connections = http.Connections()
        self._admin = Admin(world, self._faults, self._traffic, self._node_changed)
        self._admin.begin_anew = self._begin_anew
        world.node_changed = self._node_changed
        self._changed = asyncio.Event()
        self._runners: list[web.AppRunner] = []
        self._listeners: list[Listener] = []
        self._authority = authority
        self._addresses = addresses

    @property
    def addresses(self) -> list[Address]:
        """Where it listens, with the real ports."""
        return [listener.address for listener in self._listeners]

    @property
    def fingerprints(self) -> list[str]:
        """The fingerprint of the certificate at each address."""
        return [listener.node.fingerprint for listener in self._listeners]

    async def start(self) -> None:
        """Begin to listen; raises OSError when an address is taken."""
        for index, node in enumerate(self._world.nodes.values()):
            given = index < len(self._addresses)
            host = self._addresses[index].host if given else node.address or node.name
            certificate = self._authority.certificate(node.name, host)
            self._certify(node, certificate)
            if given:
                runner = await http.make_runner(partial(self._handle, node))
                self._runners.append(runner)
                server = runner.server
                assert server is not None
                front = partial(self._front, server, node.name)
                listener = Listener(self._addresses[index], node, certificate.context, front)
                self._listeners.append(listener)
                listener.listen()
        self._world.statd.begin()

    def _certify(self, node: Node, certificate: Certificate) -> None:
        """Let a node know what it presents, and who signed it."""
        node.fingerprint = certificate.fingerprint
        node.certificates = (self._authority.pem, certificate.pem)

    async def stop(self) -> None:
        """Close every address and connection."""
        for listener in self._listeners:
            listener.refuse()
        await asyncio.gather(*(runner.cleanup() for runner in self._runners))
        await asyncio.gather(*(listener.close() for listener in self._listeners))

    def _front(self, server: Callable[[], asyncio.Protocol], node: str) -> Front:
        """The protocol of a new connection."""
        return Front(server(), partial(self._refused, node), self._world.clock.sleep)

    def _refused(self, node: str, protocol: str, status: int, reason: str) -> bytes:
        return http.refused(protocol, status, reason, self._world.time_at(node))

    async def _node_changed(self, name: str) -> None:
        """Let daemons, listeners and waiting requests see the new state of a node."""
        await self._api.daemons[name].changed()
        self._changed.set()
        self._changed = asyncio.Event()
        for listener in self._listeners:
            # The last door stays open for the admin paths.
            others = any(other.open for other in self._listeners if other is not listener)
            if listener.node.state in GONE and others:
                listener.refuse()
            else:
                listener.listen()

    async def _begin_anew(self, data: Mapping[str, Any]) -> None:
        """Serve another world, or the same from its start, at the addresses that there are."""
        if len(data["nodes"]) < len(self._addresses):
            text = f"{len(data['nodes'])} nodes are too few for {len(self._addresses)} addresses"
            raise WorldFileError(text)
        self._world.begin_anew(data)
        self._faults.clear()
        self._traffic.clear()
        for node in self._world.nodes.values():
            if not node.fingerprint:
                certificate = self._authority.certificate(node.name, node.address or node.name)
                self._certify(node, certificate)
        self._api.daemons.look()
        for name in self._world.nodes:
            await self._node_changed(name)

    async def _handle(self, node: Node, request: web.BaseRequest) -> web.StreamResponse:
        """One request at the address of a node."""
        asked = await http.read(request)
        if asked.path.startswith(PREFIX):
            answer = await self._admin.answer(asked)
            return http.response(request, answer, self._world.clock.now(), False)
        served = self._connections.count(request)
        if served == 1:
            self._traffic.connection()
        self._traffic.request(self._api.label(asked), asked.api_path, _sent(asked))
        try:
            await self._hear(node)
            answer, cut_short = await self._disturbed(node, asked)
            await self._hear(node)
        except _Cut as end:
            return http.cut(request, end.reset)
        last = served >= http.MAX_REQUESTS or asked.upload is not None
        whole = http.response(request, answer, self._world.time_at(node.name), last)
        return await http.truncated(request, whole) if cut_short else whole

    async def _hear(self, node: Node) -> None:
        """A silent node answers when it is back; one that is down ends its connections."""
        while node.state == "silent":
            await self._changed.wait()
        if node.state in GONE:
            raise _Cut(reset=False)

    async def _disturbed(self, node: Node, request: Request) -> tuple[Answer, bool]:
        """The answer after all faults, and whether it is sent in part only."""
        answer, cut_short = await self._struck("before", node, request, None)
        if answer is None:
            answer = await self._answered(node, request)
        changed, cut_after = await self._struck("after", node, request, answer)
        return changed or answer, cut_short or cut_after

    async def _answered(self, node: Node, request: Request) -> Answer:
        """The answer of the API, which finds a file that came along where the server put it."""
        if (upload := request.upload) is None:
            return await self._api.answer(request, node.name)
        self._world.uploads[upload.tmpfilename] = upload
        try:
            return await self._api.answer(request, node.name)
        finally:
            self._world.uploads.pop(upload.tmpfilename, None)

    async def _struck(
        self, when: str, node: Node, request: Request, answer: Answer | None
    ) -> tuple[Answer | None, bool]:
        """What the faults of this moment make of a request."""
        cut_short = False
        for fault in self._faults.struck(when, request.method, request.api_path, node.name):
            await self._world.clock.sleep(fault.seconds)
            if fault.action in ("drop", "reset"):
                raise _Cut(reset=fault.action == "reset")
            if fault.action in ("status", "html") or (fault.action == "truncate" and not answer):
                answer = _faulty(fault)
            cut_short = cut_short or fault.action == "truncate"
        return answer, cut_short


def _sent(request: Request) -> dict[str, Any]:
    """The parameters of a request, none if they cannot be read."""
    try:
        return parameters(request)
    except HttpError:
        return {}


def _faulty(fault: Fault) -> Answer:
    """The answer that a fault gives instead of the server."""
    reason = fault.reason_phrase
    if fault.action == "status" and fault.message is not None:
        return failure(CallError(fault.status, fault.message), "json")
    if fault.action == "status":
        return Answer(fault.status, reason)
    if fault.action == "truncate":
        return Answer(fault.status, reason, b'{"data":[', JSON_TYPE)
    page = PROXY_PAGE.format(f"{fault.status} {reason}")
    return Answer(fault.status, reason, page.encode(), "text/html")
