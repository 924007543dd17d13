-- The directory: who has mail on this server. One file, server.db, read by every worker, written rarely.
-- Names are canonical: lower case, local parts in NFC, domains as A-labels. No table is keyed by a sequence.

-- Domains whose mail is delivered here, in the order in which they were added.
CREATE TABLE IF NOT EXISTS domain (
    domain      TEXT    NOT NULL PRIMARY KEY,
    position    INTEGER NOT NULL                -- the lowest wins when a login comes without its domain
) WITHOUT ROWID, STRICT;

-- Accounts. The login is local_part@domain; the domain need not be one of the domains above.
CREATE TABLE IF NOT EXISTS account (
    account_id  INTEGER NOT NULL PRIMARY KEY,
    local_part  TEXT    NOT NULL,
    domain      TEXT    NOT NULL,
    shard       INTEGER NOT NULL,               -- which shard file has its mail
    enabled     INTEGER NOT NULL DEFAULT 1,     -- 0: no login
    UNIQUE (local_part, domain)                 -- find_login, resolve_address
) STRICT;

-- Other addresses of accounts. An empty local part is the domain's catch-all. One address may go to several accounts.
CREATE TABLE IF NOT EXISTS alias (
    local_part  TEXT    NOT NULL,
    domain      TEXT    NOT NULL,
    account_id  INTEGER NOT NULL,
    PRIMARY KEY (domain, local_part, account_id)
) WITHOUT ROWID, STRICT;

CREATE INDEX IF NOT EXISTS alias_account ON alias (account_id);    -- remove_account

-- What is kept of a password: an argon2id hash for mechanisms that show it, SCRAM keys (RFC 5802 §3) for the others.
CREATE TABLE IF NOT EXISTS credential (
    account_id  INTEGER NOT NULL PRIMARY KEY,
    argon2      TEXT    NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS scram (
    account_id  INTEGER NOT NULL,
    hash_name   TEXT    NOT NULL,               -- SHA-1, SHA-256
    salt        BLOB    NOT NULL,
    iterations  INTEGER NOT NULL,
    stored_key  BLOB    NOT NULL,
    server_key  BLOB    NOT NULL,
    PRIMARY KEY (account_id, hash_name)
) WITHOUT ROWID, STRICT;

-- Random keys of this server by purpose, 32 octets each, made when the file is.
CREATE TABLE IF NOT EXISTS secret (
    purpose     TEXT    NOT NULL PRIMARY KEY,
    octets      BLOB    NOT NULL
) WITHOUT ROWID, STRICT;

-- Shared annotations of the server (RFC 5464 §3.2.1.1), which all accounts see; /shared/admin is in the configuration.
CREATE TABLE IF NOT EXISTS annotation (
    entry       TEXT    NOT NULL PRIMARY KEY,   -- in lower case, below /shared
    value       BLOB    NOT NULL
) WITHOUT ROWID, STRICT;

-- Numbers that are given out once.
CREATE TABLE IF NOT EXISTS counter (
    name        TEXT    NOT NULL PRIMARY KEY,
    next        INTEGER NOT NULL
) WITHOUT ROWID, STRICT;

INSERT OR IGNORE INTO counter (name, next) VALUES ('account_id', 1);
