"""Every ManageSieve extension there is, the core first, and the one registry made of them."""

from typing import Final

from verbena.managesieve.cmd import basic, login, script
from verbena.managesieve.registry import Extension, Registry

CORE: Final = Extension(5804, basic.ROWS + login.LOGIN_ROWS + script.ROWS, basic.capabilities)
UNAUTHENTICATE: Final = Extension(5804, login.UNAUTHENTICATE_ROWS, login.capabilities)

REGISTRY: Final = Registry((CORE, UNAUTHENTICATE))
