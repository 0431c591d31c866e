-- The archive in ClickHouse, version 1. What a person queries are records, touched and the view sessions; blocks and spans are
-- how the record is proved. Statements end in a semicolon at the end of a line; each can run twice.
--
-- Each table is a ReplacingMergeTree whose sorting key names a row: what a follower sends a second time is the same row, and
-- goes when parts merge. So read with FINAL, or LIMIT 1 BY the key. The deduplication window only saves that work.
--
-- Ids of sessions are UUIDs of version 7 as 16 bytes, which sort by time (a column of type UUID would not). To read one:
--   SELECT toUUID(hex(session)) ...      to write one: session = unhex('01931b5e7c1a7f3e8a4b0123456789ab')

-- What version this is, and what else the gateways must agree on.
CREATE TABLE IF NOT EXISTS meta
(
    key   String,
    value UInt64
)
ENGINE = ReplacingMergeTree ORDER BY (key, value);

-- One row for each record. Columns are named as the search language's fields; what isn't told is empty or 0.
CREATE TABLE IF NOT EXISTS records
(
    session     FixedString(16)         CODEC(ZSTD(1)),
    seq         UInt64                  CODEC(Delta, ZSTD(1)),  -- 0, 1, 2 ... in the session: a gap is proof of loss
    of          UInt64                  CODEC(Delta, ZSTD(1)),  -- seq of the record that this one answers or builds on
    at          DateTime64(9, 'UTC')    CODEC(Delta, ZSTD(1)),  -- wall clock; the order is seq
    took        Int64                   CODEC(T64, ZSTD(1)),    -- nanoseconds
    rows        UInt64                  CODEC(T64, ZSTD(1)),    -- result: returned or affected
    bytes       UInt64                  CODEC(T64, ZSTD(1)),    -- result: of rows or COPY; data: where in the value
    length      UInt64                  CODEC(T64, ZSTD(1)),    -- of a whole value that isn't kept whole here
    stream      UInt32                  CODEC(T64, ZSTD(1)),    -- SSH channel
    epoch       UInt32                  CODEC(T64, ZSTD(1)),    -- policy in force
    kind        LowCardinality(String)  CODEC(ZSTD(1)),         -- open join query parse bind execute result ...
    verdict     LowCardinality(String)  CODEC(ZSTD(1)),         -- none allow deny
    outcome     LowCardinality(String)  CODEC(ZSTD(1)),         -- none done failed refused skipped cancelled unknown
    flags       UInt32                  CODEC(T64, ZSTD(1)),    -- 1 more, 2 masked, 4 unread, 8 suspended, 16 simple, 32 stderr
    code        LowCardinality(String)  CODEC(ZSTD(1)),         -- SQLSTATE or another code of the protocol
    insert_id   UInt64                  CODEC(T64, ZSTD(1)),
    warnings    UInt64                  CODEC(T64, ZSTD(1)),
    text        String                  CODEC(ZSTD(1)),         -- statement, command, command tag, value
    params      Array(String)           CODEC(ZSTD(1)),         -- parameters as a person writes them
    params_raw  Array(String)           CODEC(ZSTD(1)),         -- the protocol's bytes, where they are others; else empty
    params_type Array(UInt32)           CODEC(ZSTD(1)),         -- the protocol's type numbers
    params_form Array(UInt16)           CODEC(ZSTD(1)),         -- 0 text, 1 PostgreSQL's binary, 2 MySQL's; +256 NULL; +512 see params_raw
    name        String                  CODEC(ZSTD(1)),         -- prepared statement; state: the setting
    portal      String                  CODEC(ZSTD(1)),
    message     String                  CODEC(ZSTD(1)),         -- error or notice
    hash        String                  CODEC(ZSTD(1)),         -- SHA-256 of content that is counted and not kept
    digest      UInt64                  CODEC(ZSTD(1)),         -- of the statement without its literals
    rule        LowCardinality(String)  CODEC(ZSTD(1)),         -- of the policy that decided
    actions     Array(String)           CODEC(ZSTD(1)),         -- select, insert, ...
    tables      Array(String)           CODEC(ZSTD(1)),
    columns     Array(String)           CODEC(ZSTD(1)),
    -- Of a session's open and join alone:
    user        String                  CODEC(ZSTD(1)),
    account     String                  CODEC(ZSTD(1)),
    target      String                  CODEC(ZSTD(1)),
    database    String                  CODEC(ZSTD(1)),
    protocol    String                  CODEC(ZSTD(1)),
    client      String                  CODEC(ZSTD(1)),
    app         String                  CODEC(ZSTD(1)),
    tls         String                  CODEC(ZSTD(1)),
    gateway     String                  CODEC(ZSTD(1)),
    build       String                  CODEC(ZSTD(1)),
    config      String                  CODEC(ZSTD(1)),
    policy      String                  CODEC(ZSTD(1)),
    credential  String                  CODEC(ZSTD(1)),
    peer        String                  CODEC(ZSTD(1)),
    pid         UInt64                  CODEC(T64, ZSTD(1)),
    version     String                  CODEC(ZSTD(1)),
    parent      FixedString(16)         CODEC(ZSTD(1)),
    -- What is proved with:
    erased      String                  CODEC(ZSTD(1)),         -- the commitment to a payload that was erased
    block       UInt64                  CODEC(ZSTD(1)),         -- the batch it came in, see blocks
    place       UInt32                  CODEC(Delta, ZSTD(1)),  -- and where in it
    -- All that was said, in lower case: WHERE hasToken(said, 'zebra') uses the index. Words end at anything but letters and digits.
    said        String ALIAS lower(concatWithSeparator(' ', code, text, arrayStringConcat(params, ' '), arrayStringConcat(params_raw, ' '),
                    name, portal, message, rule, arrayStringConcat(actions, ' '), arrayStringConcat(tables, ' '), arrayStringConcat(columns, ' '),
                    user, account, target, database, protocol, client, app, tls, gateway, build, config, policy, credential, peer, version)),
    INDEX words said TYPE text(tokenizer = 'splitByNonAlpha') GRANULARITY 1,
    INDEX digests digest TYPE bloom_filter GRANULARITY 1,
    INDEX times at TYPE minmax GRANULARITY 1,
    INDEX batches block TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (session, seq)
SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1;

-- One row for each table and column that a statement names: who read customers.ssn? When, and how many rows, stands in records.
CREATE TABLE IF NOT EXISTS touched
(
    what    LowCardinality(String)  CODEC(ZSTD(1)),         -- table, column
    name    String                  CODEC(ZSTD(1)),         -- as the statement writes it, lower case where not quoted
    day     Date                    CODEC(Delta, ZSTD(1)),  -- UTC
    session FixedString(16)         CODEC(ZSTD(1)),
    seq     UInt64                  CODEC(Delta, ZSTD(1)),
    actions Array(String)           CODEC(ZSTD(1)),
    verdict LowCardinality(String)  CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (what, name, day, session, seq)
SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1;

-- One row for each batch: a run of a gateway's journal. What isn't listed here is still on its way.
CREATE TABLE IF NOT EXISTS blocks
(
    writer   String,                -- the gateway's name
    block    UInt64,                -- journal position of its first record
    end      UInt64,                -- and behind its last: where the next begins
    first    DateTime64(9, 'UTC'),  -- the earliest record in it
    last     DateTime64(9, 'UTC'),
    count    UInt32,                -- records
    raw      UInt32,                -- bytes of them, encoded
    kinds    UInt64,                -- a bit for each kind in it
    sessions UInt32,
    sorted   UInt8,                 -- session by session; 0: in the journal's order
    sum      FixedString(32)        -- SHA-256 of its records, encoded, in their order
)
ENGINE = ReplacingMergeTree
ORDER BY (writer, block)
SETTINGS non_replicated_deduplication_window = 1000;

-- One row for each session in each batch: how far its chain got, and what its open, join and close said.
CREATE TABLE IF NOT EXISTS spans
(
    session  FixedString(16),
    first    UInt64,                -- seq
    last     UInt64,
    writer   LowCardinality(String),
    block    UInt64,
    before   FixedString(32),       -- chain values
    after    FixedString(32),
    secret   String,                -- the salts come from it: GRANT SELECT on this column to nobody who reads records
    since    DateTime64(9, 'UTC'),  -- the batch's earliest record
    until    DateTime64(9, 'UTC'),  -- and its latest
    began    DateTime64(9, 'UTC'),  -- the session's first record in the batch
    actions  UInt32,
    told     UInt8,                 -- 1 its open, 2 its join, 4 its close are in the batch
    user     LowCardinality(String),
    account  LowCardinality(String),
    target   LowCardinality(String),
    database LowCardinality(String),
    protocol LowCardinality(String),
    client   String,
    app      LowCardinality(String),
    pid      UInt64,
    parent   FixedString(16),
    opened   DateTime64(9, 'UTC'),
    closed   DateTime64(9, 'UTC'),
    outcome  LowCardinality(String),
    verdict  LowCardinality(String),
    message  String,
    INDEX batches block TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
ORDER BY (session, first)
SETTINGS non_replicated_deduplication_window = 1000;

-- One row for each session, as gatefold search shows it. closed is 1970 while it is open.
CREATE VIEW IF NOT EXISTS sessions AS
SELECT session, s_user AS user, s_account AS account, s_target AS target, s_database AS database, s_protocol AS protocol,
    s_client AS client, s_app AS app, s_pid AS pid, s_parent AS parent, s_opened AS opened, s_closed AS closed,
    s_outcome AS outcome, s_verdict AS verdict, s_message AS message, s_actions AS actions, s_last AS last_seq
FROM
(
    SELECT session,
        argMaxIf(user, first, bitTest(told, 0)) AS s_user,
        argMaxIf(account, first, account != '') AS s_account,
        argMaxIf(target, first, target != '') AS s_target,
        argMaxIf(database, first, database != '') AS s_database,
        argMaxIf(protocol, first, bitTest(told, 0)) AS s_protocol,
        argMaxIf(client, first, bitTest(told, 0)) AS s_client,
        argMaxIf(app, first, bitTest(told, 0)) AS s_app,
        argMaxIf(pid, first, bitTest(told, 1)) AS s_pid,
        argMaxIf(parent, first, bitTest(told, 0)) AS s_parent,
        if(countIf(bitTest(told, 0)) > 0, maxIf(opened, bitTest(told, 0)), min(began)) AS s_opened,
        maxIf(closed, bitTest(told, 2)) AS s_closed,
        argMaxIf(outcome, first, bitTest(told, 2)) AS s_outcome,
        argMaxIf(verdict, first, verdict != 'none') AS s_verdict,
        argMaxIf(message, first, bitTest(told, 2)) AS s_message,
        toUInt64(sum(actions)) AS s_actions,
        max(last) AS s_last
    FROM spans FINAL
    GROUP BY session
);
