-- From version 3 to 4: what is remembered for scripts.

CREATE TABLE note (
    account_id   INTEGER NOT NULL,
    kind         INTEGER NOT NULL,
    key          BLOB    NOT NULL,
    forgotten_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, kind, key)
) WITHOUT ROWID;

CREATE INDEX note_forgotten ON note (account_id, kind, forgotten_at);
