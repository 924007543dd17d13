"""What scripts decide is done, all of it or nothing: filing, sending on, refusing, discarding."""

import asyncio
from pathlib import Path

import pytest

from lmtp.scene import MESSAGE, activate, counts, lmtp, mailbox, queued
from smtp.setting import setting
from verbena.lmtp.settings import FilterSettings
from verbena.model.errors import Refused, Unavailable
from verbena.model.reason import Reason
from verbena.store.messages import append_messages


@pytest.mark.rfc("5228 §4.1")
@pytest.mark.rfc("5232 §4")
async def test_fileinto_with_flags(tmp_path: Path) -> None:
    script = """require ["fileinto", "imap4flags", "copy", "mailbox"];
    fileinto :copy :flags ["\\\\Seen", "$Work"] "Archive";
    fileinto :create "Lists/ünï";
    keep :flags "\\\\Flagged";
    """
    async with setting(tmp_path) as here:
        await activate(here, script)
        assert (await lmtp(here))[0].startswith("250 2.1.5")
        (archived,) = await mailbox(here, "Archive")
        assert archived.flags == ("\\Seen", "$Work")
        assert archived.octets.endswith(MESSAGE)
        (kept,) = await mailbox(here, "INBOX")
        assert kept.flags == ("\\Flagged",)
        assert await counts(here, "Lists/ünï") == [1]
        assert here.woken == []


@pytest.mark.rfc("5228 §2.10.3")
async def test_one_copy_in_one_mailbox(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        await activate(here, 'require ["fileinto", "copy"]; fileinto :copy "inbox"; fileinto "INBOX"; keep;')
        await lmtp(here)
        assert await counts(here, "INBOX") == [1]


async def test_discard(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        await activate(here, "discard;")
        assert (await lmtp(here))[0].startswith("250")
        assert await counts(here, "INBOX") == [0]


@pytest.mark.rfc("5228 §4.2")
async def test_redirect_is_queued_with_its_marks(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        await activate(here, 'require "copy"; redirect :copy "dave@example.com"; redirect "eve@example.com";')
        await lmtp(here, MESSAGE, "alice+news@example.org")
        assert await counts(here, "INBOX") == [0]
        items = queued(here)
        assert [item.envelope.recipients[0].address for item, _ in items] == ["dave@example.com", "eve@example.com"]
        for item, octets in items:
            assert item.envelope.sender == "carol@example.net"
            assert b"Return-Path" not in octets
            assert octets.startswith(
                b"X-Verbena-Redirected-By: alice@example.org\r\nDelivered-To: alice+news@example.org\r\nReceived:"
            )
            assert octets.endswith(MESSAGE)
        assert len(here.woken) == 1


async def test_redirect_to_oneself_keeps(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        await activate(here, 'redirect "alice+x@example.org";')
        await lmtp(here)
        assert (await counts(here, "INBOX"), queued(here)) == ([1], [])


async def test_two_accounts_that_redirect_to_each_other(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        await activate(here, 'redirect "bob@example.org";', "alice")
        await activate(here, 'redirect "alice+again@example.org";', "bob")
        await lmtp(here)
        ((_, first),) = queued(here)
        await lmtp(here, first, "bob@example.org")
        second = queued(here)[1][1]
        await lmtp(here, second, "alice+again@example.org")
        assert len(queued(here)) == 2
        assert await counts(here, "INBOX") == [1]
        assert (await lmtp(here, second, "alice@example.org"))[0].startswith("550 5.4.6")


async def test_null_sender_stays_null(tmp_path: Path) -> None:
    script = 'require "redirect-dsn"; redirect :notify "FAILURE" :ret "HDRS" "dave@example.com";'
    async with setting(tmp_path) as here:
        await activate(here, script)
        await lmtp(here, sender="")
        await lmtp(here)
        envelopes = [item.envelope for item, _ in queued(here)]
        assert [each.sender for each in envelopes] == ["", "alice@example.org"]
        assert envelopes[1].recipients[0].notify == ("FAILURE",)
        assert envelopes[1].ret == "HDRS"


@pytest.mark.rfc("5429 §2.1.1")
async def test_reject_refuses_one_recipient(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        await activate(here, 'require "reject"; reject text:\nNo, thanks.\nReally.\n.\n;')
        lines = await here.talk(
            here.lmtp,
            b"LHLO x\r\nMAIL FROM:<c@example.net>\r\nRCPT TO:<alice@example.org>\r\nRCPT TO:<bob@example.org>\r\n"
            b"DATA\r\n" + MESSAGE + b".\r\n",
        )
        assert lines[-3:-1] == ["550-5.7.1 No, thanks.", "550 5.7.1 Really."]
        assert lines[-1].startswith("250 2.1.5")
        assert await counts(here, "INBOX") == [0]
        assert await counts(here, "INBOX", account="bob") == [1]
        assert queued(here) == []


async def test_ereject_of_a_reason_that_is_not_ascii(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        await activate(here, 'require "ereject"; ereject "Nö\r\n250 ok";')
        assert await lmtp(here) == ["550 5.7.1 The recipient's mail filter refused the message"]


async def test_submission_here_tells_a_rejection(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        await activate(here, 'require "ereject"; ereject "no";', "bob")
        octets = b"MAIL FROM:<alice@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n" + MESSAGE + b".\r\n"
        lines = await here.submit(octets)
        assert lines[-1] == "550 5.7.1 no"


@pytest.mark.rfc("5228 §2.10.6")
async def test_a_failing_script_keeps_and_tells_once(tmp_path: Path) -> None:
    script = 'require "fileinto";\nfileinto "Archive";\nredirect "${x}";'.replace(
        'require "fileinto"', 'require ["fileinto", "variables"]'
    )
    async with setting(tmp_path) as here:
        await activate(here, script)
        await lmtp(here)
        await lmtp(here)
        found = await mailbox(here, "INBOX")
        assert await counts(here, "Archive") == [0]
        assert len(found) == 3
        told = [each.octets for each in found if b"MAILER-DAEMON" in each.octets]
        assert len(told) == 1
        assert b"line 3, column" in told[0]
        assert b"Auto-Submitted: auto-generated" in told[0]
        await activate(here, script + "# new\n")
        await lmtp(here)
        assert await counts(here, "INBOX") == [5]


@pytest.mark.parametrize("name", ["No/Such", "../../etc/passwd", "a//b", "*", "/"])
async def test_a_mailbox_that_is_not_there(tmp_path: Path, name: str) -> None:
    async with setting(tmp_path) as here:
        await activate(here, f'require "fileinto"; fileinto "{name}";')
        assert (await lmtp(here))[0].startswith("250")
        found = await mailbox(here, "INBOX")
        assert len(found) == 2
        assert b"no mailbox" in found[0].octets + found[1].octets


@pytest.mark.parametrize(("name", "made"), [("../../x", "../../x"), ("a//b", ""), ("*", ""), ("x" * 1001, "")])
async def test_names_that_create_can_not_make(tmp_path: Path, name: str, made: str) -> None:
    async with setting(tmp_path) as here:
        await activate(here, f'require ["fileinto", "mailbox"]; fileinto :create "{name}";')
        assert (await lmtp(here))[0].startswith("250")
        assert await counts(here, "INBOX", made) == ([0, 1] if made else [2, 0])


async def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    script = 'require ["fileinto", "variables"]; if header :matches "subject" "*" { fileinto "x${1}"; }'
    async with setting(tmp_path) as here:
        await activate(here, script)
        await lmtp(here, MESSAGE.replace(b"hello", b"\xff\xfe\x80"))
        assert sum(await counts(here, "INBOX")) >= 1


@pytest.mark.rfc("8579 §4")
@pytest.mark.rfc("9042 §4")
async def test_other_targets(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        junk = here.house.account().find("Junk")
        assert junk is not None
        await activate(
            here,
            f"""require ["fileinto", "special-use", "mailboxid", "mailbox", "copy"];
            fileinto :copy :specialuse "\\\\archive" "Nowhere";
            if mailboxidexists "F{junk.mailbox_id}" {{ fileinto :mailboxid "F{junk.mailbox_id}" "Nowhere"; }}
            """,
        )
        await lmtp(here)
        assert await counts(here, "Archive", "Junk", "INBOX") == [1, 1, 0]


@pytest.mark.rfc("5293 §4")
async def test_an_edited_message(tmp_path: Path) -> None:
    script = """require ["editheader", "copy", "fileinto"];
    fileinto :copy "Archive";
    addheader "X-Seen-By" "alice";
    deleteheader "subject";
    redirect :copy "dave@example.com";
    """
    async with setting(tmp_path) as here:
        await activate(here, script)
        body = b"x" * 70 + b"\r\n"
        await lmtp(here, MESSAGE + body * 2000)
        (before,) = await mailbox(here, "Archive")
        (after,) = await mailbox(here, "INBOX")
        assert b"Subject: hello" in before.octets
        assert b"Subject" not in after.octets
        assert b"X-Seen-By: alice\r\n" in after.octets
        assert after.octets.endswith(body * 2000)
        ((_, sent),) = queued(here)
        assert b"X-Seen-By: alice\r\n" in sent
        assert sent.count(b"X-Verbena-Redirected-By") == 1


@pytest.mark.rfc("7352 §3")
async def test_duplicates(tmp_path: Path) -> None:
    script = 'require ["duplicate", "fileinto"]; if duplicate { fileinto "Trash"; }'
    async with setting(tmp_path) as here:
        await activate(here, script)
        await lmtp(here)
        await lmtp(here)
        await lmtp(here, MESSAGE.replace(b"<1@", b"<2@"))
        assert await counts(here, "INBOX", "Trash") == [2, 1]


async def test_the_same_message_at_the_same_moment_is_new_once(tmp_path: Path) -> None:
    script = 'require ["duplicate", "fileinto"]; if duplicate { fileinto "Trash"; }'
    async with setting(tmp_path) as here:
        await activate(here, script)
        await asyncio.gather(*(lmtp(here) for _ in range(5)))
        assert await counts(here, "INBOX", "Trash") == [1, 4]


async def test_over_quota_does_nothing_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with setting(tmp_path) as here:
        await activate(here, 'require ["copy", "fileinto"]; redirect :copy "d@example.com"; fileinto :copy "Archive";')

        def full(*arguments: object, **named: object) -> None:
            raise Refused(Reason.OVER_QUOTA, "full")

        monkeypatch.setattr("verbena.store.deliveries.append_messages", full)
        assert await lmtp(here) == ["450 4.2.2 Mailbox full"]
        monkeypatch.undo()
        assert (await counts(here, "INBOX", "Archive"), queued(here)) == ([0, 0], [])
        assert (await lmtp(here))[0].startswith("250")
        assert (await counts(here, "INBOX", "Archive"), len(queued(here))) == ([1, 1], 1)


async def test_a_full_disk_between_two_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with setting(tmp_path) as here:
        await activate(here, 'require ["copy", "fileinto"]; redirect :copy "d@example.com"; fileinto :copy "Archive";')

        append, calls = append_messages, list[int]()

        def second_fails(*arguments: object, **named: object) -> object:
            calls.append(1)
            if len(calls) == 2:
                raise Unavailable("The disk is full")
            return append(*arguments, **named)  # type: ignore[arg-type]

        monkeypatch.setattr("verbena.store.deliveries.append_messages", second_fails)
        assert (await lmtp(here))[0].startswith("450 4.3.0")
        monkeypatch.undo()
        assert (await counts(here, "INBOX", "Archive"), queued(here)) == ([0, 0], [])
        assert await here.house.store.check() == []


async def test_limit_of_an_hour(tmp_path: Path) -> None:
    async with setting(tmp_path, filters=FilterSettings(sent_an_hour=2)) as here:
        await activate(here, 'redirect "dave@example.com";')
        for _ in range(4):
            await lmtp(here)
        assert len(queued(here)) == 2
        assert await counts(here, "INBOX") == [3]


async def test_scripts_before_and_after(tmp_path: Path) -> None:
    before, after = tmp_path / "before.sieve", tmp_path / "after.sieve"
    before.write_text(
        'require ["editheader", "fileinto"]; addheader "X-Before" "1";\r\n'
        'if header "subject" "spam" { fileinto "Junk"; }\r\n'
    )
    after.write_text('require ["fileinto", "copy"]; if exists "x-before" { fileinto :copy "Archive"; }\r\n')
    filters = FilterSettings(before=(before,), after=(after,))
    async with setting(tmp_path, filters=filters) as here:
        await lmtp(here)
        assert await counts(here, "INBOX", "Archive", "Junk") == [1, 1, 0]
        await activate(here, 'require "imap4flags"; keep :flags "\\\\Seen";')
        await lmtp(here, MESSAGE.replace(b"hello", b"spam"))
        assert await counts(here, "INBOX", "Archive", "Junk") == [1, 1, 1]
        await lmtp(here)
        assert (await mailbox(here, "INBOX"))[1].flags == ("\\Seen",)
        await activate(here, "discard;")
        await lmtp(here)
        assert await counts(here, "INBOX", "Archive", "Junk") == [2, 2, 1]
        before.write_text("broken")
        await lmtp(here, MESSAGE, "bob@example.org")
        assert await counts(here, "INBOX", account="bob") == [1]


@pytest.mark.rfc("6609 §3.1")
async def test_includes(tmp_path: Path) -> None:
    (tmp_path / "common.sieve").write_text('require "fileinto"; fileinto "Archive";')
    async with setting(tmp_path, filters=FilterSettings(folder=tmp_path)) as here:
        await here.house.account().scripts.put("mine", b'require "fileinto"; fileinto "Trash";')
        await activate(here, 'require "include"; include "mine"; include :global "common"; include :optional "x";')
        await lmtp(here)
        assert await counts(here, "INBOX", "Archive", "Trash") == [0, 1, 1]


@pytest.mark.rfc("6134 §2.3")
async def test_lists(tmp_path: Path) -> None:
    script = """require ["extlists", "fileinto", "envelope"];
    if envelope :list "from" ":addrbook:default" { fileinto "Archive"; }
    elsif valid_ext_list ":addrbook:team" { redirect :list ":addrbook:team"; }
    """
    async with setting(tmp_path) as here:
        await here.house.account().set_annotations(
            None,
            {
                "/private/vendor/verbena/list/default": b"# friends\r\nCarol@example.net\r\n",
                "/private/vendor/verbena/list/team": b"d@example.com\ne@example.com\nalice@example.org\n",
            },
        )
        await activate(here, script)
        await lmtp(here)
        assert await counts(here, "Archive") == [1]
        await lmtp(here, sender="x@example.net")
        ((item, _),) = queued(here)
        assert [each.address for each in item.envelope.recipients] == ["d@example.com", "e@example.com"]


@pytest.mark.rfc("6009 §4")
async def test_dsn_parameters_can_be_asked_for(tmp_path: Path) -> None:
    script = """require ["envelope", "envelope-dsn", "fileinto"];
    if allof (envelope "envid" "q+1", envelope "ret" "HDRS") { fileinto "Archive"; }
    """
    async with setting(tmp_path) as here:
        await activate(here, script)
        await lmtp(here, parameters=" RET=HDRS ENVID=q+2B1")
        assert await counts(here, "Archive") == [1]


async def test_two_processes_change_and_use_a_script(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        await activate(here, "keep;")
        await lmtp(here)
        await activate(here, "discard;")
        await lmtp(here)
        await here.house.account().scripts.activate(None)
        await lmtp(here)
        assert await counts(here, "INBOX") == [2]


async def test_a_message_that_became_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verbena.lmtp.plan.EDIT_OCTETS", 100)
    script = f'require ["editheader", "copy"]; addheader "X" "{"x" * 200}"; redirect :copy "dave@example.com";'
    async with setting(tmp_path) as here:
        await activate(here, script)
        await lmtp(here)
        found = await mailbox(here, "INBOX")
        assert len(found) == 2
        assert found[0].octets.endswith(MESSAGE)
        assert b"became too long" in found[1].octets
        assert len(queued(here)) == 1


async def test_a_large_message_is_edited_and_sent_on(tmp_path: Path) -> None:
    script = """require ["editheader", "copy"];
    redirect :copy "d@example.com";
    addheader "X" "1";
    redirect :copy "e@example.com";
    """
    async with setting(tmp_path, max_message_octets=8 << 20) as here:
        await activate(here, script)
        body = (b"y" * 70 + b"\r\n") * 40_000
        await lmtp(here, MESSAGE + body)
        (kept,) = await mailbox(here, "INBOX")
        assert kept.octets.endswith(body)
        assert kept.octets.startswith(b"X: 1\r\nReturn-Path:")
        first, second = queued(here)
        assert second[0].size_octets == first[0].size_octets + 6
        for _, octets in (first, second):
            assert b"Return-Path" not in octets
            assert octets.count(b"Delivered-To: alice@example.org\r\n") == 1
