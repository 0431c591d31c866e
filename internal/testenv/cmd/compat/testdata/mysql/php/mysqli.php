<?php
// A conversation by PHP's mysqli and PDO (mysqlnd, a client of its own). It prints what it sees.
mysqli_report(MYSQLI_REPORT_OFF);

function connection(): mysqli {
	$c = mysqli_init();
	$c->options(MYSQLI_OPT_LOCAL_INFILE, true);
	$c->options(MYSQLI_OPT_INT_AND_FLOAT_NATIVE, 1);
	$c->ssl_set(null, null, getenv('COMPAT_CA'), null, null);
	if (!$c->real_connect(getenv('COMPAT_HOST'), getenv('COMPAT_USER'), getenv('COMPAT_PASSWORD'), getenv('COMPAT_DATABASE'), (int)getenv('COMPAT_PORT'), null, MYSQLI_CLIENT_SSL)) {
		echo "no connection: $c->connect_errno $c->connect_error\n";
		exit(1);
	}
	$c->set_charset('utf8mb4');
	return $c;
}

function value($v): string {
	return is_string($v) && strlen($v) > 300 ? strlen($v) . ' ' . hash('sha256', $v) : json_encode($v, JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE);
}

function rows($result): void {
	foreach ($result->fetch_fields() as $f) echo "  field $f->name $f->table $f->type $f->length $f->flags $f->decimals $f->charsetnr\n";
	while ($row = $result->fetch_row()) echo '  row ', implode(', ', array_map('value', $row)), "\n";
	$result->free();
}

function show(mysqli $c, string $sql, ...$args): void {
	echo '> ', substr($sql, 0, 200), "\n";
	if ($args === []) {
		$r = $c->multi_query($sql);
		for (; $r; $r = $c->more_results() && $c->next_result()) {
			if ($result = $c->store_result()) rows($result);
			else echo "  affected $c->affected_rows id $c->insert_id warnings $c->warning_count info $c->info\n";
		}
		if ($c->errno) echo "  error $c->errno $c->sqlstate $c->error\n";
		return;
	}
	$st = $c->prepare($sql);
	if (!$st) {
		echo "  error $c->errno $c->sqlstate $c->error\n";
		return;
	}
	if (!$st->execute($args)) {
		echo "  error $st->errno $st->sqlstate $st->error\n";
		return;
	}
	do {
		if ($result = $st->get_result()) rows($result);
		else echo "  affected $st->affected_rows id $st->insert_id\n";
	} while ($st->more_results() && $st->next_result());
}

$c = connection();
echo "== types\n";
show($c, "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, a TINYINT UNSIGNED, b BIGINT UNSIGNED, c DOUBLE, d DECIMAL(30,10), e VARCHAR(100),
  f LONGBLOB, g DATETIME(6), h TIME(6), i DATE, j YEAR, k BIT(12), l JSON) DEFAULT CHARSET utf8mb4");
$insert = 'INSERT INTO t (a, b, c, d, e, f, g, h, i, j, k, l) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)';
$every = implode('', array_map('chr', range(0, 255)));
show($c, $insert, 255, '18446744073709551615', 1.5e300, '-12345678901234567890.0123456789', "Grüße 😀 '\"\\", $every, '2026-11-26 23:59:59.123456', '-838:59:59.5', '2026-11-26', 2155, 4095, '{"k":"ü"}');
show($c, $insert, ...array_fill(0, 12, null));
show($c, 'SELECT * FROM t ORDER BY id');
show($c, 'SELECT * FROM t WHERE id >= ? ORDER BY id', 1);
echo "== errors\n";
foreach (['SELEKT', 'SELECT * FROM no_such', 'INSERT INTO t (id) VALUES (1)', 'SELECT nope FROM t'] as $bad) show($c, $bad);
foreach (['SELEKT ?', 'SELECT * FROM no_such WHERE a = ?', 'INSERT INTO t (id) VALUES (?)', 'SELECT nope FROM t WHERE id = ?'] as $bad) show($c, $bad, 1);
echo "== results, transactions\n";
show($c, "SELECT 1 AS a; INSERT INTO t (e) VALUES ('m'); SELECT 'x' AS b; SELECT * FROM no_such; SELECT 3");
show($c, 'CREATE PROCEDURE p(n INT) BEGIN SELECT n AS a; SELECT n + 1 AS b, NULL AS c; INSERT INTO t (e) VALUES (n); END');
show($c, 'CALL p(7)');
show($c, 'CALL p(?)', 8);
foreach (['rollback', 'commit'] as $end) {
	$c->begin_transaction();
	show($c, 'INSERT INTO t (e) VALUES (?)', 'in a transaction');
	$c->$end();
	show($c, "SELECT COUNT(*) FROM t WHERE e = 'in a transaction'");
}
echo "== cursor, long data\n";
$st = $c->prepare('SELECT seq, REPEAT("x", seq) FROM seq_1_to_500');
$st->attr_set(MYSQLI_STMT_ATTR_CURSOR_TYPE, MYSQLI_CURSOR_TYPE_READ_ONLY);
$st->attr_set(MYSQLI_STMT_ATTR_PREFETCH_ROWS, 7);
$st->execute();
$st->bind_result($n, $x);
for ($h = ''; $st->fetch();) $h = hash('sha256', "$h$n$x");
echo "  $h\n";
$st->close();
$st = $c->prepare('INSERT INTO t (id, f) VALUES (?, ?)');
$id = 100000;
$null = null;
$st->bind_param('ib', $id, $null);
for ($i = 0; $i < 80; $i++) $st->send_long_data(1, str_repeat($every, 1024));
echo '  ', var_export($st->execute(), true), " $st->affected_rows\n";
show($c, 'SELECT LENGTH(f), MD5(f), f FROM t WHERE id = ?', 100000);
show($c, 'SELECT f FROM t WHERE id = 100000');
echo "== the rest\n";
file_put_contents('php.csv', "1,ä\n2,b\n");
show($c, 'CREATE TABLE loaded (a INT, b TEXT) DEFAULT CHARSET utf8mb4');
show($c, "LOAD DATA LOCAL INFILE 'php.csv' INTO TABLE loaded FIELDS TERMINATED BY ','");
show($c, 'SELECT * FROM loaded');
$other = connection();
$other->query('SELECT SLEEP(30) FROM t', MYSQLI_ASYNC);
do {
	usleep(50000);
	$running = $c->query("SELECT 1 FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT SLEEP(30)%'");
	if (!$running) exit("no list of processes: $c->error\n");
} while (!$running->num_rows);
show($c, "KILL QUERY $other->thread_id");
$r = $other->reap_async_query();
if ($r instanceof mysqli_result) rows($r);
echo "  $other->errno $other->error\n";
show($other, "SELECT 'and on'");
$c->query('SET @mine = 1');
echo 'change user ', var_export($c->change_user(getenv('COMPAT_USER'), getenv('COMPAT_PASSWORD'), 'mysql'), true), " $c->error\n";
show($c, 'SELECT DATABASE(), @mine');
echo 'stat ', $c->stat() !== false ? 'ok' : $c->error, ', ping ', var_export(@$c->query('DO 0'), true), "\n";
echo "== PDO\n";
foreach ([true, false] as $emulated) {
	$pdo = new PDO(sprintf('mysql:host=%s;port=%s;dbname=%s;charset=utf8mb4', getenv('COMPAT_HOST'), getenv('COMPAT_PORT'), getenv('COMPAT_DATABASE')),
		getenv('COMPAT_USER'), getenv('COMPAT_PASSWORD'), [PDO::MYSQL_ATTR_SSL_CA => getenv('COMPAT_CA'), PDO::ATTR_EMULATE_PREPARES => $emulated, PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
	$st = $pdo->prepare('SELECT id, e, d, ? AS x FROM t WHERE id <= ? ORDER BY id');
	$st->execute(['ü', 3]);
	echo '  ', json_encode($st->fetchAll(PDO::FETCH_ASSOC), JSON_UNESCAPED_UNICODE), "\n";
	try {
		$pdo->prepare('INSERT INTO t (id) VALUES (?)')->execute([1]);
	} catch (PDOException $e) {
		echo '  ', json_encode($e->errorInfo), "\n";
	}
}
