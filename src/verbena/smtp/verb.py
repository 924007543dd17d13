"""The verbs of RFC 5321 that carry no content: EHLO HELO LHLO MAIL RCPT RSET NOOP VRFY HELP QUIT (§4.1.1). Full.

EXPN is known and not implemented (§3.5.2, §4.2.4): 502. VRFY tells nothing (§7.3).
"""

from dataclasses import replace

from verbena.model.errors import PeerError
from verbena.smtp.codes import Answer
from verbena.smtp.receiver import Envelope, MailOptions, RcptOptions, Recipient
from verbena.smtp.registry import Registry, Verb
from verbena.smtp.session import Session, Transaction
from verbena.wire.smtp.command import parse_mail, parse_rcpt
from verbena.wire.smtp.path import parse_domain
from verbena.wire.smtp.reply import Reply, reply, reply_text
from verbena.wire.smtp.states import State

MAX_HELO_OCTETS = 255


async def ehlo(session: Session, registry: Registry, argument: bytes) -> State | None:
    """EHLO and LHLO (RFC 5321 §4.1.1.1, RFC 2033 §4.1)."""
    await _greet(session, argument, extended=True)
    first = reply_text(f"{session.settings.hostname} greets {session.client.helo}")
    session.reply(Reply(250, "", (first, *registry.keywords(session))))
    return None


async def helo(session: Session, _registry: Registry, argument: bytes) -> State | None:
    await _greet(session, argument, extended=False)
    session.reply(reply(250, "", session.settings.hostname))
    return None


async def _greet(session: Session, argument: bytes, extended: bool) -> None:
    if not argument or len(argument) > MAX_HELO_OCTETS:
        raise Answer(501, "5.5.4", "Give your domain or address literal")
    await session.end_transaction()
    try:
        name = parse_domain(argument)
    except PeerError:
        # Clients that do not know their own name send all sorts; it is told to nobody else as a name.
        name = "unknown"
    session.greet(name, extended)


async def mail(session: Session, registry: Registry, argument: bytes) -> State | None:
    """MAIL (RFC 5321 §4.1.1.2)."""
    sender, parameters = parse_mail(argument)
    options = MailOptions()
    for name, value in parameters:
        parameter = registry.mail_parameters.get(name)
        if parameter is None:
            raise Answer(555, "5.5.4", "Parameter not recognized: " + name)
        options = parameter(options, value)
    if options.size_octets is not None and options.size_octets > session.settings.max_message_octets:
        raise Answer(552, "5.3.4", "Message too big for system")
    if sender is not None and not sender.is_ascii and not options.smtputf8:
        raise Answer(550, "5.6.7", "Non-ASCII address needs SMTPUTF8")
    envelope = Envelope(session.client, sender, options)
    await session.receiver.check_sender(envelope)
    session.transaction = Transaction(envelope)
    session.reply(reply(250, "2.1.0", "Sender ok"))
    return None


async def rcpt(session: Session, registry: Registry, argument: bytes) -> State | None:
    """RCPT (RFC 5321 §4.1.1.3)."""
    transaction = session.transaction
    if transaction is None:
        raise Answer(503, "5.5.1", "MAIL first")
    mailbox, parameters = parse_rcpt(argument)
    options = RcptOptions()
    for name, value in parameters:
        parameter = registry.rcpt_parameters.get(name)
        if parameter is None:
            raise Answer(555, "5.5.4", "Parameter not recognized: " + name)
        options = parameter(options, value)
    envelope = transaction.envelope
    if not mailbox.is_ascii and not envelope.options.smtputf8:
        raise Answer(553, "5.6.7", "Non-ASCII address needs SMTPUTF8")
    if len(envelope.recipients) >= session.settings.max_recipients:
        raise Answer(452, "4.5.3", "Too many recipients")
    recipient = Recipient(mailbox, options)
    await session.receiver.check_recipient(envelope, recipient)
    transaction.envelope = replace(envelope, recipients=(*envelope.recipients, recipient))
    session.reply(reply(250, "2.1.5", "Recipient ok"))
    return None


async def rset(session: Session, _registry: Registry, argument: bytes) -> State | None:
    _no_argument(argument)
    await session.end_transaction()
    session.reply(reply(250, "2.0.0", "Reset"))
    return None


async def noop(session: Session, _registry: Registry, _argument: bytes) -> State | None:
    session.reply(reply(250, "2.0.0", "Ok"))
    return None


async def vrfy(session: Session, _registry: Registry, argument: bytes) -> State | None:
    if not argument:
        raise Answer(501, "5.5.4", "Whom?")
    session.reply(reply(252, "2.1.5", "Send mail, delivery will be tried"))
    return None


async def expn(_session: Session, _registry: Registry, _argument: bytes) -> State | None:
    raise Answer(502, "5.5.1", "Command not implemented")


async def help_(session: Session, registry: Registry, _argument: bytes) -> State | None:
    session.reply(reply(214, "2.0.0", "Commands: " + " ".join(sorted(registry.verbs))))
    return None


async def quit_(session: Session, _registry: Registry, argument: bytes) -> State | None:
    _no_argument(argument)
    session.ending = True
    session.reply(reply(221, "2.0.0", f"{session.settings.hostname} closing connection"))
    return None


def _no_argument(argument: bytes) -> None:
    if argument:
        raise Answer(501, "5.5.4", "No argument allowed")


COMMON = (
    Verb("MAIL", mail),
    Verb("RCPT", rcpt),
    Verb("RSET", rset, before_auth=True),
    Verb("NOOP", noop, before_auth=True),
    Verb("VRFY", vrfy),
    Verb("EXPN", expn),
    Verb("HELP", help_, before_auth=True),
    Verb("QUIT", quit_, before_auth=True),
)
SMTP = (Verb("EHLO", ehlo, before_auth=True), Verb("HELO", helo, before_auth=True), *COMMON)
LMTP = (Verb("LHLO", ehlo, before_auth=True), *COMMON)
