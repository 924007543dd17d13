-- One shard: the mail of the accounts that the directory puts here.
--
-- Every key and index begins with account_id, nothing refers across accounts, numbers come from counters in the
-- account's row: so the same tables can be spread over nodes. Times are whole seconds since 1970 (UTC) unless said.
-- Sets of UIDs ("packed") are pairs of 32-bit little-endian numbers, low and high end of each range.

CREATE TABLE account (
    account_id        INTEGER PRIMARY KEY NOT NULL, -- given by the directory
    modseq            INTEGER NOT NULL,  -- of the last change; taking the next one locks the account
    next_mailbox_id   INTEGER NOT NULL,
    next_content_id   INTEGER NOT NULL,
    next_queue_id     INTEGER NOT NULL,
    last_uidvalidity  INTEGER NOT NULL,  -- the largest ever given; the next is this + 1 or the time, whichever is larger
    log_floor         INTEGER NOT NULL,  -- changes up to this modseq may have been trimmed from the log
    messages          INTEGER NOT NULL,  -- rows of message
    size_octets       INTEGER NOT NULL,  -- of all messages, copies counted each
    quota_octets      INTEGER            -- none when NULL
);

CREATE TABLE mailbox (
    account_id      INTEGER NOT NULL,
    mailbox_id      INTEGER NOT NULL,
    name            TEXT    NOT NULL,    -- canonical: INBOX in capitals, levels parted by '/'
    selectable      INTEGER NOT NULL,    -- 0: a level that only holds others (\Noselect)
    special_use     TEXT,                -- RFC 6154 attribute, on one mailbox of an account at most
    uidvalidity     INTEGER NOT NULL,
    uidnext         INTEGER NOT NULL,
    highestmodseq   INTEGER NOT NULL,    -- of the last change to its messages, 1 when there was none
    first_recent    INTEGER NOT NULL,    -- messages from this UID on were shown to no session as \Recent
    keywords        TEXT    NOT NULL,    -- separated by a blank, in the order of their flag bits
    messages        INTEGER NOT NULL,
    unseen          INTEGER NOT NULL,    -- messages without \Seen
    deleted         INTEGER NOT NULL,    -- messages with \Deleted
    size_octets     INTEGER NOT NULL,
    urlauth_key     BLOB,                -- 32 random octets, made at first need (RFC 4467 section 7)
    PRIMARY KEY (account_id, mailbox_id)
) WITHOUT ROWID;

-- Finding a mailbox by name, and the names below a level.
CREATE UNIQUE INDEX mailbox_name ON mailbox (account_id, name);

-- Narrow on purpose: these rows are what flag edits rewrite and what packed columns are made from.
CREATE TABLE message (
    account_id  INTEGER NOT NULL,
    mailbox_id  INTEGER NOT NULL,
    uid         INTEGER NOT NULL,
    flags       INTEGER NOT NULL,        -- bits as in model.flags, keywords by the mailbox's list
    modseq      INTEGER NOT NULL,        -- of the last change of this message
    date        INTEGER NOT NULL,        -- INTERNALDATE
    zone        INTEGER NOT NULL,        -- its zone, minutes east of UTC
    size_octets INTEGER NOT NULL,
    content_id  INTEGER NOT NULL,
    PRIMARY KEY (account_id, mailbox_id, uid)
) WITHOUT ROWID;

-- Whether any message still has a content, when contents are collected.
CREATE INDEX message_content ON message (account_id, content_id);

-- What ingest found out; written once, never changed. The bytes are in content_data or in a file.
CREATE TABLE content_meta (
    account_id    INTEGER NOT NULL,
    content_id    INTEGER NOT NULL,
    size_octets   INTEGER NOT NULL,
    header_octets INTEGER NOT NULL,
    sent_at       INTEGER,               -- the Date field; NULL when it has none that can be read
    sent_zone     INTEGER NOT NULL,      -- its zone, minutes east of UTC
    envelope      BLOB NOT NULL,         -- as FETCH sends it
    body          BLOB NOT NULL,
    bodystructure BLOB NOT NULL,
    parts         BLOB NOT NULL,         -- offsets of the parts, mime.body.pack_parts
    PRIMARY KEY (account_id, content_id)
);

-- Bytes of small messages: one fsync for everything.
CREATE TABLE content_data (
    account_id INTEGER NOT NULL,
    content_id INTEGER NOT NULL,
    data       BLOB NOT NULL,
    PRIMARY KEY (account_id, content_id)
);

-- Bytes of larger ones: the name of a file under blobs/, which other accounts and shards may name too.
CREATE TABLE content_file (
    account_id INTEGER NOT NULL,
    content_id INTEGER NOT NULL,
    digest     BLOB NOT NULL,            -- SHA-256
    PRIMARY KEY (account_id, content_id)
) WITHOUT ROWID;

-- Contents that lost a message (or a queue entry): candidates for collection after a time of grace, in which
-- sessions that were not told of the expunge can still fetch them (RFC 2180 section 4.1).
CREATE TABLE freed (
    account_id INTEGER NOT NULL,
    modseq     INTEGER NOT NULL,         -- of the transaction, to tell rows of one second apart
    place      INTEGER NOT NULL,         -- within that transaction
    freed_at   INTEGER NOT NULL,
    contents   BLOB NOT NULL,            -- content ids, 64-bit little-endian
    PRIMARY KEY (account_id, modseq, place)
) WITHOUT ROWID;

-- What happened, in order; everything that follows an account reads it from here. Trimmed by age.
CREATE TABLE change (
    account_id INTEGER NOT NULL,
    modseq     INTEGER NOT NULL,
    place      INTEGER NOT NULL,         -- within the transaction
    made_at    INTEGER NOT NULL,
    kind       INTEGER NOT NULL,         -- store.changes.Kind
    mailbox_id INTEGER,
    uids       BLOB,                     -- packed; of Added, FlagsChanged, Expunged
    name       TEXT,                     -- of mailbox and subscription changes
    old_name   TEXT,                     -- of a rename
    PRIMARY KEY (account_id, modseq, place)
) WITHOUT ROWID;

-- UIDs that are gone, never forgotten while the mailbox lives (RFC 7162 section 3.2.7).
CREATE TABLE expunged (
    account_id INTEGER NOT NULL,
    mailbox_id INTEGER NOT NULL,
    modseq     INTEGER NOT NULL,
    uids       BLOB NOT NULL,            -- packed
    PRIMARY KEY (account_id, mailbox_id, modseq)
) WITHOUT ROWID;

CREATE TABLE subscription (
    account_id INTEGER NOT NULL,
    name       TEXT NOT NULL,            -- of a mailbox that may exist no longer
    PRIMARY KEY (account_id, name)
) WITHOUT ROWID;

-- A mailbox's message rows as packed columns, true at modseq. A cache: it may be old or missing, never wrong.
CREATE TABLE snapshot (
    account_id  INTEGER NOT NULL,
    mailbox_id  INTEGER NOT NULL,
    modseq      INTEGER NOT NULL,
    uidvalidity INTEGER NOT NULL,
    uidnext     INTEGER NOT NULL,
    messages    INTEGER NOT NULL,
    columns     BLOB NOT NULL,           -- store.columns.pack_columns
    PRIMARY KEY (account_id, mailbox_id)
);

-- Mail on its way out, in the shard of its sender.
CREATE TABLE outbox (
    account_id   INTEGER NOT NULL,
    queue_id     INTEGER NOT NULL,
    content_id   INTEGER NOT NULL,
    size_octets  INTEGER NOT NULL,
    queued_at    INTEGER NOT NULL,
    due_at       REAL    NOT NULL,       -- nobody claims it before
    leased_until REAL    NOT NULL,       -- a relay has it until then; 0 when none has
    attempts     INTEGER NOT NULL,       -- attempts settled
    sender       TEXT    NOT NULL,       -- '' for the null return path
    body         TEXT    NOT NULL,       -- 7BIT, 8BITMIME or BINARYMIME
    smtputf8     INTEGER NOT NULL,
    ret          TEXT,                   -- RFC 3461
    envid        BLOB,
    hold_until   INTEGER,                -- RFC 4865
    last_error   TEXT,
    PRIMARY KEY (account_id, queue_id)
) WITHOUT ROWID;

-- The recipients still to serve of each entry.
CREATE TABLE outbox_recipient (
    account_id INTEGER NOT NULL,
    queue_id   INTEGER NOT NULL,
    place      INTEGER NOT NULL,         -- in the order of RCPT
    address    TEXT NOT NULL,
    notify     TEXT NOT NULL,            -- separated by commas, '' when not given
    orcpt      BLOB,
    PRIMARY KEY (account_id, queue_id, place)
) WITHOUT ROWID;

-- Sieve scripts (RFC 5804); at most one of an account is active and filters its mail.
CREATE TABLE script (
    account_id  INTEGER NOT NULL,
    name        TEXT    NOT NULL,        -- RFC 5804 section 1.6, in NFC
    octets      BLOB    NOT NULL,        -- checked by the Sieve engine of the day it was put
    size_octets INTEGER NOT NULL,        -- of octets, so that a list need not read them
    active      INTEGER NOT NULL,
    modseq      INTEGER NOT NULL,        -- of the transaction that wrote these octets: no other script has it
    changed_at  INTEGER NOT NULL,        -- when that was
    PRIMARY KEY (account_id, name)
);

-- The active script, at each delivery; and that there is one at most.
CREATE UNIQUE INDEX script_active ON script (account_id) WHERE active = 1;

-- Annotations (RFC 5464). The server's shared ones are in the directory: all accounts see the same.
CREATE TABLE annotation (
    account_id INTEGER NOT NULL,
    mailbox_id INTEGER NOT NULL,         -- 0: of the server, private to this account
    entry      TEXT    NOT NULL,         -- in lower case, below /private or /shared
    value      BLOB    NOT NULL,
    PRIMARY KEY (account_id, mailbox_id, entry)
);

-- What an account remembers for a while on behalf of its scripts: whom vacation answered, which messages were here.
CREATE TABLE note (
    account_id   INTEGER NOT NULL,
    kind         INTEGER NOT NULL,       -- store.api.NoteKind
    key          BLOB    NOT NULL,       -- a hash of what is remembered, 32 octets
    forgotten_at INTEGER NOT NULL,       -- it counts no longer from then on
    PRIMARY KEY (account_id, kind, key)
) WITHOUT ROWID;

-- How many of a kind still count, and which are over.
CREATE INDEX note_forgotten ON note (account_id, kind, forgotten_at);
