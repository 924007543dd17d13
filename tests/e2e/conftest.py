"""One running server for the tests that need nothing of it but to be there."""

from collections.abc import Iterator

import pytest

from support.process import Server, running


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("server")) as running_server:
        yield running_server
