-- Written by gatefold export --format sql, for MySQL's client: mysql --binary-mode < this. What was not done, or can't be
-- done again from the record, is commented out, with the reason. sql_mode is set where the record tells of it.

-- session 01a2076b-4400-7001-8101-010101010101
-- alice as app on wares/shop, from 2026-11-23T08:00:00Z
SET NAMES utf8mb4;
USE `shop`;
SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION';

-- #5 2026-11-23 08:00:00.006, done, 1 row, insert id 4711, 2 warnings, 1.2 ms
INSERT INTO wares VALUES ((-2), 4294967295, (-1e-01), (-12.340), TIMESTAMP'2026-11-23 08:01:02.000003', TIME'-25:01:02', _utf8mb4'it''s a zoë', _utf8mb4 X'433a5c746d70', NULL, '?', "a?", `t?` /* ? */);

-- #14 2026-11-23 08:01:00.015, done, Rows matched: 1  Changed: 1  Warnings: 0, 1 row, 1.2 ms
UPDATE wares SET picture = _binary X'89504e470d0a1a0a00ff74686520656e64', note = 'a quagga in chalk' WHERE id = 7;

-- #17 2026-11-23 08:01:00.018, done, Records: 2  Duplicates: 0  Warnings: 0, 2 rows, insert id 9, 1.2 ms
INSERT INTO tags (ware, tag) VALUES (7, 'old');
INSERT INTO tags (ware, tag) VALUES (8, DEFAULT);
