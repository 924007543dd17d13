"""Notifications by instant message: the stanza of RFC 5437 §2.7, and the way it goes: as a component of an XMPP server.

The server that carries it is the operator's (XEP-0114): it gives this one a name of its own and a secret, and does all
that XMPP asks between servers. The connection is made for each notification; it has no TLS, so it belongs on loopback
or in one's own net. Limit: ``MAX_ANSWER_OCTETS`` of what the server says.
"""

import asyncio
import hashlib
from collections import deque
from dataclasses import dataclass
from typing import Final
from xml.parsers.expat import ExpatError, ParserCreate
from xml.sax.saxutils import escape, quoteattr

from verbena.model.errors import Unavailable
from verbena.model.secret import Secret
from verbena.sieve.ext.xmpp import XmppUri

MAX_ANSWER_OCTETS: Final = 64 * 1024
PIECE_OCTETS: Final = 4096
_STREAMS: Final = "http://etherx.jabber.org/streams"
_COMPONENT: Final = "jabber:component:accept"
_STREAM: Final = f"{_STREAMS} stream"
_ERROR: Final = f"{_STREAMS} error"
_HANDSHAKE: Final = f"{_COMPONENT} handshake"
_MESSAGE: Final = f"{_COMPONENT} message"
_URGENCY: Final = {1: "high", 2: "medium", 3: "low"}
DEFAULT_BODY: Final = "You got mail."
DEFAULT_SUBJECT: Final = "New mail"


@dataclass(frozen=True, slots=True)
class Component:
    """``name`` is the XMPP address of this server's notifications; ``host`` and ``port`` of the XMPP server."""

    name: str
    host: str
    port: int
    secret: Secret
    timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Told:
    """What a notification says. ``message`` is that of ``:message``; ``sender`` of ``:from`` or the recipient."""

    importance: int
    sender: str
    message: str | None
    url: str


def stanza(component: str, uri: XmppUri, told: Told) -> bytes:
    """The message (RFC 5437 §2.7). Of the query only ``body`` and ``subject`` are taken (§4)."""
    keys = {name.lower(): value.decode("utf-8", "replace") for name, value in uri.keys} if uri.query else {}
    body = told.message if told.message is not None else keys.get(b"body", DEFAULT_BODY)
    subject = keys.get(b"subject", DEFAULT_SUBJECT)
    to = uri.address.decode("utf-8", "replace")
    text = f"<message from={_attribute(component)} to={_attribute(to)} type='headline'>"
    text += f"<subject>{_text(subject)}</subject><body>{_text(body)}</body>"
    text += "<headers xmlns='http://jabber.org/protocol/shim'>"
    text += f"<header name='Resent-From'>{_text(told.sender)}</header>"
    text += f"<header name='Urgency'>{_URGENCY[told.importance]}</header></headers>"
    if told.url:
        text += f"<x xmlns='jabber:x:oob'><url>{_text(told.url)}</url></x>"
    return (text + "</message>").encode()


def _text(text: str) -> str:
    return escape(_legal(text))


def _attribute(text: str) -> str:
    return quoteattr(_legal(text))


def _legal(text: str) -> str:
    """``text`` without what XML can not have (XML 1.0 §2.2)."""
    return "".join(each for each in text if each in "\t\n\r" or (each >= " " and each not in "\ufffe\uffff"))


async def send(component: Component, octets: bytes) -> None:
    """Hand a stanza to the XMPP server. Raises ``Unavailable``."""
    try:
        async with asyncio.timeout(component.timeout_s):
            await _converse(component, octets)
    except TimeoutError as error:
        raise Unavailable("The XMPP server is too slow") from error
    except OSError as error:
        raise Unavailable("The XMPP server can not be reached") from error


async def _converse(component: Component, octets: bytes) -> None:
    reader, writer = await asyncio.open_connection(component.host, component.port)
    try:
        hears = _Ear(reader)
        opening = f"<stream:stream xmlns='{_COMPONENT}' xmlns:stream='{_STREAMS}' to={_attribute(component.name)}>"
        writer.write(b"<?xml version='1.0'?>" + opening.encode())
        await writer.drain()
        stream = await hears.until("start", _STREAM)
        identity = stream.get("id", "").encode() + component.secret.reveal()
        proof = hashlib.sha1(identity, usedforsecurity=False).hexdigest()
        writer.write(f"<handshake>{proof}</handshake>".encode())
        await writer.drain()
        await hears.until("end", _HANDSHAKE)
        writer.write(octets + b"</stream:stream>")
        await writer.drain()
        await hears.until("end", _STREAM)
    finally:
        writer.transport.abort()


class _Ear:
    """What the XMPP server says, element by element."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._octets = 0
        self._heard: deque[tuple[str, str, dict[str, str]]] = deque()
        self._parser = ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._heard.append(("start", name, attributes))

    def _end(self, name: str) -> None:
        self._heard.append(("end", name, {}))

    async def until(self, event: str, name: str) -> dict[str, str]:
        """The attributes of the element, at its ``start`` or ``end``.

        Raises ``Unavailable`` for an error, and when it does not come.
        """
        while True:
            while self._heard:
                happened, what, attributes = self._heard.popleft()
                if what == _ERROR:
                    raise Unavailable("The XMPP server refused the stream")
                if what == _MESSAGE and attributes.get("type") == "error":
                    raise Unavailable("The XMPP server refused the message")
                if (happened, what) == (event, name):
                    return attributes
            await self._hear()

    async def _hear(self) -> None:
        piece = await self._reader.read(PIECE_OCTETS)
        self._octets += len(piece)
        if not piece or self._octets > MAX_ANSWER_OCTETS:
            raise Unavailable("The XMPP server ended the stream")
        try:
            self._parser.Parse(piece)
        except ExpatError as error:
            raise Unavailable("The XMPP server does not speak XMPP") from error
