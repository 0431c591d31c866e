-- Written by gatefold export --format sql, for MySQL's client: mysql --binary-mode < this. What was not done, or can't be
-- done again from the record, is commented out, with the reason. sql_mode is set where the record tells of it.

-- session 01a2076c-2e74-7002-8202-020202020202
-- erin as app on wares, from 2026-11-23T08:01:00Z
SET NAMES utf8mb4;
SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION';

-- #4 2026-11-23 08:01:00.025, done, 1.2 ms
USE `shop`;

-- #6 2026-11-23 08:01:00.027, refused by no-deletes: 42501 the policy refuses this statement
-- DELETE FROM wares;

-- #8 2026-11-23 08:01:00.029, done, Rows matched: 1  Changed: 1  Warnings: 0, 2 rows, 1.2 ms
DELIMITER //
UPDATE wares SET price = 1 WHERE id = 7; SELECT ROW_COUNT()
//
DELIMITER ;

-- #10 2026-11-23 08:02:00.031, done, Records: 3  Deleted: 0  Skipped: 0  Warnings: 0, 3 rows, 1234 bytes of data, SHA-256 deadbeef0000000000000000..., 1.2 ms
-- not written: the data that it took is counted and hashed, not kept
-- LOAD DATA LOCAL INFILE 'people.csv' INTO TABLE people

-- #13 2026-11-23 08:02:00.034, cancelled: 70100 Query execution was interrupted, 3.0 s
-- SELECT SLEEP(3600);
