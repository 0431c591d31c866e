-- Texts that touch more than a careless reader sees. Each is run on a real MariaDB.
----
/*M!100100 INSERT INTO secret VALUES (9, 9) */
----
SELECT v FROM /*!99999 ok -- */ secret
----
SELECT v FROM /*!999999 ok -- */ secret
----
SELECT 1 /*!50600 FROM secret */
----
SELECT 1 /*!50700 FROM secret */
----
SELECT 1 /*M!50700 , (SELECT max(v) FROM secret) */
----
/*!50600 DELETE FROM */ /*!99999 ok; SELECT 1 -- */ secret
----
EXECUTE IMMEDIATE 'DELETE FROM secret'
----
EXECUTE IMMEDIATE CONCAT('DELETE ', 'FROM secret')
----
SET @q = 'DELETE FROM secret'; PREPARE s FROM @q; EXECUTE s
----
PREPARE s FROM 'DELETE FROM secret'; EXECUTE s
----
HANDLER secret OPEN; HANDLER secret READ FIRST; HANDLER secret CLOSE
----
ANALYZE DELETE FROM secret
----
ANALYZE FORMAT=JSON UPDATE secret SET v = 7
----
BEGIN NOT ATOMIC DELETE FROM secret; END
----
BEGIN NOT ATOMIC SELECT 1; END; DELETE FROM secret
----
CREATE PROCEDURE p() SELECT 1 AS begin; DELETE FROM secret; SELECT 1 AS end
----
CREATE PROCEDURE p() BEGIN SELECT 1 AS begin; END; DELETE FROM secret; SELECT 1 AS end
----
CREATE PROCEDURE p() BEGIN SELECT CASE 1 WHEN 1 THEN 2 END; END; DELETE FROM secret
----
CREATE PROCEDURE p() BEGIN DECLARE CONTINUE HANDLER FOR NOT FOUND BEGIN END; SELECT 1; END; DELETE FROM secret
----
CREATE PROCEDURE p(begin INT) SELECT begin; DELETE FROM secret; SELECT 1 AS end
----
CREATE FUNCTION g() RETURNS INT RETURN 1; DELETE FROM secret
----
CREATE TRIGGER tr BEFORE INSERT ON ok FOR EACH ROW SET @a = 1; DELETE FROM secret
----
CREATE EVENT ev ON SCHEDULE EVERY 1 DAY DO SELECT 1; DELETE FROM secret
----
CREATE DEFINER = CURRENT_USER() PROCEDURE p() SELECT 1; DELETE FROM secret
----
CREATE OR REPLACE PROCEDURE p() NO SQL COMMENT 'begin' BEGIN END; DELETE FROM secret
----
IF 1 THEN DELETE FROM secret; END IF
----
x: LOOP DELETE FROM secret; LEAVE x; END LOOP
----
FOR i IN (SELECT v FROM secret) DO SELECT 1; END FOR
----
SELECT f()
----
SELECT a.f()
----
DO (SELECT count(*) FROM secret)
----
SET @x = (SELECT max(v) FROM secret)
----
SET @@session.max_statement_time = (SELECT max(v) FROM secret)
----
SET STATEMENT max_statement_time = 1 FOR DELETE FROM secret
----
SHOW VARIABLES WHERE variable_name = (SELECT max(v) FROM secret)
----
SHOW TABLES WHERE 1 = (SELECT max(v) FROM secret)
----
CALL nothing((SELECT max(v) FROM secret))
----
KILL (SELECT max(v) + 1000000 FROM secret)
----
DELETE FROM ok WHERE id = 1 RETURNING (SELECT max(v) FROM secret)
----
INSERT INTO ok VALUES (7, 7) RETURNING (SELECT max(v) FROM secret)
----
REPLACE INTO ok VALUES (1, 1) RETURNING (SELECT max(v) FROM secret)
----
WITH secret AS (SELECT 1) SELECT * FROM secret, b.secret
----
WITH ok AS (SELECT * FROM secret), secret AS (SELECT 1) SELECT * FROM ok
----
WITH SECRET AS (SELECT 1) SELECT * FROM secret
----
SELECT * FROM (WITH secret AS (SELECT 1) SELECT * FROM secret) s, secret
----
SELECT (WITH secret AS (SELECT 1 AS v) SELECT max(v) FROM secret), max(v) FROM secret
----
WITH x AS (SELECT * FROM ok) SELECT * FROM x WHERE EXISTS (SELECT * FROM secret)
----
DELETE ok FROM ok AS secret JOIN secret AS ok USING (id)
----
DELETE FROM a USING secret AS a JOIN ok AS b ON a.id = b.id
----
UPDATE ok AS secret, secret AS ok SET ok.v = 9
----
UPDATE ok NATURAL JOIN secret SET v = 9
----
UPDATE ok JOIN secret USING (id) SET secret.v = 9 WHERE ok.id = 1
----
UPDATE ok, (SELECT max(v) AS m FROM secret) s SET v = m
----
INSERT INTO ok (id, v) SELECT 9, 9 ON DUPLICATE KEY UPDATE v = (SELECT max(v) FROM secret)
----
INSERT INTO ok SET id = 8, v = (SELECT max(v) FROM secret)
----
SELECT 'a\' FROM ok -- ', v FROM secret
----
SELECT 'a\\' , v FROM secret -- '
----
-- mode NO_BACKSLASH_ESCAPES
SELECT 'a\', v FROM secret -- '
----
-- mode NO_BACKSLASH_ESCAPES
SELECT 'a\' FROM ok -- ', v FROM secret
----
-- mode ANSI_QUOTES
SELECT v FROM "secret"
----
SELECT "v FROM secret"
----
-- mode ANSI_QUOTES
SELECT "id\" FROM ok -- ", v FROM secret
----
-- mode ANSI_QUOTES
SELECT '"', v FROM "secret" -- "
----
SELECT `id` `FROM ok -- ` FROM secret
----
SELECT '''', v FROM secret -- '
----
SELECT "'", v FROM secret -- '
----
SELECT 1 --1 FROM ok
FROM secret
----
SELECT 1 -- 1 FROM ok
FROM secret
----
SELECT 1 # FROM ok
FROM secret
----
SELECT 1 /* FROM ok /* */ FROM secret /* */
----
SELECT N'x' 'y', _utf8'z', x'31', b'1', 0x31, v FROM secret
----
SELECT v AS`x`FROM`secret`
----
SELECT v FROM a.secret
----
SELECT v FROM a . secret
----
SELECT v FROM `a`.`secret`
----
SELECT v FROM `a` . `secret`
----
SELECT secret.* FROM secret
----
TABLE secret
----
VALUES (1), ((SELECT max(v) FROM secret))
----
(SELECT v FROM ok) UNION (SELECT v FROM secret)
----
SELECT v FROM ok UNION SELECT v FROM secret INTO @z
----
SELECT v FROM ok EXCEPT SELECT v FROM secret
----
SELECT v INTO @z FROM secret LIMIT 1
----
SELECT v FROM ok WHERE v IN (SELECT v FROM secret) FOR UPDATE
----
SELECT v FROM ok LIMIT 1 PROCEDURE ANALYSE()
----
SELECT {x (SELECT max(v) FROM secret)}
----
SELECT {fn max(v)} FROM secret
----
SELECT v FROM {oj ok LEFT JOIN secret USING (id)}
----
SELECT v FROM (secret)
----
SELECT v FROM (ok, secret) LIMIT 1
----
SELECT 1 FROM ok STRAIGHT_JOIN secret
----
SELECT (((SELECT max(v) FROM secret)))
----
SELECT v FROM ok ORDER BY (SELECT max(v) FROM secret)
----
SELECT v FROM ok GROUP BY v HAVING v > (SELECT min(v) FROM secret)
----
SELECT max(v) OVER (PARTITION BY (SELECT max(v) FROM secret)) FROM ok
----
SELECT CASE WHEN EXISTS (SELECT 1 FROM secret) THEN 1 END
----
SELECT 1 BETWEEN 0 AND (SELECT max(v) FROM secret)
----
SELECT INTERVAL (SELECT max(v) FROM secret) DAY + NOW()
----
SELECT CAST((SELECT max(v) FROM secret) AS CHAR)
----
SELECT CONVERT((SELECT max(v) FROM secret) USING latin1)
----
SELECT GROUP_CONCAT(v ORDER BY (SELECT max(v) FROM secret)) FROM ok
----
CREATE TABLE z SELECT * FROM secret
----
CREATE TABLE z AS (SELECT * FROM secret)
----
CREATE TABLE z (q UUID) SELECT * FROM secret
----
CREATE OR REPLACE TABLE secret (id INT)
----
CREATE TABLE z LIKE secret
----
CREATE TABLE z (id INT PRIMARY KEY, v INT) ENGINE=MERGE UNION=(secret)
----
CREATE VIEW w AS SELECT * FROM secret; SELECT * FROM w
----
CREATE TEMPORARY TABLE secret SELECT * FROM b.secret
----
ALTER TABLE secret RENAME TO zz
----
ALTER TABLE secret ADD COLUMN q INET6, DROP COLUMN v
----
RENAME TABLE secret TO zz, ok TO secret
----
DROP TABLE ok, secret
----
DROP DATABASE b
----
TRUNCATE secret
----
LOCK TABLES secret WRITE; DELETE FROM secret
----
USE b; DELETE FROM secret
----
USE b; SELECT v FROM secret
----
SET sql_mode = 'ANSI_QUOTES'; SELECT v FROM "secret"
----
SET sql_mode = 'NO_BACKSLASH_ESCAPES'; SELECT '\', v FROM secret -- '
----
SET sql_mode = CONCAT('ORA', 'CLE'); SELECT v FROM secret
----
SET sql_mode = 'ORACLE'; SELECT v FROM secret MINUS SELECT v FROM ok
----
PREPARE s FROM 'USE b'; EXECUTE s; DELETE FROM secret
----
EXECUTE IMMEDIATE 'USE b'; DELETE FROM secret
----
SET NAMES gbk; SELECT v FROM secret
----
CALL sys.nothing(); DELETE FROM secret
----
SELECT NEXT VALUE FOR seq, NEXTVAL(seq), LASTVAL(seq)
----
SELECT SETVAL(seq, 5)
----
EXPLAIN DELETE FROM secret
----
EXPLAIN SELECT * FROM ok WHERE v = (SELECT max(v) FROM secret)
----
EXPLAIN EXTENDED SELECT f()
----
DESCRIBE secret
----
DESC SELECT * FROM secret
----
CHECKSUM TABLE secret
----
CHECK TABLE ok, secret
----
OPTIMIZE TABLE secret
----
ANALYZE TABLE secret
----
SELECT * FROM ok FOR SYSTEM_TIME ALL, secret
----
SELECT v FROM ok PARTITION (p0), secret
----
SELECT 1 FROM dual WHERE EXISTS (TABLE secret)
----
SELECT * FROM JSON_TABLE((SELECT JSON_ARRAY(max(v)) FROM secret), '$[*]' COLUMNS (x INT PATH '$')) j
----
SELECT v FROM ok WHERE (id, v) IN (SELECT * FROM secret)
----
SELECT v FROM ok WHERE v = ANY (SELECT v FROM secret)
----
SELECT v FROM ok WHERE id IN ((SELECT max(v) FROM secret))
----
SELECT @a := (SELECT max(v) FROM secret)
----
SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = (SELECT max(v) FROM secret)
----
GET DIAGNOSTICS CONDITION (SELECT max(v) FROM secret) @m = MESSAGE_TEXT
----
HELP 'x'; DELETE FROM secret
----
FLUSH TABLES secret WITH READ LOCK; UNLOCK TABLES; DELETE FROM secret
----
SELECT VALUE(v) FROM secret
----
SELECT 1.e1, 1.0, .5e1, v FROM secret
----
SELECT 0xg FROM secret
----
SELECT charset('x') FROM secret
----
SELECT id charset, v collate utf8mb4_bin FROM secret
----
SELECT * FROM ok charset JOIN secret
----
SELECT * FROM ok AS charset STRAIGHT_JOIN secret
----
INSERT INTO ok VALUES (9, DEFAULT), (10, (SELECT max(v) FROM secret))
----
INSERT INTO ok (SELECT id + 20, v FROM secret)
----
INSERT INTO ok WITH c AS (SELECT * FROM secret) SELECT id + 20, v FROM c
----
INSERT INTO ok TABLE secret
----
REPLACE ok SELECT * FROM secret
----
INSERT ok VALUE (50, 1)
----
INSERT LOW_PRIORITY IGNORE INTO ok PARTITION (p) SELECT * FROM secret
----
DELETE QUICK FROM secret ORDER BY id LIMIT 1
----
DELETE a.secret FROM a.secret WHERE id = 1
----
DELETE FROM a.secret, ok USING a.secret, a.ok WHERE secret.id = ok.id
----
DELETE secret.* FROM secret JOIN ok USING (id)
----
UPDATE LOW_PRIORITY secret SET v = 1 ORDER BY id LIMIT 2
----
UPDATE ok SET v = (SELECT max(v) FROM secret) WHERE id = 1
----
SELECT/**/v/**/FROM/**/secret
----
select/*! v*/from/*!50600secret*/
----
SELECT v FROM ok; ; DELETE FROM secret
----
; DELETE FROM secret
----
XA START 'x'; DELETE FROM secret; XA END 'x'; XA ROLLBACK 'x'
----
START TRANSACTION; DELETE FROM secret; ROLLBACK
----
SELECT v FROM ok WHERE MATCH (v) AGAINST ((SELECT max(v) FROM secret))
----
SELECT JSON_VALUE((SELECT JSON_OBJECT('a', max(v)) FROM secret), '$.a')
----
SELECT v FROM ok USE INDEX (PRIMARY) JOIN secret FORCE INDEX (PRIMARY) USING (id)
----
SELECT v FROM ok WHERE v LIKE (SELECT max(v) FROM secret) ESCAPE '!'
----
SELECT v FROM ok WHERE v REGEXP (SELECT max(v) FROM secret)
----
SELECT TRIM(LEADING (SELECT max(v) FROM secret) FROM 'x')
----
SELECT EXTRACT(DAY FROM (SELECT max(v) FROM secret))
----
SELECT POSITION((SELECT max(v) FROM secret) IN 'x')
----
SELECT SUBSTRING('x' FROM (SELECT max(v) FROM secret) FOR 1)
----
SELECT DATE_ADD(NOW(), INTERVAL (SELECT max(v) FROM secret) DAY)
----
SELECT CHAR((SELECT max(v) FROM secret) USING utf8mb4)
----
SELECT v FROM ok FETCH FIRST 1 ROWS ONLY; DELETE FROM secret
----
SELECT v FROM ok OFFSET 1 ROWS FETCH NEXT 1 ROWS ONLY
----
SELECT DISTINCTROW SQL_NO_CACHE HIGH_PRIORITY v FROM secret
----
WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < (SELECT max(v) FROM secret)) SELECT * FROM c
----
WITH RECURSIVE secret AS (SELECT 1 AS v UNION SELECT v FROM a.secret) SELECT * FROM secret
----
WITH x AS (SELECT 1), y AS (WITH x AS (SELECT * FROM secret) SELECT * FROM x) SELECT * FROM x, y
----
WITH secret AS (SELECT 1 AS id) DELETE FROM secret
----
WITH secret AS (SELECT 1 AS id) SELECT * FROM ok WHERE id IN (SELECT id FROM secret)
----
WITH secret AS (SELECT 1 AS v) SELECT (SELECT max(v) FROM b.secret) FROM secret
----
WITH c AS (SELECT 1) (SELECT * FROM secret)
----
(WITH secret AS (SELECT 1) SELECT * FROM secret) UNION SELECT v FROM secret
----
SELECT * FROM ok WHERE id = (WITH secret AS (SELECT 1 AS id) SELECT id FROM secret) OR id IN (SELECT id FROM secret)
----
CREATE PROCEDURE p() BEGIN SELECT NOT found begin; END; DELETE FROM secret; SELECT 1 end
----
CREATE PROCEDURE p1() BEGIN SELECT SUBSTRING('x' FROM CASE 1 WHEN 1 THEN 1 END FOR 1); END; DELETE FROM secret; SELECT 1 end
----
CREATE PROCEDURE p2() BEGIN DECLARE begin CONDITION FOR 1234; DECLARE EXIT HANDLER FOR begin SELECT 1; END; DELETE FROM secret; SELECT 1 end
----
CREATE PROCEDURE p3() BEGIN begin: LOOP LEAVE begin; END LOOP; END; DELETE FROM secret; SELECT 1 end
----
CREATE PROCEDURE p4() BEGIN IF 1 THEN SELECT 1 AS begin; END IF; END; DELETE FROM secret; SELECT 1 end
----
CREATE PROCEDURE p5() BEGIN DECLARE end INT; SET end = 1; END; DELETE FROM secret
----
CREATE FUNCTION h() RETURNS INT BEGIN RETURN CASE WHEN 1 THEN 1 END; END; DELETE FROM secret
----
ALTER EVENT ev DISABLE; DO begin(1); DELETE FROM secret; SELECT 1 AS end
----
CREATE EVENT IF NOT EXISTS ev2 ON SCHEDULE AT NOW() + INTERVAL 1 DAY DO BEGIN END; DELETE FROM secret; SELECT 1 end
----
SELECT 1 /*! , 2 /*!999999 x */ , (SELECT max(v) FROM secret) */
----
SELECT 1 /*! , 2 /* x */ , (SELECT max(v) FROM secret) */
----
SELECT 1 /*! , 2 /*!50600 , 4 */ , (SELECT max(v) FROM secret) */
----
SELECT seq.nextval
----
CREATE PROCEDURE cdb() EXECUTE IMMEDIATE 'USE b'
----
CALL cdb(); SELECT v FROM secret
----
CALL cdb(); DELETE FROM secret
----
SELECT count(*) FROM secret
----
SELECT 1 FROM secret WHERE id = 1
----
INSERT INTO ok SELECT * FROM secret s ON DUPLICATE KEY UPDATE ok.v = s.v
----
SELECT * FROM ok, LATERAL (SELECT * FROM secret) l
----
SELECT `ſ`.v FROM secret AS `ſ`
----
SELECT v FROM secret AS é
----
WITH RECURSIVE c AS (SELECT 1 AS id UNION SELECT id FROM secret) CYCLE id RESTRICT SELECT * FROM c
----
SELECT v FROM ok LIMIT ROWS EXAMINED 5
----
DELETE FROM secret FOR PORTION OF p FROM '2000-01-01' TO '2001-01-01'
----
SELECT JSON_ARRAYAGG(v) FROM secret
----
CREATE OR REPLACE VIEW w2 AS SELECT * FROM ok; ALTER VIEW w2 AS SELECT * FROM secret; SELECT * FROM w2
----
PREPARE s FROM 'SELECT v FROM secret'; EXECUTE s
----
SET STATEMENT sql_mode = 'ANSI_QUOTES' FOR SELECT v FROM "secret"
----
SET STATEMENT max_statement_time = 5 FOR SELECT v FROM secret
----
EXECUTE IMMEDIATE 'SET STATEMENT max_statement_time = 5 FOR DELETE FROM secret'
----
EXECUTE IMMEDIATE 'BEGIN NOT ATOMIC DELETE FROM secret; END'
----
EXECUTE IMMEDIATE 'SELECT v FROM ok WHERE id = ?' USING (SELECT max(v) FROM secret)
----
HANDLER ok OPEN; HANDLER ok READ FIRST WHERE v = (SELECT max(v) FROM secret); HANDLER ok CLOSE
----
CHECK TABLE ok; SELECT v FROM secret
----
SELECT v FROM ok INTO OUTFILE '/nonexistent/x' FIELDS TERMINATED BY ',' LINES TERMINATED BY ';' ; DELETE FROM secret
----
SELECT 1 WHERE (SELECT max(v) FROM secret) > 1
----
SELECT CURRENT_USER, (SELECT max(v) FROM secret)
