-- Written by gatefold export --format sql, for MySQL's client: mysql --binary-mode < this. What was not done, or can't be
-- done again from the record, is commented out, with the reason. sql_mode is set where the record tells of it.

-- session 01a2076b-4400-7001-8101-010101010101
-- eve as app on wares/shop, from 2026-11-23T08:00:00Z
SET NAMES utf8mb4;
USE `shop`;
SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION';

-- #4 2026-11-23 08:00:00.005, done, 1.2 ms
-- not written: system would be a command of the client's own
-- system rm -rf /

-- #6 2026-11-23 08:00:00.007, done, 1.2 ms
-- not written: source would be a command of the client's own
-- /* x */ -- y
-- 	SOURCE /etc/passwd

-- #8 2026-11-23 08:00:00.009, done, 1.2 ms
-- not written: a backslash stands outside quotes
-- SELECT 1 \! reboot
-- 

-- #10 2026-11-23 08:00:00.011, done, 1.2 ms
-- not written: something in it is not closed
-- SELECT 'not closed

-- #12 2026-11-23 08:00:00.013, done, 1.2 ms
SELECT 1 AS delimiter	FROM t;

-- #14 2026-11-23 08:00:00.015, done, 1.2 ms
DELIMITER ///
CREATE PROCEDURE p() BEGIN SELECT 1; SELECT '//'; END
///
DELIMITER ;

-- #16 2026-11-23 08:00:00.017, done, 1.2 ms
DELIMITER //
SELECT 1; SELECT 2;
//
DELIMITER ;

-- #18 2026-11-23 08:00:00.019, done, 1.2 ms
SELECT _utf8mb4 X'611b5b324a2762';

-- #20 2026-11-23 08:00:00.021, done, 1.2 ms
-- not written: a control character stands in a quoted name
-- SELECT /*! 1 */ `a\x1b`

-- #22 2026-11-23 08:00:00.023, done, 1.2 ms
SELECT 1 -- a\x1b[2J
;

-- #25 2026-11-23 08:00:00.026, done, 1.2 ms
-- not written: a parameter stands in a comment that is code to some servers
-- SELECT ?, /*!50000 ? */ 1
--   ?1 = 'a'
--   ?2 = 'b'

-- #28 2026-11-23 08:00:00.029, done, 1.2 ms
-- not written: it has 2 parameters, and the record 1
-- SELECT ?, ?
--   ?1 = 'a'

-- #30 2026-11-23 08:00:00.031, done, 1.2 ms
-- not written: a parameter: it is not of its type's length
-- SELECT ?, ?
--   ?1 = 'a'
--   ?2 = '\x78'

-- #33 2026-11-23 08:00:00.034, done, 1.2 ms
-- not written: its parameters are not whole in the record
-- SELECT ?, ?
--   ?1 = 'only the begin'
--   ?2 = ''

-- #35 2026-11-23 08:00:00.036, done, 1.2 ms
-- not written: it has 2 parameters, and the record 3
-- SELECT ?, ?
--   ?1 = ''
--   ?2 = ''
--   ?3 = ''

-- #37 2026-11-23 08:00:00.038, done, 1.2 ms
USE `a``b`;

-- #39 2026-11-23 08:00:00.040, done, 1.2 ms
-- not written: USE of a schema: a control character stands in a name

-- #41 2026-11-23 08:00:00.042, failed: 42000 Unknown database
-- USE `nowhere`;

-- #43 2026-11-23 08:00:00.044, done, 1.2 ms
-- not written: this is a command of the protocol, and no statement: (reset_connection)

-- #46 2026-11-23 08:00:00.047, done, 1.2 ms
-- not written: it was sent in latin1
-- SELECT 'é'

-- #49 2026-11-23 08:00:00.050, done, 1.2 ms
SELECT _latin1 X'636166e9';

-- #52 2026-11-23 08:00:00.053, done, 1.2 ms
-- not written: which sql_mode it was read with, which its backslashes depend on, is not in the record
-- SELECT 'a\\b'

-- session 01a2076b-4437-7002-8202-020202020202
-- eve2 as app on orders/shop, from 2026-11-23T08:00:00Z

-- #2 2026-11-23 08:00:00.058, done, 1 row, 1.2 ms
-- not written: this is no MySQL
-- select 'postgres'
