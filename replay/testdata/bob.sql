-- Written by gatefold export --format sql. What was not done, or can't be done again from the record, is commented out,
-- with the reason. A text of several statements runs one by one here; it was one transaction. What a pipeline had done
-- before an error in it was undone with it: that is not known here.
SET standard_conforming_strings = on;
SET client_encoding = 'UTF8';

-- session 01a2076b-4406-7002-8202-020202020202
-- bob as batch on orders/shop, from 2026-11-23T08:00:00Z

-- #4 2026-11-23 08:02:00.011, done, 1 row, 1.2 ms
INSERT INTO orders (customer, note) VALUES (4711, 'zebra crossing');

-- #7 2026-11-23 08:03:00.015, failed: 23502 null value in column "customer" violates not-null constraint, 1.0 ms
-- INSERT INTO orders (customer, note) VALUES (NULL::integer, 'later');
