"""``verbena sieve filter``: a script over the mail that is there."""

from datetime import UTC, datetime
from pathlib import Path

from lmtp.scene import MESSAGE, activate, counts, lmtp, mailbox
from smtp.setting import FILTERS, Setting, setting
from verbena.app.cli_filter import told
from verbena.lmtp.filter import Filter, Stage
from verbena.lmtp.programs import Programs
from verbena.lmtp.refilter import Refilter
from verbena.lmtp.surroundings import Methods
from verbena.sieve.extensions import REGISTRY

SCRIPT = """require ["fileinto", "copy", "imap4flags", "mailbox", "envelope", "duplicate"];
if duplicate { discard; stop; }
if header "subject" "bad" { discard; }
elsif header "subject" "on" { redirect "dave@example.com"; }
elsif header "subject" "move" { fileinto :flags "\\\\Seen" "Archive"; }
elsif header "subject" "copy" { fileinto :copy :create "Copies"; }
elsif header "subject" "lost" { fileinto "Nowhere"; }
elsif allof (envelope "from" "carol@example.net", envelope "to" "alice@example.org") { addflag "$mine"; }
"""


async def run(here: Setting, apply: bool) -> list[str]:
    account = here.house.account()
    script, inbox = account.scripts.get("main"), account.find("INBOX")
    assert script is not None
    assert inbox is not None
    scripts = Filter(Programs(REGISTRY), FILTERS, Methods(frozenset()), lambda: datetime(2027, 1, 1, tzinfo=UTC), False)
    refilter = Refilter(here.house.store, account, scripts, Stage(script))
    return [told(verdict) async for verdict in refilter.verdicts(inbox.mailbox_id, apply)]


async def test_filter(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        await activate(here, 'require "duplicate"; if duplicate { stop; }')
        for number, subject in enumerate((b"bad", b"on", b"move", b"copy", b"lost", b"else")):
            await lmtp(here, MESSAGE.replace(b"hello", subject).replace(b"<1@", b"<%d@" % number))
        await activate(here, SCRIPT)
        expected = [
            "goes to the trash",
            "stays, as it can not be done here; not done here: redirect",
            "filed into Archive; with \\Seen",
            "filed into Copies; stays",
            "filed into Nowhere",
            "stays; with $mine",
        ]
        assert await run(here, False) == expected
        assert await counts(here, "INBOX", "Archive", "Trash", "Copies") == [6, 0, 0, 0]
        assert await run(here, True) == expected
        assert await counts(here, "INBOX", "Archive", "Trash", "Copies") == [4, 1, 1, 1]
        assert (await mailbox(here, "Archive"))[0].flags == ("\\Seen",)
        assert (await mailbox(here, "INBOX"))[-1].flags == ("$mine",)
        await activate(here, 'require "variables"; redirect "${x}";')
        assert all(each.startswith("stays, the script failed: line 1") for each in await run(here, True))
