-- Written by gatefold export --format sql. What was not done, or can't be done again from the record, is commented out,
-- with the reason. A text of several statements runs one by one here; it was one transaction. What a pipeline had done
-- before an error in it was undone with it: that is not known here.
SET standard_conforming_strings = on;
SET client_encoding = 'UTF8';

-- session 01a2076b-4400-7001-8101-010101010101
-- alice as app on orders/shop, from 2026-11-23T08:00:00Z

-- #2 2026-11-23 08:00:00.003, done, 1 row, 1.2 ms
SELECT * FROM public.orders WHERE id = 42;

-- #4 2026-11-23 08:00:00.005, refused by no-salaries: 42501 the policy refuses this statement
-- select name, salary from salaries;

-- #6 2026-11-23 08:02:00.012, failed: 40P01 deadlock detected, 1.0 ms
-- update orders set note = 'x' where id = 42;
