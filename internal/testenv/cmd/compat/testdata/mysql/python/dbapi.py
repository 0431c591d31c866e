"""A conversation by a driver of Python's DB-API: dbapi.py pymysql|MySQLdb. It prints what it sees."""

import datetime
import decimal
import hashlib
import importlib
import os
import sys
import threading
import time

driver = importlib.import_module(sys.argv[1])
ca = {"ca": os.environ["COMPAT_CA"]}


def connect(**more):
    return driver.connect(
        host=os.environ["COMPAT_HOST"], port=int(os.environ["COMPAT_PORT"]), user=os.environ["COMPAT_USER"],
        password=os.environ["COMPAT_PASSWORD"], database=os.environ["COMPAT_DATABASE"], charset="utf8mb4", ssl=ca, **more)


def show(text, args=None, cursor=None):
    """Runs a statement and prints all that comes of it, errors with their codes."""
    own = cursor is None
    cursor = cursor or connection.cursor()
    print(">", text[:200], repr(args)[:300])
    try:
        cursor.execute(text, args)
        while True:
            if cursor.description:
                for column in cursor.description:
                    print("  column", column)
                for row in cursor.fetchall():
                    print("  row", repr(row)[:1500])
            print("  affected", cursor.rowcount, "id", cursor.lastrowid)
            if not cursor.nextset():
                break
    except driver.Error as e:
        print("  error", type(e).__name__, e.args)
    if own:
        cursor.close()


connection = connect()
print("== types")
show("""CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, a TINYINT UNSIGNED, b BIGINT, c DOUBLE, d DECIMAL(30,10), e VARCHAR(100),
  f LONGBLOB, g DATETIME(6), h TIME(6), i DATE, j YEAR, k BIT(12), l JSON, m ENUM('x','ü'), n SET('p','q')) DEFAULT CHARSET utf8mb4""")
every = bytes(range(256))
at = datetime.datetime(2026, 11, 26, 23, 59, 59, 123456)
insert = "INSERT INTO t (a, b, c, d, e, f, g, h, i, j, k, l, m, n) VALUES (" + ", ".join(["%s"] * 14) + ")"
show(insert, (255, -2**63, 1.5e300, decimal.Decimal("-12345678901234567890.0123456789"), "Grüße 😀 '\"\\ \0 \x1a", every, at,
              datetime.timedelta(hours=-838, microseconds=1), at.date(), 2155, b"\x0f\xff", '{"k": "ü"}', "ü", "p,q"))
show(insert, (None,) * 14)
show("SELECT * FROM t ORDER BY id")
show("SELECT CAST('x' AS BINARY), 1 / 3, NOW() > '2020-01-01', NULL, 18446744073709551615, POINT(1, 2)")

print("== errors")
for bad in ["SELEKT", "SELECT * FROM no_such", "INSERT INTO t (id) VALUES (1)", "INSERT INTO t (m) VALUES (NULL), ('z')", "SELECT nope FROM t",
            "KILL 4294967295", "USE no_such", "SIGNAL SQLSTATE '45001' SET MESSAGE_TEXT = 'ü'"]:
    show(bad)
show("SHOW WARNINGS")

print("== transactions")
for end in (connection.rollback, connection.commit):
    connection.begin() if hasattr(connection, "begin") else connection.query("BEGIN")
    show("INSERT INTO t (e) VALUES (%s)", ("in a transaction",))
    end()
    show("SELECT COUNT(*) FROM t WHERE e = 'in a transaction'")

print("== batches")
cursor = connection.cursor()
cursor.executemany("INSERT INTO t (a, e) VALUES (%s, %s)", [(n % 256, "batch %d" % n) for n in range(5000)])
print("affected", cursor.rowcount)
cursor.executemany("UPDATE t SET b = %s WHERE a = %s AND e LIKE 'batch%%'", [(n, n) for n in range(20)])
print("affected", cursor.rowcount)
show("SELECT COUNT(*), SUM(b) FROM t WHERE e LIKE 'batch%'")
connection.commit()

print("== several results")
show("CREATE PROCEDURE p(n INT, OUT o INT) BEGIN SELECT n AS a; SELECT n + 1 AS b, NULL AS c UNION SELECT 2, 3; SET o = n * 2; END")
cursor = connection.cursor()
cursor.callproc("p", (7, 0))
while True:
    print("result", cursor.fetchall(), cursor.description and cursor.description[0][0])
    if not cursor.nextset():
        break
show("SELECT @_p_1")

print("== streaming")
cursors = importlib.import_module(driver.__name__ + ".cursors")
cursor = connect(cursorclass=cursors.SSCursor).cursor()
cursor.execute("SELECT seq, REPEAT('x', seq % 1000) FROM seq_1_to_50000")
total, digest = 0, hashlib.sha256()
for row in cursor:
    total += row[0]
    digest.update(repr(row).encode())
print("streamed", total, digest.hexdigest())
cursor.close()

print("== large")
for size in (2**24 - 2**10, 2**24 - 1, 2**24, 2**24 + 2**20):
    cursor = connection.cursor()
    cursor.execute("SELECT REPEAT('a', %s), 'after'", (size,))
    row = cursor.fetchone()
    print(size, len(row[0]), hashlib.sha256(row[0].encode()).hexdigest(), row[1])
value = bytes(range(256)) * (20 * 4096)
cursor = connection.cursor()
cursor.execute("INSERT INTO t (id, f) VALUES (1000000, %s)", (value,))
cursor.execute("SELECT f = %s, LENGTH(f), MD5(f), f FROM t WHERE id = 1000000", (value,))
row = cursor.fetchone()
print(row[:3], row[3] == value)
connection.commit()

print("== cancel")
other = connect()


def cancel():
    watcher = connect()
    cursor = watcher.cursor()
    while not cursor.execute("SELECT 1 FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT SLEEP(30)%'"):
        time.sleep(0.05)
    cursor.execute("KILL QUERY %d" % other.thread_id())
    watcher.close()


thread = threading.Thread(target=cancel)
thread.start()
start = time.monotonic()
show("SELECT SLEEP(30) AS cancelled FROM t", cursor=other.cursor())
thread.join()
print("at once:", time.monotonic() - start < 20)
show("SELECT 'and on'", cursor=other.cursor())
victim = connect()
show("KILL %d" % victim.thread_id())
show("SELECT 'nobody hears'", cursor=victim.cursor())

print("== the rest")
connection.ping()
connection.select_db("mysql")
show("SELECT DATABASE()")
if driver.__name__ == "MySQLdb":
    connection.change_user(os.environ["COMPAT_USER"], os.environ["COMPAT_PASSWORD"], os.environ["COMPAT_DATABASE"])
    show("SELECT DATABASE(), @x")
    print(connection.get_character_set_info()["name"], connection.info())
else:
    local = connect(local_infile=True)
    with open("pymysql.csv", "w", encoding="utf-8") as f:
        f.write("1,ä\n2,b\n")
    show("CREATE TABLE loaded (a INT, b TEXT) DEFAULT CHARSET utf8mb4")
    show("LOAD DATA LOCAL INFILE 'pymysql.csv' INTO TABLE loaded FIELDS TERMINATED BY ','", cursor=local.cursor())
    show("LOAD DATA LOCAL INFILE '/no/such' INTO TABLE loaded FIELDS TERMINATED BY ','", cursor=local.cursor())
    show("SELECT * FROM compat.loaded")
connection.close()
try:
    driver.connect(host=os.environ["COMPAT_HOST"], port=int(os.environ["COMPAT_PORT"]), user=os.environ["COMPAT_USER"], password="wrong", ssl=ca)
except driver.Error as e:
    print("wrong password:", type(e).__name__, e.args)
