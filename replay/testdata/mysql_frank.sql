-- Written by gatefold export --format sql, for MySQL's client: mysql --binary-mode < this. What was not done, or can't be
-- done again from the record, is commented out, with the reason. sql_mode is set where the record tells of it.

-- session 01a2076e-0346-7003-8303-030303030303
-- frank as app on wares/shop, from 2026-11-23T08:03:00Z
SET NAMES utf8mb4;
USE `shop`;
SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION';

-- #5 2026-11-23 08:03:00.044, done, more to come, 1.2 ms
SELECT * FROM wares WHERE id > 10000;

-- #7 2026-11-23 08:03:00.046, done, 100 rows, more to come, 1.2 ms
-- more rows of the same: it is not run again

-- #9 2026-11-23 08:03:00.048, done, 20 rows, 1.2 ms
-- more rows of the same: it is not run again

-- #11 2026-11-23 08:03:00.050, done, 1.2 ms
-- not written: this is a command of the protocol, and no statement: (reset_connection)
SET SESSION sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES';

-- #14 2026-11-23 08:03:00.053, done, 1 row, 1.2 ms
SELECT "id" FROM wares WHERE path = 'C:\';
