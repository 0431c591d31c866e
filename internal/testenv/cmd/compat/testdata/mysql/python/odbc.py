"""A conversation by MariaDB's ODBC driver, with pyodbc. It prints what it sees."""

import datetime
import decimal
import hashlib
import os

import pyodbc


def connect(more=""):
    return pyodbc.connect(
        "DRIVER=%s;SERVER=%s;PORT=%s;UID=%s;PWD=%s;DATABASE=%s;CHARSET=utf8mb4;SSLCA=%s;FORCETLS=1;%s" % (
            os.environ["COMPAT_ODBC"], os.environ["COMPAT_HOST"], os.environ["COMPAT_PORT"], os.environ["COMPAT_USER"],
            os.environ["COMPAT_PASSWORD"], os.environ["COMPAT_DATABASE"], os.environ["COMPAT_CA"], more), autocommit=True)


def text(v):
    r = repr(v)
    return r if len(r) < 800 else "%d %s" % (len(v), hashlib.sha256(v if isinstance(v, bytes) else v.encode()).hexdigest())


def show(cursor, sql, *args):
    print(">", sql[:200])
    try:
        cursor.execute(sql, *args)
        while True:
            if cursor.description:
                for column in cursor.description:
                    print("  column", column)
                for row in cursor.fetchall():
                    print("  row", ", ".join(text(v) for v in row))
            else:
                print("  affected", cursor.rowcount)
            if not cursor.nextset():
                break
    except pyodbc.Error as e:
        print("  error", type(e).__name__, e.args)


connection = connect()
c = connection.cursor()
show(c, """CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, a TINYINT UNSIGNED, b BIGINT, c DOUBLE, d DECIMAL(30,10), e VARCHAR(100),
  f LONGBLOB, g DATETIME(6), i DATE, j SMALLINT) DEFAULT CHARSET utf8mb4""")
every = bytes(range(256))
insert = "INSERT INTO t (a, b, c, d, e, f, g, i, j) VALUES (?,?,?,?,?,?,?,?,?)"
show(c, insert, 255, -2**63, 1.5e300, decimal.Decimal("-12345678901234567890.0123456789"), "Grüße 😀 '\"\\", every,
     datetime.datetime(2026, 11, 26, 23, 59, 59, 123456), datetime.date(2026, 11, 26), 2155)
show(c, insert, *[None] * 9)
show(c, "SELECT * FROM t ORDER BY id")
show(c, "SELECT * FROM t WHERE id >= ? ORDER BY id", 1)
for bad in ["SELEKT", "SELECT * FROM no_such", "INSERT INTO t (id) VALUES (1)", "SELECT nope FROM t"]:
    show(c, bad)
c.executemany("INSERT INTO t (a, e) VALUES (?, ?)", [(n % 256, "batch %d" % n) for n in range(500)])
c.fast_executemany = True
c.executemany("INSERT INTO t (a, e) VALUES (?, ?)", [(n % 256, "batch %d" % n) for n in range(500)])
show(c, "SELECT COUNT(*), SUM(a) FROM t WHERE e LIKE 'batch%'")
show(c, "CREATE PROCEDURE p(n INT) BEGIN SELECT n AS a; SELECT n + 1 AS b, NULL AS c; END")
show(c, "{CALL p(?)}", 7)
connection.autocommit = False
for end in (connection.rollback, connection.commit):
    show(c, "INSERT INTO t (e) VALUES (?)", "in a transaction")
    end()
    show(c, "SELECT COUNT(*) FROM t WHERE e = 'in a transaction'")
connection.commit()
value = every * (68 * 1024)
show(c, "INSERT INTO t (id, f) VALUES (100000, ?)", value)
show(c, "SELECT LENGTH(f), MD5(f), f FROM t WHERE id = 100000")
connection.commit()
for row in c.tables(catalog=os.environ["COMPAT_DATABASE"]).fetchall():
    print("  table", tuple(row))
for row in c.columns(table="t").fetchall():
    print("  column", tuple(row))
connection.close()
streaming = connect("NO_CACHE=1;FORWARDONLY=1").cursor()
digest = hashlib.sha256()
for row in streaming.execute("SELECT seq, REPEAT('x', seq % 1000) FROM seq_1_to_20000"):
    digest.update(repr(tuple(row)).encode())
print("streamed", digest.hexdigest())
