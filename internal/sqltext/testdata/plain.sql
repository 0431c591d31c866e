-- Plain statements, for the comparison with Summary.
----
SELECT * FROM a JOIN b ON a.id = b.id LEFT JOIN c.d USING (id), LATERAL (SELECT max(x) FROM e WHERE e.y = a.y) s
----
SELECT a, (SELECT count(*) FROM b WHERE b.a = a.a) FROM a WHERE EXISTS (SELECT 1 FROM c) AND x IN (SELECT y FROM d)
----
SELECT a FROM t1 UNION ALL SELECT b FROM t2 EXCEPT SELECT c FROM t3 ORDER BY 1 LIMIT (SELECT lim FROM t4)
----
INSERT INTO a (x, y) VALUES (1, (SELECT max(z) FROM b))
----
INSERT INTO a SELECT lower(x) FROM b ON CONFLICT (x) DO UPDATE SET y = excluded.y WHERE a.z > (SELECT 1 FROM c)
----
UPDATE a SET x = b.x, y = now() FROM b JOIN c ON b.i = c.i WHERE a.id = b.id AND a.k = ANY (SELECT k FROM d)
----
DELETE FROM s.a USING s.b WHERE a.id = b.id RETURNING *, (SELECT 1 FROM e)
----
SELECT CASE WHEN x > (SELECT avg(y) FROM b) THEN coalesce(z, (SELECT w FROM c)) END FROM a GROUP BY x HAVING sum(y) > (SELECT 1 FROM d)
----
SELECT f(x) OVER (PARTITION BY y ORDER BY g(z)) FROM s."T.x" WINDOW w AS (ORDER BY h(1))
----
SELECT ARRAY(SELECT x FROM a), ROW((SELECT 1 FROM b)), (SELECT y FROM c)::int[] FROM generate_series(1, (SELECT n FROM d)) AS g
