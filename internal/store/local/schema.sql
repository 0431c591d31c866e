-- The archive's directory: what is in the blocks, for finding it. All of it can be built again from the blocks, but for
-- meta and gone. Positions, Seqs and bit sets are unsigned 64-bit numbers stored as two's complement.

CREATE TABLE meta (
  key   TEXT PRIMARY KEY, -- version: of this schema; start: position of the first block that retention has left
  value INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE blocks (
  pos    INTEGER PRIMARY KEY, -- journal position: the block's name
  "end"  INTEGER NOT NULL,    -- journal position of what follows
  gen    INTEGER NOT NULL,    -- how often it was rewritten: the second part of its file's name
  first  INTEGER NOT NULL,    -- earliest and latest record, unix nanoseconds
  last   INTEGER NOT NULL,
  count  INTEGER NOT NULL,    -- records
  raw    INTEGER NOT NULL,    -- bytes of the records before compression
  kinds  INTEGER NOT NULL,    -- 1 << kind
  bytes  INTEGER NOT NULL,    -- of the file
  sha256 BLOB NOT NULL,       -- of the file; of a block from version 3 on without its data, whose CRC is in the rest
  words  INTEGER NOT NULL,    -- where in the file the filter of words is, its bytes, and bits for each word
  size   INTEGER NOT NULL,
  hashes INTEGER NOT NULL
);

CREATE TABLE sessions (
  id       BLOB PRIMARY KEY,
  parent   BLOB NOT NULL,
  user     TEXT NOT NULL COLLATE NOCASE,
  account  TEXT NOT NULL COLLATE NOCASE,
  target   TEXT NOT NULL COLLATE NOCASE,
  database TEXT NOT NULL COLLATE NOCASE,
  protocol TEXT NOT NULL COLLATE NOCASE,
  client   TEXT NOT NULL,
  app      TEXT NOT NULL,
  pid      INTEGER NOT NULL,
  opened   INTEGER NOT NULL, -- unix nanoseconds
  closed   INTEGER NOT NULL, -- unix nanoseconds; 0: still open
  outcome  INTEGER NOT NULL,
  verdict  INTEGER NOT NULL,
  message  TEXT NOT NULL,
  last     INTEGER NOT NULL, -- Seq of the last record
  actions  INTEGER NOT NULL,
  head     BLOB NOT NULL,    -- chain value after the last record
  secret   BLOB NOT NULL,    -- what the salts of its payloads come from
  since    INTEGER NOT NULL, -- no record is earlier, none later, whatever the clock did: unix nanoseconds
  until    INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX sessions_opened ON sessions (opened);
CREATE INDEX sessions_open ON sessions (id) WHERE closed = 0;
CREATE INDEX sessions_user ON sessions (user, opened);
CREATE INDEX sessions_target ON sessions (target, opened);

CREATE TABLE spans (
  session BLOB NOT NULL,
  block   INTEGER NOT NULL,
  first   INTEGER NOT NULL, -- Seqs
  last    INTEGER NOT NULL,
  PRIMARY KEY (session, block)
) WITHOUT ROWID;

CREATE INDEX spans_block ON spans (block);

CREATE TABLE gone ( -- positions that retention took away whole
  pos   INTEGER PRIMARY KEY,
  "end" INTEGER NOT NULL
);
