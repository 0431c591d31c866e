-- Written by gatefold export --format sql. What was not done, or can't be done again from the record, is commented out,
-- with the reason. A text of several statements runs one by one here; it was one transaction. What a pipeline had done
-- before an error in it was undone with it: that is not known here.
SET standard_conforming_strings = on;
SET client_encoding = 'UTF8';

-- session 01a2076e-ed93-7003-8303-030303030303
-- carol as app on stock/shop, from 2026-11-23T08:04:00Z

-- #2 2026-11-23 08:04:00.022, done, 0 rows, 1.2 ms
select giraffe from animals where x = 'okapi';
