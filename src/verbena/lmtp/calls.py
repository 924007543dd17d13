"""Notifications that are no mail, sent beside the delivery: ``https`` and ``webpush``, our own methods of RFC 5435, and
``xmpp`` (RFC 5437).

``put`` takes a call and returns; a few tasks make the calls, each once and with a timeout. A call may be lost with the
process, and is dropped where too many wait: a notification is no mail (RFC 5435 §3.1). What is posted:

- ``https:`` a JSON object: ``account``, ``recipient``, ``importance`` (1 to 3), ``from`` (of ``:from``), ``message``,
  ``subject``, ``mail_from`` and ``url``, all texts but the importance.
- ``webpush:`` the same, as encrypted payload; a subscription that its push service knows no longer (404, 410) is
  removed.
- ``xmpp:`` the stanza of ``lmtp.xmpp``.
"""

import asyncio
import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from verbena.lmtp import webpush
from verbena.lmtp.https import HttpsPoster
from verbena.lmtp.notification import Call
from verbena.lmtp.webpush import ENTRY, Subscription
from verbena.lmtp.xmpp import Component, Told, send, stanza
from verbena.model.errors import VerbenaError
from verbena.model.metadata import canonical_entry, is_entry
from verbena.model.secret import Secret
from verbena.sieve.ext.webpush import subscription_of
from verbena.sieve.ext.xmpp import parse_xmpp
from verbena.sieve.uri import scheme_of
from verbena.store.api import Account, Store

log = logging.getLogger(__name__)

MAX_WAITING: Final = 1000
TASKS: Final = 4
MAX_SUBSCRIPTIONS: Final = 10
"""that one ``webpush:*`` goes to"""
MAX_TEXT_CHARACTERS: Final = 2000
_URGENCY: Final = {1: "high", 2: "normal", 3: "low"}
_GONE: Final = (404, 410)


@dataclass(frozen=True, slots=True)
class PushIdentity:
    """Whom push services take us for: ``secret`` makes the key, ``contact`` is a URI that reaches the operator."""

    secret: Secret
    contact: str


class Caller:
    """``lmtp.notification.Notifier``. ``close`` it; what is None is no way to notify. ``clock`` gives aware times."""

    def __init__(
        self,
        store: Store,
        poster: HttpsPoster | None,
        push: PushIdentity | None,
        clock: Callable[[], datetime],
        component: Component | None = None,
    ) -> None:
        self._store = store
        self._poster = poster
        self._push = push
        self._key: ec.EllipticCurvePrivateKey | None = None if push is None else webpush.private_key(push.secret)
        self._clock = clock
        self._component = component
        self._waiting: asyncio.Queue[Call] = asyncio.Queue(MAX_WAITING)
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def schemes(self) -> frozenset[bytes]:
        usable = ((b"https", self._poster), (b"webpush", self._push), (b"xmpp", self._component))
        return frozenset(scheme for scheme, way in usable if way is not None)

    async def publish(self) -> None:
        """Let clients know the key that they subscribe with: the server's annotation ``webpush.KEY_ENTRY``."""
        if self._key is None:
            return
        value = webpush.base64url(webpush.public_octets(self._key)).encode()
        if self._store.directory.annotations().get(webpush.KEY_ENTRY) != value:
            await self._store.directory.set_annotations({webpush.KEY_ENTRY: value})

    def put(self, call: Call) -> None:
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._work()) for _ in range(TASKS)]
        try:
            self._waiting.put_nowait(call)
        except asyncio.QueueFull:
            log.warning("a notification is dropped, too many wait", extra={"account": call.account.login})

    async def drain(self) -> None:
        """Wait until all calls so far were made."""
        await self._waiting.join()

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _work(self) -> None:
        while True:
            call = await self._waiting.get()
            try:
                await self._call(call)
            except VerbenaError as error:
                extra = {"account": call.account.login, "method": scheme_of(call.uri).decode(), "error": str(error)}
                log.info("a notification failed", extra=extra)
            except Exception:  # one bad call must not end all: nobody waits for this task
                log.exception("a notification failed", extra={"account": call.account.login})
            finally:
                self._waiting.task_done()

    async def _call(self, call: Call) -> None:
        scheme, body = scheme_of(call.uri), payload(call)
        if scheme == b"xmpp":
            await self._send_xmpp(call)
            return
        if self._poster is None:
            return
        if scheme == b"https":
            status = await self._poster.post(call.uri.decode("ascii"), {"Content-Type": "application/json"}, body)
            self._log(call, "https", status)
            return
        account = self._store.account(call.account)
        for entry in subscriptions(account, call.uri):
            await self._push_to(self._poster, account, entry, call, body)

    async def _send_xmpp(self, call: Call) -> None:
        uri = parse_xmpp(call.uri)
        if self._component is None or isinstance(uri, str):
            return
        told = Told(call.importance, call.sender or call.recipient, call.message, call.url)
        await send(self._component, stanza(self._component.name, uri, told))
        self._log(call, "xmpp", 0)

    async def _push_to(self, poster: HttpsPoster, account: Account, entry: str, call: Call, body: bytes) -> None:
        value = account.annotation(None, entry)
        subscription = None if value is None else webpush.parse_subscription(value)
        if subscription is None or self._push is None or self._key is None:
            return
        sealed = _sealed(subscription, body)
        now = int(self._clock().timestamp())
        fields = {
            "Content-Type": "application/octet-stream",
            "Content-Encoding": "aes128gcm",
            "TTL": str(webpush.TTL_S),
            "Urgency": _URGENCY[call.importance],
            "Authorization": webpush.authorization(subscription.endpoint, self._key, self._push.contact, now),
        }
        status = await poster.post(subscription.endpoint, fields, sealed)
        self._log(call, "webpush", status)
        if status in _GONE:
            await account.set_annotations(None, {entry: None})

    def _log(self, call: Call, method: str, status: int) -> None:
        log.info("notified", extra={"account": call.account.login, "method": method, "status": status})


def _sealed(subscription: Subscription, body: bytes) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return webpush.encrypt(subscription, body, key, os.urandom(16))


def subscriptions(account: Account, uri: bytes) -> list[str]:
    """The entries of the subscriptions that a ``webpush:`` URI means."""
    name = (subscription_of(uri) or b"").decode("utf-8", "replace")
    if name == "*":
        found = account.annotation_sizes(None, ENTRY.rstrip("/"), 1)
        return [entry for entry, _ in found if entry.startswith(ENTRY)][:MAX_SUBSCRIPTIONS]
    entry = canonical_entry(ENTRY + name)
    return [entry] if name and "/" not in name and is_entry(entry) else []


def payload(call: Call) -> bytes:
    """JSON, short enough for Web Push."""
    limit = MAX_TEXT_CHARACTERS
    while True:
        told = {
            "account": call.account.login,
            "recipient": call.recipient[:limit],
            "importance": call.importance,
            "from": call.sender[:limit],
            "message": (call.subject if call.message is None else call.message)[:limit],
            "subject": call.subject[:limit],
            "mail_from": call.mail_from[:limit],
            "url": call.url,
        }
        octets = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        if len(octets) <= webpush.MAX_PAYLOAD_OCTETS or limit < 20:
            return octets
        limit //= 2
