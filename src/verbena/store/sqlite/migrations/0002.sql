-- From version 1 to 2: Sieve scripts.

CREATE TABLE script (
    account_id  INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    octets      BLOB    NOT NULL,
    size_octets INTEGER NOT NULL,
    active      INTEGER NOT NULL,
    modseq      INTEGER NOT NULL,
    changed_at  INTEGER NOT NULL,
    PRIMARY KEY (account_id, name)
);
CREATE UNIQUE INDEX script_active ON script (account_id) WHERE active = 1;
