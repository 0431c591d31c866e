What clients of MySQL and MariaDB ask by themselves, or when a person opens a tree of tables.
----
select @@version_comment limit 1
----
SELECT DATABASE()
----
select USER()
----
show databases
----
show tables
----
SELECT DATABASE(), USER() LIMIT 1
----
SELECT @@character_set_client, @@character_set_connection, @@character_set_server, @@character_set_database LIMIT 1
----
set autocommit=1, session_track_schema=1, sql_mode = concat(@@sql_mode,',STRICT_TRANS_TABLES')
----
SELECT @@max_allowed_packet,@@system_time_zone,@@time_zone,@@auto_increment_increment
----
SELECT @@max_allowed_packet, @@wait_timeout
----
/* mysql-connector-java-8.0.33 (Revision: 7d6b0800528b6b25c68b52dc10d6c1c8429c100c) */SELECT  @@session.auto_increment_increment AS auto_increment_increment, @@character_set_client AS character_set_client, @@character_set_connection AS character_set_connection, @@character_set_results AS character_set_results, @@character_set_server AS character_set_server, @@collation_server AS collation_server, @@collation_connection AS collation_connection, @@init_connect AS init_connect, @@interactive_timeout AS interactive_timeout, @@license AS license, @@lower_case_table_names AS lower_case_table_names, @@max_allowed_packet AS max_allowed_packet, @@net_write_timeout AS net_write_timeout, @@performance_schema AS performance_schema, @@sql_mode AS sql_mode, @@system_time_zone AS system_time_zone, @@time_zone AS time_zone, @@transaction_isolation AS transaction_isolation, @@wait_timeout AS wait_timeout
----
SET character_set_results = NULL
----
SET NAMES utf8mb4
----
SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci
----
SET sql_mode='STRICT_TRANS_TABLES'
----
SET AUTOCOMMIT = 0
----
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED
----
SET SESSION TRANSACTION READ ONLY
----
SELECT @@tx_isolation
----
SHOW VARIABLES LIKE 'lower_case_%'; SHOW VARIABLES LIKE 'sql_mode'; SELECT COUNT(*) AS support_ndb FROM information_schema.ENGINES WHERE Engine = 'ndbcluster'
----
SHOW VARIABLES LIKE 'aurora\_version'
----
SHOW VARIABLES WHERE Variable_name ='language' OR Variable_name = 'net_write_timeout' OR Variable_name = 'interactive_timeout'
----
SHOW ENGINES
----
SHOW CHARSET
----
SHOW COLLATION
----
SHOW PLUGINS
----
SHOW WARNINGS
----
SHOW FULL TABLES FROM `shop`
----
SHOW TABLE STATUS FROM `shop`
----
SHOW CREATE TABLE `shop`.`orders`
----
SHOW FULL COLUMNS FROM `orders` FROM `shop`
----
SHOW INDEX FROM `orders` FROM `shop`
----
SHOW KEYS FROM shop.orders
----
SHOW TRIGGERS FROM `shop`
----
SHOW EVENTS FROM `shop`
----
SHOW PROCEDURE STATUS WHERE `Db`='shop'
----
SHOW FUNCTION STATUS WHERE `Db`='shop'
----
SHOW SESSION STATUS
----
SHOW GLOBAL STATUS
----
SHOW STATUS LIKE 'Ssl_cipher'
----
SELECT CONNECTION_ID()
----
SELECT CURRENT_USER()
----
SELECT VERSION()
----
SELECT @@SESSION.auto_increment_increment
----
SELECT * FROM information_schema.TABLES t WHERE t.TABLE_SCHEMA = 'information_schema' AND t.TABLE_NAME = 'CHECK_CONSTRAINTS'
----
SELECT SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM INFORMATION_SCHEMA.SCHEMATA
----
SELECT * FROM `information_schema`.`COLLATIONS`
----
SELECT DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME='shop'
----
SELECT * FROM `information_schema`.`CHARACTER_SETS`
----
SELECT A.REFERENCED_TABLE_SCHEMA AS PKTABLE_CAT,NULL AS PKTABLE_SCHEM, A.REFERENCED_TABLE_NAME AS PKTABLE_NAME, A.REFERENCED_COLUMN_NAME AS PKCOLUMN_NAME FROM INFORMATION_SCHEMA.KEY_COLUMN_USAGE A JOIN INFORMATION_SCHEMA.TABLE_CONSTRAINTS B USING(TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME) WHERE B.CONSTRAINT_TYPE = 'FOREIGN KEY' ORDER BY A.ORDINAL_POSITION
----
SET STATEMENT max_statement_time=5 FOR SELECT 1
----
SET SQL_SELECT_LIMIT=200
----
SET SQL_SELECT_LIMIT=DEFAULT
----
SET net_write_timeout=600, wait_timeout=28800
----
SET SESSION wait_timeout = 2147483
----
SET max_allowed_packet = 1048576
----
/*!40101 SET NAMES utf8mb4 */
----
/*!40103 SET TIME_ZONE='+00:00' */
----
/*!40100 SET @@SQL_MODE='' */
----
SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ
----
START TRANSACTION /*!40100 WITH CONSISTENT SNAPSHOT */
----
START TRANSACTION READ ONLY
----
SAVEPOINT sp
----
ROLLBACK TO SAVEPOINT sp
----
COMMIT
----
ROLLBACK
----
BEGIN
----
USE `shop`
----
SELECT 1
----
SELECT LAST_INSERT_ID()
----
SELECT @@identity
----
SELECT ROW_COUNT()
----
SELECT FOUND_ROWS()
----
DESCRIBE `orders`
----
HELP 'contents'
----
/* ApplicationName=DBeaver 24.0.0 - Main */ SET SESSION TRANSACTION READ WRITE
----
/* ApplicationName=DBeaver 24.0.0 - Metadata */ SELECT @@GLOBAL.character_set_server,@@GLOBAL.collation_server
----
SELECT @@have_ssl
----
SELECT TIMEDIFF(NOW(), UTC_TIMESTAMP())
----
SELECT name, description FROM mysql.help_category
----
SHOW VARIABLES
----
SHOW MASTER STATUS
----
SHOW SLAVE STATUS
----
SELECT `DEFAULT_COLLATION_NAME` FROM `information_schema`.`SCHEMATA` WHERE `SCHEMA_NAME`='shop'
----
SHOW CREATE DATABASE `shop`
