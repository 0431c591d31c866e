// A conversation by MariaDB's own connector: pipelining, and its bulk command. It prints what it sees.
'use strict';
const fs = require('fs');
const crypto = require('crypto');
const mariadb = require('mariadb');

const base = {
  host: process.env.COMPAT_HOST, port: +process.env.COMPAT_PORT, user: process.env.COMPAT_USER, password: process.env.COMPAT_PASSWORD,
  database: process.env.COMPAT_DATABASE, ssl: { ca: fs.readFileSync(process.env.COMPAT_CA) }, multipleStatements: true,
  bigIntAsNumber: false, timezone: 'Z', permitLocalInfile: true, trace: false,
};

function plain(v) {
  return JSON.stringify(v, (k, x) => {
    if (typeof x === 'bigint') return x + 'n';
    if (x && x.type === 'Buffer') return 'bytes ' + Buffer.from(x.data).toString('hex').slice(0, 600);
    if (typeof x === 'string' && x.length > 600) return x.length + ' ' + crypto.createHash('sha256').update(x).digest('hex');
    return x;
  });
}

const error = (e) => `${e.code} ${e.errno} ${e.sqlState} ${e.sqlMessage}`;

async function show(c, how, sql, args) {
  console.log('>', how, sql.slice(0, 200));
  try {
    console.log('  ', plain(await c[how](sql, args)));
  } catch (e) {
    console.log('   error', error(e));
  }
}

async function main() {
  const c = await mariadb.createConnection(base);
  await show(c, 'query', `CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, a INT, b BIGINT UNSIGNED, c DOUBLE, d DECIMAL(30,10), e VARCHAR(100),
    f LONGBLOB, g DATETIME(6), l JSON) DEFAULT CHARSET utf8mb4`);
  const every = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const row = [-5, 18446744073709551615n, -1.5e300, '-12345678901234567890.0123456789', 'Grüße 😀 \'"\\ \0', every, new Date('2026-11-26T23:59:59.123Z'), '{"k":"ü"}'];
  const insert = 'INSERT INTO t (a, b, c, d, e, f, g, l) VALUES (?,?,?,?,?,?,?,?)';
  for (const how of ['query', 'execute']) {
    await show(c, how, insert, row);
    await show(c, how, insert, row.map(() => null));
    await show(c, how, 'SELECT * FROM t WHERE id >= ? ORDER BY id', [1]);
    for (const bad of ['SELEKT', 'SELECT * FROM no_such', 'INSERT INTO t (id) VALUES (1)']) await show(c, how, bad);
  }
  console.log('== bulk');
  await show(c, 'batch', insert, Array.from({ length: 3000 }, (_, i) => i % 7 ? [i, BigInt(i), i / 3, String(i), 'b' + i, Buffer.from([i % 256]), new Date(i * 1000), null] : [i, ...row.slice(1).map(() => null)]));
  await show(c, 'batch', 'UPDATE t SET e = ? WHERE a = ?', [['u1', 1], ['u2', 2], [null, 3]]);
  await show(c, 'batch', 'INSERT INTO t (id, a) VALUES (?, ?)', [[900001, 1], [1, 1], [900002, 2]]);
  await show(c, 'query', 'SELECT COUNT(*), SUM(a), MD5(GROUP_CONCAT(e ORDER BY id)) FROM t');
  await show(c, 'batch', 'INSERT INTO t (f) VALUES (?)', [[Buffer.alloc(9 * 2 ** 20, every)], [Buffer.alloc(9 * 2 ** 20, 'b')]]);
  await show(c, 'query', 'SELECT LENGTH(f), MD5(f) FROM t WHERE LENGTH(f) > 1000000');

  console.log('== pipelined');
  const sent = [];
  for (let i = 0; i < 200; i++) {
    const [how, sql, args] = [['query', 'SELECT ? + 0 AS n', [i]], ['execute', 'SELECT ? + 0 AS n, ? AS s', [i, 'é' + i]],
      ['query', 'SELECT broken ?', [i]], ['execute', 'SELECT * FROM no_such WHERE a = ?', [i]]][i % 4];
    sent.push(c[how](sql, args).then(plain, error));
  }
  (await Promise.all(sent)).forEach((said, i) => console.log('  ', i, said));

  console.log('== the rest');
  await show(c, 'query', 'SELECT 1 AS a; SELECT 2 AS b; DO 0; SELECT * FROM no_such');
  await c.beginTransaction();
  await show(c, 'query', 'DELETE FROM t WHERE id < 10');
  await c.rollback();
  await show(c, 'query', 'SELECT COUNT(*) AS n FROM t WHERE id < 10');
  const hash = crypto.createHash('sha256');
  for await (const r of c.queryStream('SELECT seq, REPEAT("x", seq % 1000) AS x FROM seq_1_to_20000')) hash.update(r.seq + r.x);
  console.log('   streamed', hash.digest('hex'));
  await show(c, 'query', 'SET @mine = 1');
  await c.reset();
  await show(c, 'query', 'SELECT @mine, DATABASE()');
  await c.changeUser({ user: base.user, password: base.password, database: 'mysql' });
  await show(c, 'query', 'SELECT @mine, DATABASE()');
  await c.ping();
  fs.writeFileSync('mariadb.csv', '1\n2\n3\n');
  await show(c, 'query', "LOAD DATA LOCAL INFILE 'mariadb.csv' INTO TABLE compat.t (a)");
  await show(c, 'query', { sql: 'SELECT SLEEP(30) AS cancelled', timeout: 200, slice: () => 'timeout' });
  await show(c, 'query', "SELECT 'and on'");
  await c.end();
}

main().catch((e) => { console.log('failed:', e); process.exit(1); });
