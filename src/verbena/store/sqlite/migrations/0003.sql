-- From version 2 to 3: annotations.

CREATE TABLE annotation (
    account_id INTEGER NOT NULL,
    mailbox_id INTEGER NOT NULL,
    entry      TEXT    NOT NULL,
    value      BLOB    NOT NULL,
    PRIMARY KEY (account_id, mailbox_id, entry)
);
