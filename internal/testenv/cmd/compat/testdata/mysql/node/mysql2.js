// A conversation by mysql2: query and execute, pipelined, pools, streams. It prints what it sees.
'use strict';
const fs = require('fs');
const crypto = require('crypto');
const mysql = require('mysql2/promise');
const callbacks = require('mysql2');

const base = {
  host: process.env.COMPAT_HOST, port: +process.env.COMPAT_PORT, user: process.env.COMPAT_USER, password: process.env.COMPAT_PASSWORD,
  database: process.env.COMPAT_DATABASE, ssl: { ca: fs.readFileSync(process.env.COMPAT_CA) }, charset: 'utf8mb4',
  multipleStatements: true, supportBigNumbers: true, bigNumberStrings: true, timezone: 'Z',
};

function plain(v) {
  return JSON.stringify(v, (k, x) => {
    if (x && x.type === 'Buffer') return 'bytes ' + Buffer.from(x.data).toString('hex').slice(0, 600);
    if (typeof x === 'string' && x.length > 600) return x.length + ' ' + crypto.createHash('sha256').update(x).digest('hex');
    return x;
  });
}

function error(e) {
  return `${e.code} ${e.errno} ${e.sqlState} ${e.sqlMessage || e.message}`;
}

async function show(c, how, sql, args) {
  try {
    const [rows, fields] = await c[how](sql, args);
    console.log('>', how, sql.slice(0, 200));
    console.log('  ', plain(rows));
    for (const f of [].concat(fields || [])) {
      for (const g of [].concat(f || [])) console.log('   field', g.name, g.columnType, g.columnLength, g.flags, g.decimals, g.characterSet);
    }
  } catch (e) {
    console.log('>', how, sql.slice(0, 200), '\n   error', error(e));
  }
}

async function main() {
  const c = await mysql.createConnection(base);
  await show(c, 'query', `CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, a TINYINT UNSIGNED, b BIGINT UNSIGNED, c DOUBLE, d DECIMAL(30,10),
    e VARCHAR(100), f LONGBLOB, g DATETIME(6), h TIME(3), i DATE, j YEAR, k BIT(12), l JSON, m ENUM('x','ü')) DEFAULT CHARSET utf8mb4`);
  const every = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const row = [255, '18446744073709551615', -1.5e300, '-12345678901234567890.0123456789', 'Grüße 😀 \'"\\ \0', every,
    new Date('2026-11-26T23:59:59.123Z'), '-12:34:56.789', '2026-11-26', 2155, Buffer.from([15, 255]), '{"k":"ü"}', 'ü'];
  const insert = 'INSERT INTO t (a, b, c, d, e, f, g, h, i, j, k, l, m) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)';
  for (const how of ['query', 'execute']) {
    console.log('==', how);
    await show(c, how, insert, row);
    await show(c, how, insert, row.map(() => null));
    await show(c, how, 'SELECT * FROM t WHERE id >= ? ORDER BY id', [1]);
    for (const bad of ['SELEKT', 'SELECT * FROM no_such', 'INSERT INTO t (id) VALUES (1)', 'SELECT nope FROM t', "SIGNAL SQLSTATE '45001' SET MESSAGE_TEXT = 'ü'"]) {
      await show(c, how, bad);
    }
    await show(c, how, 'DROP PROCEDURE IF EXISTS p');
    await show(c, 'query', 'CREATE PROCEDURE p(n INT) BEGIN SELECT n AS a; SELECT n + 1 AS b, NULL AS c; INSERT INTO t (e) VALUES (n); END');
    await show(c, how, 'CALL p(?)', [7]);
  }
  await show(c, 'query', "SELECT 1 AS a; UPDATE t SET e = 'u' WHERE id = 1; SELECT 'x' AS b; SELECT * FROM no_such; SELECT 3");
  await show(c, 'query', 'INSERT INTO t (a, e) VALUES ?', [Array.from({ length: 1000 }, (_, i) => [i % 256, 'row ' + i])]);

  console.log('== transactions');
  for (const end of ['rollback', 'commit']) {
    await c.beginTransaction();
    await show(c, 'execute', 'INSERT INTO t (e) VALUES (?)', ['in a transaction']);
    await c[end]();
    await show(c, 'query', "SELECT COUNT(*) AS n FROM t WHERE e = 'in a transaction'");
  }

  console.log('== pipelined');
  // Everything is sent before anything is awaited; an error in the middle takes nobody along.
  const raw = callbacks.createConnection(base);
  const sent = [];
  for (let i = 0; i < 200; i++) {
    const [how, sql, args] = [['query', 'SELECT ? + 0 AS n', [i]], ['execute', 'SELECT ? + 0 AS n, ? AS s', [i, 'é' + i]],
      ['query', 'SELECT broken ?', [i]], ['execute', 'SELECT * FROM no_such WHERE a = ?', [i]]][i % 4];
    sent.push(new Promise((resolve) => raw[how](sql, args, (e, rows) => resolve(e ? error(e) : plain(rows)))));
  }
  (await Promise.all(sent)).forEach((said, i) => console.log('  ', i, said));
  raw.end();

  console.log('== prepared');
  const statement = await c.prepare('SELECT ? AS a, ? AS b');
  for (const args of [[1, 'x'], [null, null], ['ü', 2.5], [Buffer.from([0, 255]), true]]) {
    console.log('  ', plain((await statement.execute(args))[0]));
  }
  await statement.close();
  c.unprepare('SELECT ? + 0 AS n');

  console.log('== large');
  for (const size of [2 ** 24 - 1024, 2 ** 24 - 1, 2 ** 24, 2 ** 24 + 2 ** 20]) {
    for (const how of ['query', 'execute']) {
      const [[r]] = await c[how]("SELECT REPEAT('a', ?) AS a, 'after' AS b", [size]);
      console.log('  ', how, size, r.a.length, crypto.createHash('sha256').update(r.a).digest('hex'), r.b);
    }
  }
  const big = Buffer.alloc(20 * 2 ** 20, every);
  for (const how of ['query', 'execute']) {
    await show(c, how, 'UPDATE t SET f = ? WHERE id = 1', [big]);
    const [[r]] = await c[how]('SELECT f, MD5(f) AS m FROM t WHERE id = 1');
    console.log('  ', how, r.f.equals(big), r.m);
  }

  console.log('== stream');
  const streaming = callbacks.createConnection(base);
  const hash = crypto.createHash('sha256');
  let n = 0;
  for await (const r of streaming.query('SELECT seq, REPEAT("x", seq % 1000) AS x FROM seq_1_to_50000').stream()) {
    hash.update(r.seq + r.x);
    n++;
  }
  console.log('  ', n, hash.digest('hex'));
  streaming.end();

  console.log('== pool, and changing user');
  const pool = mysql.createPool({ ...base, connectionLimit: 4 });
  const all = await Promise.all(Array.from({ length: 40 }, (_, i) => pool.execute('SELECT ? * 2 AS n', [i])));
  console.log('  ', plain(all.map(([r]) => r[0].n)));
  const one = await pool.getConnection();
  await show(one, 'query', 'SET @mine = 1; USE mysql');
  try {
    await one.changeUser({ user: base.user, password: base.password, database: base.database });
    await show(one, 'query', 'SELECT DATABASE() AS d, @mine AS mine');
  } catch (e) {
    console.log('   change user:', error(e));
  }
  one.release();
  await pool.end();

  console.log('== cancel');
  const victim = await mysql.createConnection(base);
  const slept = victim.query('SELECT SLEEP(30) AS cancelled FROM t').then(([r]) => plain(r), error);
  for (;;) {
    const [r] = await c.query("SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT SLEEP(30)%'");
    if (r.length) break;
    await new Promise((f) => setTimeout(f, 50));
  }
  await show(c, 'query', 'KILL QUERY ' + victim.threadId);
  console.log('  ', await slept);
  await show(victim, 'query', "SELECT 'and on' AS a");
  await c.ping();

  console.log('== LOAD DATA LOCAL');
  await show(c, 'query', 'CREATE TABLE loaded (a INT, b TEXT) DEFAULT CHARSET utf8mb4');
  await show(c, 'query', { sql: "LOAD DATA LOCAL INFILE 'some' INTO TABLE loaded FIELDS TERMINATED BY ','",
    infileStreamFactory: () => require('stream').Readable.from([Buffer.from('1,ä\n'), Buffer.from('2,b\n')]), slice: () => 'LOAD DATA LOCAL' });
  await show(c, 'query', 'SELECT * FROM loaded');
  await victim.end();
  await c.end();
  await mysql.createConnection({ ...base, password: 'wrong' }).catch((e) => console.log('wrong password:', error(e)));
}

main().catch((e) => { console.log('failed:', e); process.exit(1); });
