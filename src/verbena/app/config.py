"""The configuration: what every key of ``verbena.toml`` means, its unit, default and bounds.

One frozen dataclass per section. The sample file and ``docs/configuration.md`` are generated from these
(``app.configdoc``), so a key has one description. An unknown key, a wrong type or a value out of bounds
raises ``ConfigError`` with what to do about it; nothing is ignored. Sizes may be written as ``"100 MiB"``.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from pathlib import Path
from typing import TypeVar, cast, get_type_hints

from verbena.model.errors import VerbenaError

T = TypeVar("T")

KIB = 1024
MIB = 1024 * KIB
_SIZE_UNITS = {"": 1, "KiB": KIB, "MiB": MIB, "GiB": 1024 * MIB}

_NAME = re.compile(r"[^\W_]([\w.-]*[^\W_])?\.?")
"""Letters, digits and hyphens between dots; the directory is stricter with domains."""


class ConfigError(VerbenaError):
    """The configuration can not be used; the text says which key and what to do."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of a key besides its type and default. Bounds are inclusive and in ``unit``."""

    sentence: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    example: str = ""


def _key(default: T, sentence: str, unit: str = "", low: float | None = None, high: float | None = None) -> T:
    setting = Setting(sentence, unit, low, high)
    return field(default=default, metadata={"setting": setting})


def _text(default: T, sentence: str, example: str = "", choices: tuple[str, ...] = ()) -> T:
    setting = Setting(sentence, example=example, choices=choices)
    return field(default=default, metadata={"setting": setting})


def _secret(sentence: str, example: str) -> str | None:
    """A text that the section's repr does not show."""
    return field(default=None, repr=False, metadata={"setting": Setting(sentence, example=example)})


def setting_of(item: "Field[object]") -> Setting:
    """The description kept with a field of one of the sections."""
    return cast(Setting, item.metadata["setting"])


NONE: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listen:
    """Where clients connect: "host:port", "[IPv6]:port" or "unix:/path", one or a list; absent is off."""

    imap: tuple[str, ...] = _text(NONE, "IMAP with STARTTLS (port 143).", "127.0.0.1:1143")
    imaps: tuple[str, ...] = _text(NONE, "IMAP over TLS (port 993).", "127.0.0.1:1993")
    submission: tuple[str, ...] = _text(NONE, "Mail submission with STARTTLS (port 587).", "127.0.0.1:1587")
    submissions: tuple[str, ...] = _text(NONE, "Mail submission over TLS (port 465).", "127.0.0.1:1465")
    lmtp: tuple[str, ...] = _text(
        NONE, "Delivery by a mail transfer agent; trusted, keep it private.", "127.0.0.1:1024"
    )
    managesieve: tuple[str, ...] = _text(NONE, "Editing of Sieve scripts (port 4190).", "127.0.0.1:4190")
    http: tuple[str, ...] = _text(NONE, "Health and metrics; not authenticated, keep it on loopback.", "127.0.0.1:1080")


@dataclass(frozen=True, slots=True)
class Tls:
    """The server's certificate; without one a self-signed pair is made in the data folder."""

    certificate: str | None = _text(None, "File with the certificate and its chain, PEM.", "/etc/verbena/mail.pem")
    key: str | None = _text(None, "File with the private key, PEM.", "/etc/verbena/mail.key")
    client_ca: str | None = _text(
        None,
        "File with the authorities whose client certificates may log in with EXTERNAL, PEM.",
        "/etc/verbena/ca.pem",
    )


@dataclass(frozen=True, slots=True)
class Auth:
    """Logging in."""

    allow_plaintext: bool = _key(False, "Allow LOGIN and PLAIN without TLS; for tests on loopback.")
    cache_s: int = _key(
        300, "How long a verified password is remembered in memory; 0 turns it off.", "seconds", 0, 3600
    )
    failures_per_address: int = _key(
        60, "Failed logins from one address in ten minutes before it has to wait.", "failures", 1, 100_000
    )
    failures_per_account: int = _key(
        30, "Failed logins for one account in ten minutes before it has to wait.", "failures", 1, 100_000
    )
    stream_users: tuple[str, ...] = _text(
        NONE, "Identities of streaming servers: they may fetch URLs signed for stream (RFC 5593 §3.4).", "mediaserver"
    )
    administrators: tuple[str, ...] = _text(
        NONE, "Identities that may change the server's shared annotations (RFC 5464 §3.3).", "admin@example.org"
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of what a peer may use. Connections are counted in each worker."""

    message_octets: int = _key(
        100 * MIB, "The largest message taken (SIZE, APPENDLIMIT).", "octets", 64 * KIB, 64 * 1024 * MIB
    )
    recipients: int = _key(1000, "Recipients of one message.", "recipients", 100, 100_000)
    connections: int = _key(10_000, "Connections of a worker, over all services.", "connections", 1, 1_000_000)
    connections_per_address: int = _key(1_000, "Connections of a worker from one address.", "connections", 1, 1_000_000)
    imap_idle_s: int = _key(
        1800,
        "A silent IMAP or ManageSieve session with a user is closed after this (RFC 3501 §5.4, RFC 5804 §1.2).",
        "seconds",
        1800,
        86_400,
    )
    login_s: int = _key(
        60,
        "One that is silent before its login is closed after this, one that is busy after five times this.",
        "seconds",
        5,
        3600,
    )
    smtp_idle_s: int = _key(
        300, "A silent SMTP or LMTP session is closed after this (RFC 5321 §4.5.3.2.7).", "seconds", 30, 3600
    )
    write_s: int = _key(
        120, "A peer that reads nothing while we have something for it is cut after this.", "seconds", 5, 3600
    )
    handshake_s: int = _key(30, "Time for a TLS handshake.", "seconds", 1, 300)
    drain_s: int = _key(10, "At a stop, the time sessions have to end by themselves.", "seconds", 0, 600)


@dataclass(frozen=True, slots=True)
class Trusted:
    """How another IMAP server of trusted_imap is reached and logged in to."""

    user: str = _text("", "The identity to log in with, one of its submit_users.", "submitserver")
    password: str | None = _secret("That identity's password; better kept in a file.", "secret")
    password_file: str | None = _text(None, "File with that identity's password.", "/etc/verbena/imap.password")
    connect: str | None = _text(None, "Where to connect to; absent: its name, port 143.", "imap.example.org:143")
    ca: str | None = _text(
        None, "File with the authorities for its certificate, PEM; absent: the system's.", "/etc/verbena/ca.pem"
    )
    name: str = ""
    """as in ``trusted_imap``; not a key"""


@dataclass(frozen=True, slots=True)
class Submission:
    """Forward without download, and who may ask for it."""

    submit_users: tuple[str, ...] = _text(
        ("submitserver",),
        "Identities of submission servers: they may fetch URLs signed for submit+ (RFC 4467 §3).",
        "submitserver",
    )
    trusted_imap: tuple[str, ...] = _text(
        NONE, "Other IMAP servers that BURL may fetch from, host or host:port.", "imap.example.org"
    )
    trusted: "tuple[Trusted, ...]" = ()
    """``[submission.trusted."NAME"]`` for each name in ``trusted_imap``"""


@dataclass(frozen=True, slots=True)
class Relay:
    """Mail for elsewhere."""

    smarthost: str | None = _text(
        None, "Send everything to this server; absent: to the MX of each domain.", "smtp.example.net:25"
    )
    smarthost_login: str | None = _text(None, "Login name at the smarthost.", "mail")
    smarthost_password_file: str | None = _text(
        None, "File with the password at the smarthost.", "/etc/verbena/smarthost.password"
    )
    tls: str = _text(
        "may",
        "TLS towards the next hop: never, when it offers it, or always, and then with a valid certificate;"
        " with smarthost_login the certificate must be valid in any case.",
        choices=("none", "may", "require"),
    )
    lifetime_s: int = _key(432_000, "Mail that could not be sent is returned after this.", "seconds", 60, 2_592_000)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What becomes of mail for accounts here: Sieve scripts for all, limits, notifications."""

    before: tuple[str, ...] = _text(
        NONE, "Sieve scripts that run before each user's own: files, or folders of *.sieve.", "/etc/verbena/before"
    )
    after: tuple[str, ...] = _text(
        NONE, "Sieve scripts that run after each user's own: files, or folders of *.sieve.", "/etc/verbena/after"
    )
    global_scripts: str | None = _text(
        None, "Folder of the scripts for include :global, as NAME.sieve (RFC 6609).", "/etc/verbena/global"
    )
    timezone: str | None = _text(
        None, "The time zone of scripts' dates and times; absent: the machine's.", "Europe/Berlin"
    )
    full_mailbox: str = _text(
        "defer",
        "What a sender is told of a mailbox over its quota: try again later (4.2.2), or no (5.2.2).",
        choices=("defer", "refuse"),
    )
    sent_per_hour: int = _key(
        300, "Redirected messages and vacation responses of one account in an hour.", "messages", 0, 100_000
    )
    notifications_per_hour: int = _key(60, "Notifications of one account in an hour.", "notifications", 0, 100_000)
    webhooks: bool = _key(True, "Let scripts notify by HTTPS: web hooks and Web Push.")
    webhook_hosts: tuple[str, ...] = _text(
        NONE, "The hosts, and all below them, that may be notified; absent: any in the public net.", "example.com"
    )
    webhook_private: bool = _key(False, "Let notifications go to hosts that are not in the public net too.")
    xmpp: str | None = _text(
        None, "The XMPP server whose component sends xmpp: notifications (XEP-0114).", "127.0.0.1:5347"
    )
    xmpp_name: str | None = _text(None, "The component's name there.", "notify.example.org")
    xmpp_secret_file: str | None = _text(None, "File with the component's secret.", "/etc/verbena/xmpp.secret")


@dataclass(frozen=True, slots=True)
class Log:
    """What is written to standard error."""

    form: str = _text(
        "auto",
        "One JSON object a line, or text for people; auto: text on a terminal.",
        choices=("auto", "json", "text"),
    )
    level: str = _text(
        "info", "The least severe lines that are written.", choices=("debug", "info", "warning", "error")
    )


@dataclass(frozen=True, slots=True)
class Store:
    """How the mail is kept. Engine: embedded, SQLite shards."""

    shards: int = _key(8, "Database files that accounts are spread over; fixed by `verbena init`.", "files", 1, 99)
    maintain_s: int = _key(
        300, "Time between rounds of upkeep: unreferenced blobs, the change log, checkpoints.", "seconds", 10, 86_400
    )


@dataclass(frozen=True, slots=True)
class Config:
    """The server as a whole."""

    data: str = _text("var", "The folder that holds all mail and state.", "var")
    hostname: str = _text(
        "localhost", "This server's name: in greetings, URLs and Received fields.", "mail.example.org"
    )
    domains: tuple[str, ...] = _text(
        NONE, "Mail for these domains is delivered here, besides those added by `verbena domain add`.", "example.org"
    )
    contact: str | None = _text(
        None,
        "How users reach the administrator, a URI: the server's annotation /shared/admin (RFC 5464 §6.2.2).",
        "mailto:postmaster@example.org",
    )
    workers: int = _key(0, "Worker processes; 0: one per core.", "processes", 0, 256)
    listen: Listen = field(default_factory=Listen)
    tls: Tls = field(default_factory=Tls)
    auth: Auth = field(default_factory=Auth)
    limits: Limits = field(default_factory=Limits)
    submission: Submission = field(default_factory=Submission)
    relay: Relay = field(default_factory=Relay)
    delivery: Delivery = field(default_factory=Delivery)
    log: Log = field(default_factory=Log)
    store: Store = field(default_factory=Store)
    source: Path = Path("verbena.toml")
    """where it was read from; not a key"""

    @property
    def data_path(self) -> Path:
        return self.beside(self.data)

    def beside(self, name: str) -> Path:
        """Where the file or folder ``name`` is: relative ones are beside the configuration file."""
        return self.source.parent / name

    @property
    def worker_count(self) -> int:
        return self.workers or os.cpu_count() or 1


SECTIONS: dict[str, type[Listen | Tls | Auth | Limits | Submission | Relay | Delivery | Log | Store]] = {
    "listen": Listen,
    "tls": Tls,
    "auth": Auth,
    "limits": Limits,
    "submission": Submission,
    "relay": Relay,
    "delivery": Delivery,
    "log": Log,
    "store": Store,
}


def load_config(path: Path) -> Config:
    """The configuration in ``path``. Raises ``ConfigError`` when it is missing or not usable."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"{path} does not exist: make one with `verbena init DIR` or name it with --config FILE"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} can not be read: {error}") from error
    return parse_config(text, path)


def parse_config(text: str, source: Path = Path("verbena.toml")) -> Config:
    """The configuration in TOML ``text``. Raises ``ConfigError``."""
    try:
        table = cast(Mapping[str, object], tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source} is not TOML: {error}") from error
    top: dict[str, object] = {}
    sections: dict[str, object] = {}
    for name, value in table.items():
        if name in SECTIONS:
            if not isinstance(value, dict):
                raise ConfigError(f"[{name}] is a section, not a value")
            sections[name] = _submission(value) if name == "submission" else _section(SECTIONS[name], value, f"{name}.")
        else:
            top[name] = value
    values = _values(Config, top, "", keys_of(Config))
    config = _build(Config, {**values, **sections, "source": source})
    _check_whole(config)
    return config


def _submission(table: Mapping[str, object]) -> Submission:
    plain = {name: value for name, value in table.items() if name != "trusted"}
    section = _section(Submission, plain, "submission.")
    tables = table.get("trusted", {})
    if not isinstance(tables, dict):
        raise ConfigError('submission.trusted is a section for each server: [submission.trusted."NAME"]')
    trusted: list[Trusted] = []
    for name, value in tables.items():
        where = f'submission.trusted."{name}"'
        if not isinstance(value, dict):
            raise ConfigError(f"[{where}] is a section, not a value")
        if name not in section.trusted_imap:
            raise ConfigError(f"[{where}]: put {name!r} into submission.trusted_imap too")
        trusted.append(replace(_section(Trusted, value, f"{where}."), name=name))
    return replace(section, trusted=tuple(trusted))


def _check_whole(config: Config) -> None:
    for name in config.submission.trusted_imap:
        found = next((one for one in config.submission.trusted if one.name == name), None)
        if found is None or not found.user or (found.password is None) == (found.password_file is None):
            where = f'[submission.trusted."{name}"]'
            raise ConfigError(
                f"submission.trusted_imap names {name!r}: {where} needs user, and password or password_file"
            )
    for name in (config.hostname, *config.domains):
        if not _NAME.fullmatch(name):
            raise ConfigError(f'"{name}" is no name of a host or domain: write one such as "mail.example.org"')
    if config.contact is not None and not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+", config.contact):
        raise ConfigError(f'contact = "{config.contact}": write a URI such as "mailto:postmaster@example.org"')
    if (config.tls.certificate is None) != (config.tls.key is None):
        raise ConfigError("tls.certificate and tls.key come together: give both or neither")
    for item in fields(Listen):
        for address in cast(tuple[str, ...], getattr(config.listen, item.name)):
            parse_address(address, f"listen.{item.name}")


def parse_address(text: str, key: str) -> tuple[str, int]:
    """``host:port``, ``[v6]:port`` or ``unix:/path`` as (host, port); a path has port 0. Raises ``ConfigError``."""
    if text.startswith("unix:/"):
        return text.removeprefix("unix:"), 0
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535 or not host:
        raise ConfigError(f'{key} = "{text}": write "host:port", "[IPv6]:port" or "unix:/path"')
    return host.strip("[]"), int(port)


def _section(kind: type[T], table: Mapping[str, object], prefix: str) -> T:
    return _build(kind, _values(kind, table, prefix, keys_of(kind)))


def keys_of(kind: type[object]) -> list[str]:
    """The keys of a section; fields without a description are none."""
    return [item.name for item in fields(cast("type[Config]", kind)) if "setting" in item.metadata]


def _build(kind: type[T], values: Mapping[str, object]) -> T:
    return kind(**values)


def _values(kind: type[object], table: Mapping[str, object], prefix: str, known: list[str]) -> dict[str, object]:
    hints = get_type_hints(kind)
    settings = {item.name: item for item in fields(cast("type[Config]", kind))}
    values: dict[str, object] = {}
    for name, value in table.items():
        if name not in known:
            raise ConfigError(_unknown(name, prefix, known))
        values[name] = _value(value, hints[name], setting_of(settings[name]), prefix + name)
    return values


def _unknown(name: str, prefix: str, known: list[str]) -> str:
    where = f"[{prefix[:-1]}] " if prefix else ""
    near = difflib.get_close_matches(name, known if prefix else [*known, *SECTIONS], 1)
    if near:
        return f"{where}has no key {name!r}: did you mean {near[0]!r}?"
    for section, kind in SECTIONS.items():
        if name in keys_of(kind):
            return f"{where}has no key {name!r}: it belongs in [{section}]"
    return f"{where}has no key {name!r}; known: {', '.join(known)}".lstrip()


def _value(value: object, kind: object, setting: Setting, key: str) -> object:
    if kind is bool:
        if isinstance(value, bool):
            return value
        raise ConfigError(f"{key} is true or false, not {value!r}")
    if kind is int:
        return _number(value, setting, key)
    if kind == tuple[str, ...]:
        items = value if isinstance(value, list) else [value]
        return tuple(_string(item, setting, key) for item in items)
    return _string(value, setting, key)


def _string(value: object, setting: Setting, key: str) -> str:
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{key} is a text in quotes, not {value!r}")
    if setting.choices and value not in setting.choices:
        raise ConfigError(f"{key} is one of {', '.join(setting.choices)}, not {value!r}")
    return value


def _number(value: object, setting: Setting, key: str) -> int:
    number = parse_size(value) if setting.unit == "octets" and isinstance(value, str) else value
    if not isinstance(number, int) or isinstance(number, bool):
        raise ConfigError(f"{key} is a whole number of {setting.unit}, not {value!r}")
    if (setting.low is not None and number < setting.low) or (setting.high is not None and number > setting.high):
        raise ConfigError(f"{key} = {value} is out of bounds: {setting.low} to {setting.high} {setting.unit}")
    return number


def parse_size(text: str) -> int | None:
    """``"100 MiB"`` in octets; None when it is no size."""
    digits = text.rstrip("KMGiB ").strip()
    unit = text[len(digits) :].strip()
    if not digits.isdecimal() or unit not in _SIZE_UNITS:
        return None
    return int(digits) * _SIZE_UNITS[unit]


def default_of(item: "Field[object]") -> object:
    """A field's default, also when a factory makes it."""
    if item.default is not MISSING:
        return item.default
    return cast("type[object]", item.default_factory)()
