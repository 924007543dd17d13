"""A visit to a server: greet, turn TLS on, log in, be used, say goodbye; the same for every protocol."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

from verbena.client.connect import Connection, Endpoint
from verbena.client.errors import ServerRefused
from verbena.model.errors import VerbenaError
from verbena.model.secret import Secret


class Visitor(Protocol):
    """A client that has connected and done nothing yet."""

    @property
    def connection(self) -> Connection: ...

    async def greet(self) -> None: ...

    async def start_tls(self) -> None: ...

    async def login(self, user: str, password: Secret) -> None: ...


V = TypeVar("V", bound=Visitor)


@asynccontextmanager
async def visit(
    client: V, endpoint: Endpoint, user: str, password: Secret, leave: Callable[[], Awaitable[None]]
) -> AsyncIterator[V]:
    """The logged-in client; TLS first where ``endpoint`` has a context. Closes the connection in any case.

    ``leave`` says goodbye at the end, and to a server that refused something; after any other error the dialogue may be
    out of step, so nothing is said.
    """
    try:
        await client.greet()
        if endpoint.context is not None and not endpoint.implicit_tls:
            await client.start_tls()
        await client.login(user, password)
        yield client
        await leave()
    except ServerRefused:
        await leave()
        raise
    except VerbenaError:
        client.connection.close()
        raise
    finally:
        client.connection.close()
