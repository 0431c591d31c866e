-- Written by gatefold export --format sql. What was not done, or can't be done again from the record, is commented out,
-- with the reason. A text of several statements runs one by one here; it was one transaction. What a pipeline had done
-- before an error in it was undone with it: that is not known here.
SET standard_conforming_strings = on;
SET client_encoding = 'UTF8';

-- session 01a2076b-4400-7001-8101-010101010101
-- eve as app on orders/shop, from 2026-11-23T08:00:00Z

-- #2 2026-11-23 08:00:00.003, done, 1 row, 1.2 ms
-- not written: a secret in it was masked
-- alter role x password '***'

-- #4 2026-11-23 08:00:00.005, done, 1 row, 1.2 ms
-- not written: its text was erased

-- #6 2026-11-23 08:00:00.007, done, 1 row, 1.2 ms
-- not written: its text is not in the record

-- #8 2026-11-23 08:00:00.009, done, 1 row, 1.2 ms
-- not written: its text is not whole in the record
-- select 'only the begin

-- #10 2026-11-23 08:00:00.011, done, 1 row, 1.2 ms
-- not written: something in it is not closed, or a backslash stands outside quotes
-- select 1 \! reboot\rdrop table orders;

-- #12 2026-11-23 08:00:00.013, refused by no: 42501 the policy refuses this statement
-- not written: something in it is not closed, or a backslash stands outside quotes
-- select 1\rdrop table orders;
-- \! reboot\x1b[2J

-- #14 2026-11-23 08:00:00.015, done, 12 bytes of data, SHA-256 020202020202020202020202...
-- not written: the data that it took is counted and hashed, not kept
-- copy t from stdin

-- #16 2026-11-23 08:00:00.017, done, BEGIN, 1.2 ms
begin;

-- #18 2026-11-23 08:00:00.019, failed: 22012 division by zero, 1.0 ms
-- select 1/0;

-- #20 2026-11-23 08:00:00.021, done, ROLLBACK, 1.2 ms
-- commit;
ROLLBACK; -- the transaction had failed

-- #23 2026-11-23 08:00:00.024, done, 1 row, 1.2 ms
-- not written: it was read with standard_conforming_strings off, which its backslashes depend on
-- select 'a\'

-- #25 2026-11-23 08:00:00.026, done, 1 row, 1.2 ms
select 'b';

-- #29 2026-11-23 08:00:00.030, done, 1 row, 1.2 ms
-- not written: it was sent in LATIN1
-- select 'é'

-- #31 2026-11-23 08:00:00.032, done, 1.2 ms
-- not written: a call of a function by its number is no statement
-- 1234
--   $1 = 'x'

-- #35 2026-11-23 08:00:00.036, done, 1 row, 1.2 ms
-- not written: $2: it is a binary value of type 600, which is not known here
-- select $1, $2
--   $1 = 'a'
--   $2 = '\x01'

-- #38 2026-11-23 08:00:00.039, done, 10 rows, more to come
select 'a', 'b';

-- #40 2026-11-23 08:00:00.041, done, 10 rows, more to come
-- more rows of the same: it is not run again

-- #42 2026-11-23 08:00:00.043, done, 10 rows
-- more rows of the same: it is not run again

-- #44 2026-11-23 08:00:00.045, done, 1 row, 1.2 ms
select 'a', 'b';

-- #46 2026-11-23 08:00:00.047, no answer yet
-- select 'no answer';

-- records are missing: 3 records, the journal was full
