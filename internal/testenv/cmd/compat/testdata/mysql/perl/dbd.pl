# A conversation by a driver of Perl's DBI: dbd.pl MariaDB|mysql. It prints what it sees.
use strict;
use warnings;
use utf8;
use DBI;
use Digest::SHA qw(sha256_hex);
binmode STDOUT, ':utf8';
$| = 1;
my $driver = shift;
my $p = $driver eq 'MariaDB' ? 'mariadb' : 'mysql';

sub connection {
	my $prepared = shift;
	my $dsn = "DBI:$driver:database=$ENV{COMPAT_DATABASE};host=$ENV{COMPAT_HOST};port=$ENV{COMPAT_PORT};"
		. "${p}_server_prepare=$prepared;${p}_multi_statements=1";
	# Debian's DBD::mysql can't ask for TLS of the library that it is built with.
	$dsn .= ";mariadb_ssl=1;mariadb_ssl_ca_file=$ENV{COMPAT_CA}" if $driver eq 'MariaDB';
	my %more = $driver eq 'mysql' ? (mysql_enable_utf8mb4 => 1) : ();
	return DBI->connect($dsn, $ENV{COMPAT_USER}, $ENV{COMPAT_PASSWORD}, { RaiseError => 0, PrintError => 0, AutoCommit => 1, %more })
		|| die "connect: $DBI::errstr";
}

sub text { my $v = shift; return defined $v ? (length $v > 300 ? length($v) . ' ' . sha256_hex(utf8::is_utf8($v) ? do { my $c = $v; utf8::encode($c); $c } : $v) : "'$v'") : 'NULL' }

sub show {
	my ($db, $sql, @args) = @_;
	print '> ', substr($sql, 0, 150), "\n";
	my $st = $db->prepare($sql);
	unless ($st && defined(my $n = $st->execute(@args))) {
		my $h = $st || $db;
		print '  error ', $h->err, ' ', $h->state, ' ', $h->errstr, "\n";
		return;
	}
	do {
		print '  rows ', $st->rows, "\n";
		if ($st->{NUM_OF_FIELDS}) {
			print '  names ', join(' ', @{ $st->{NAME} }), ' types ', join(' ', map { $_ // 'undef' } @{ $st->{TYPE} }), ' nullable ', join(' ', map { $_ ? 1 : 0 } @{ $st->{NULLABLE} }), "\n";
			while (my $row = $st->fetchrow_arrayref) {
				print '  row ', join(', ', map { s/[^\x20-\x{10ffff}]/?/gr } map { text($_) } @$row), "\n";
			}
		}
	} while ($st->more_results);
}

for my $prepared (0, 1) {
	print "== prepared on the server: $prepared\n";
	my $db = connection($prepared);
	show($db, 'DROP TABLE IF EXISTS t');
	show($db, "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, a TINYINT UNSIGNED, b BIGINT, c DOUBLE, d DECIMAL(30,10), e VARCHAR(100), f LONGBLOB,
		g DATETIME(6), h TIME(6), i DATE, j YEAR) DEFAULT CHARSET utf8mb4");
	my $insert = 'INSERT INTO t (a, b, c, d, e, f, g, h, i, j) VALUES (?,?,?,?,?,?,?,?,?,?)';
	show($db, $insert, 255, '-9223372036854775808', 1.5, '-12345678901234567890.0123456789', "Grüße Жук '\"\\", 'bytes', '2026-11-26 23:59:59.123456', '-838:59:59', '2026-11-26', 2155);
	show($db, $insert, (undef) x 10);
	show($db, 'SELECT * FROM t WHERE id >= ? ORDER BY id', 1);
	show($db, $_) for 'SELEKT', 'SELECT * FROM no_such', 'INSERT INTO t (id) VALUES (1)', "SIGNAL SQLSTATE '45001' SET MESSAGE_TEXT = 'x'";
	my $st = $db->prepare('INSERT INTO t (a, e) VALUES (?, ?)');
	$st->execute($_ % 256, "row $_") for 1 .. 300;
	print 'id ', $db->last_insert_id(undef, undef, 't', 'id'), "\n";
	show($db, "SELECT COUNT(*), SUM(a) FROM t WHERE e LIKE 'row%'");
	for my $end ('rollback', 'commit') {
		$db->begin_work;
		show($db, "INSERT INTO t (e) VALUES ('in a transaction')");
		$db->$end;
		show($db, "SELECT COUNT(*) FROM t WHERE e = 'in a transaction'");
	}
	my $blob = join('', map { chr } 0 .. 255) x (68 * 1024);
	$st = $db->prepare('INSERT INTO t (id, f) VALUES (100000, ?)');
	$st->bind_param(1, $blob, DBI::SQL_BLOB);
	print 'large ', $st->execute // $st->errstr, "\n";
	$db->{LongReadLen} = 1 << 25;
	show($db, 'SELECT LENGTH(f), MD5(f) FROM t WHERE id = 100000');
	unless ($prepared) {
		show($db, 'DROP PROCEDURE IF EXISTS p');
		show($db, 'CREATE PROCEDURE p(n INT) BEGIN SELECT n AS a; SELECT n + 1 AS b, NULL AS c; END');
		show($db, 'CALL p(?)', 7);
		show($db, "SELECT 1 AS a; SELECT 'x' AS b; SELECT * FROM no_such");
	}
	print 'ping ', $db->ping ? 1 : 0, "\n";
	my $other = connection($prepared);
	show($other, 'KILL ' . ($driver eq 'MariaDB' ? $db->{mariadb_thread_id} : $db->{mysql_thread_id}));
	print 'ping ', $db->ping ? 1 : 0, "\n";
	$other->disconnect;
}
