CREATE TABLE IF NOT EXISTS object (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    created INTEGER NOT NULL,
    body TEXT NOT NULL,
    hidden TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX IF NOT EXISTS object_kind ON object (kind, seq);
CREATE INDEX IF NOT EXISTS object_payment_intent
    ON object (json_extract(body, '$.payment_intent'))
    WHERE json_extract(body, '$.payment_intent') IS NOT NULL;
CREATE INDEX IF NOT EXISTS object_charge
    ON object (json_extract(body, '$.charge'))
    WHERE json_extract(body, '$.charge') IS NOT NULL;

-- For the counts on the dashboard, which must stay quick beside a load test.
CREATE INDEX IF NOT EXISTS object_paid ON object (seq)
    WHERE kind = 'charge' AND json_extract(body, '$.paid');
CREATE INDEX IF NOT EXISTS object_open ON object (seq)
    WHERE kind = 'checkout.session' AND json_extract(body, '$.status') = 'open';
CREATE INDEX IF NOT EXISTS object_undelivered ON object (seq)
    WHERE kind = 'event' AND json_extract(body, '$.pending_webhooks') > 0;

CREATE TABLE IF NOT EXISTS setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- What is to happen when the clock gets there: a session expires, a direct debit settles.
CREATE TABLE IF NOT EXISTS timer (
    id INTEGER PRIMARY KEY,
    due REAL NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS timer_due ON timer (due);

-- One row for each event and endpoint; due is NULL once it needs no further attempt.
CREATE TABLE IF NOT EXISTS delivery (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',
    attempts INTEGER NOT NULL DEFAULT 0,
    due REAL
);
CREATE INDEX IF NOT EXISTS delivery_event ON delivery (event);
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (due) WHERE due IS NOT NULL;

CREATE TABLE IF NOT EXISTS attempt (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    delivery INTEGER NOT NULL REFERENCES delivery (id),
    at REAL NOT NULL,
    seconds REAL NOT NULL,
    status INTEGER,
    answer TEXT NOT NULL,
    fault TEXT
);
CREATE INDEX IF NOT EXISTS attempt_delivery ON attempt (delivery);

CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY,
    path TEXT NOT NULL,
    form TEXT NOT NULL,
    status INTEGER NOT NULL,
    body BLOB NOT NULL,
    request TEXT NOT NULL,
    at REAL NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS fault (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    body TEXT NOT NULL
);
