import java.io.*;
import java.math.BigDecimal;
import java.security.MessageDigest;
import java.sql.*;
import java.util.*;
import java.util.concurrent.*;

/** A conversation by MariaDB Connector/J, under the options that change what it sends. It prints what it sees. */
public class Talk {
	static final String URL = "jdbc:mariadb://" + System.getenv("COMPAT_HOST") + ":" + System.getenv("COMPAT_PORT") + "/"
		+ System.getenv("COMPAT_DATABASE") + "?useSsl=true&serverSslCert=" + System.getenv("COMPAT_CA");

	static Connection connect(String options) throws SQLException {
		return DriverManager.getConnection(URL + options, System.getenv("COMPAT_USER"), System.getenv("COMPAT_PASSWORD"));
	}

	static String text(Object v) throws Exception {
		if (v instanceof byte[] b) return b.length + " bytes " + HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(b));
		if (v instanceof Blob b) return text(b.getBytes(1, (int) b.length()));
		if (v instanceof String s && s.length() > 200) return s.length() + " chars " + s.hashCode();
		return v == null ? "null" : v.getClass().getSimpleName() + "(" + v + ")";
	}

	static void rows(ResultSet r) throws Exception {
		ResultSetMetaData m = r.getMetaData();
		for (int i = 1; i <= m.getColumnCount(); i++) {
			System.out.println("  column " + m.getColumnLabel(i) + " " + m.getTableName(i) + " " + m.getColumnTypeName(i) + " " + m.getColumnType(i)
				+ " " + m.getPrecision(i) + " " + m.getScale(i) + " " + m.isNullable(i) + " " + m.isSigned(i));
		}
		while (r.next()) {
			StringBuilder line = new StringBuilder("  row");
			for (int i = 1; i <= m.getColumnCount(); i++) line.append(" ").append(text(r.getObject(i)));
			System.out.println(line);
		}
	}

	static void error(SQLException e) {
		for (; e != null; e = e.getNextException()) {
			String said = String.valueOf(e.getMessage()).split("\n")[0].replaceAll("\\(conn=-?\\d+\\) ", "");
			System.out.println("  error " + e.getClass().getSimpleName() + " " + e.getErrorCode() + " " + e.getSQLState() + " " + said);
		}
	}

	interface Piece { void run() throws Exception; }

	static void attempt(String what, Piece piece) throws Exception {
		System.out.println("> " + what);
		try {
			piece.run();
		} catch (SQLException e) {
			error(e);
		}
	}

	static void show(Connection c, String sql, Object... args) throws Exception {
		attempt(sql.substring(0, Math.min(150, sql.length())), () -> {
			try (PreparedStatement s = c.prepareStatement(sql, Statement.RETURN_GENERATED_KEYS)) {
				for (int i = 0; i < args.length; i++) s.setObject(i + 1, args[i]);
				boolean isRows = s.execute();
				for (;;) {
					if (isRows) rows(s.getResultSet());
					else if (s.getUpdateCount() >= 0) System.out.println("  affected " + s.getUpdateCount());
					else break;
					isRows = s.getMoreResults();
				}
				try (ResultSet keys = s.getGeneratedKeys()) {
					while (keys.next()) System.out.println("  key " + keys.getObject(1));
				}
				for (SQLWarning w = s.getWarnings(); w != null; w = w.getNextWarning()) System.out.println("  warning " + w.getErrorCode() + " " + w.getMessage());
			}
		});
	}

	static void types(Connection c) throws Exception {
		show(c, "CREATE OR REPLACE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, a TINYINT UNSIGNED, b BIGINT UNSIGNED, c DOUBLE, d DECIMAL(30,10), e VARCHAR(100),"
			+ " f LONGBLOB, g DATETIME(6), h TIME, i DATE, j YEAR, k BIT(12), l JSON, m FLOAT, n BOOLEAN) DEFAULT CHARSET utf8mb4");
		byte[] every = new byte[256];
		for (int i = 0; i < 256; i++) every[i] = (byte) i;
		String insert = "INSERT INTO t (a,b,c,d,e,f,g,h,i,j,k,l,m,n) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
		show(c, insert, 255, new BigDecimal("18446744073709551615"), 1.5e300, new BigDecimal("-12345678901234567890.0123456789"), "Grüße 😀 '\"\\\0", every,
			Timestamp.valueOf("2026-11-26 23:59:59.123456"), Time.valueOf("12:34:56"), java.sql.Date.valueOf("2026-11-26"), 2026, new byte[]{15, -1}, "{\"k\":\"ü\"}", 1.5f, true);
		show(c, insert, new Object[14]);
		show(c, "SELECT * FROM t WHERE id >= ? ORDER BY id", 1);
		show(c, "SELECT * FROM t ORDER BY id");
		for (String bad : new String[]{"SELEKT", "SELECT * FROM no_such", "INSERT INTO t (id) VALUES (1)", "SELECT nope FROM t", "SIGNAL SQLSTATE '45001' SET MESSAGE_TEXT = 'ü'"}) show(c, bad);
		show(c, "CREATE OR REPLACE PROCEDURE p(IN n INT, OUT o INT) BEGIN SELECT n AS a; SELECT n + 1 AS b, NULL AS c; SET o = n * 2; END");
		attempt("{CALL p(?, ?)}", () -> {
			try (CallableStatement s = c.prepareCall("{CALL p(?, ?)}")) {
				s.setInt(1, 7);
				s.registerOutParameter(2, Types.INTEGER);
				s.execute();
				System.out.println("  out " + s.getInt(2));
			}
		});
		show(c, "SELECT CAST(? AS DATETIME(6)), ? + 1, ?", "2026-01-02 03:04:05.678", 41, null);
	}

	static void batches(Connection c) throws Exception {
		show(c, "CREATE OR REPLACE TABLE b (id INT PRIMARY KEY AUTO_INCREMENT, n INT UNIQUE, s VARCHAR(50), x BLOB)");
		attempt("batch", () -> {
			try (PreparedStatement s = c.prepareStatement("INSERT INTO b (n, s, x) VALUES (?, ?, ?)", Statement.RETURN_GENERATED_KEYS)) {
				for (int i = 0; i < 2000; i++) {
					s.setInt(1, i);
					s.setString(2, i % 7 == 0 ? null : "row " + i);
					s.setBytes(3, new byte[]{(byte) i, 0, 39});
					s.addBatch();
				}
				int sum = 0;
				for (int n : s.executeBatch()) sum += n;
				System.out.println("  sum of counts " + sum);
			}
		});
		attempt("batch with a duplicate", () -> {
			try (PreparedStatement s = c.prepareStatement("INSERT INTO b (n, s) VALUES (?, ?)")) {
				for (int i : new int[]{5000, 5001, 5, 5002}) {
					s.setInt(1, i);
					s.setString(2, "d");
					s.addBatch();
				}
				s.executeBatch();
			} catch (BatchUpdateException e) {
				System.out.println("  counts " + Arrays.toString(e.getUpdateCounts()));
				throw e;
			}
		});
		attempt("batch of texts", () -> {
			try (Statement s = c.createStatement()) {
				for (String q : new String[]{"INSERT INTO b (n) VALUES (9001)", "UPDATE b SET s = 'u' WHERE n < 10", "DELETE FROM b WHERE n = 9001", "INSERT INTO b (n) VALUES (3)"}) s.addBatch(q);
				s.executeBatch();
			} catch (BatchUpdateException e) {
				System.out.println("  counts " + Arrays.toString(e.getUpdateCounts()));
				throw e;
			}
		});
		show(c, "SELECT COUNT(*), SUM(n), MD5(GROUP_CONCAT(COALESCE(s, '') ORDER BY n)) FROM b");
	}

	static void fetching(Connection c) throws Exception {
		try (Statement s = c.createStatement(ResultSet.TYPE_FORWARD_ONLY, ResultSet.CONCUR_READ_ONLY);
			PreparedStatement p = c.prepareStatement("SELECT seq, REPEAT('x', seq % 100) FROM seq_1_to_5000 WHERE seq > ?")) {
			s.setFetchSize(100);
			p.setFetchSize(77);
			p.setInt(1, 10);
			long sum = 0, size = 0;
			ResultSet r = s.executeQuery("SELECT seq, REPEAT('x', seq % 100) FROM seq_1_to_5000");
			while (r.next()) {
				sum += r.getInt(1);
				size += r.getString(2).length();
			}
			for (r = p.executeQuery(); r.next(); size += r.getString(2).length()) sum += r.getInt(1);
			System.out.println("fetched " + sum + " " + size);
			r = p.executeQuery(); // and leaves it halfway
			r.next();
			r.close();
			show(c, "SELECT 'after' AS a");
		}
	}

	static void large(Connection c) throws Exception {
		show(c, "CREATE OR REPLACE TABLE l (id INT PRIMARY KEY, b LONGBLOB)");
		for (int size : new int[]{(1 << 24) - 100, 1 << 24, 20 << 20}) {
			byte[] b = new byte[size];
			new Random(size).nextBytes(b);
			attempt("large " + size, () -> {
				try (PreparedStatement s = c.prepareStatement("REPLACE INTO l VALUES (?, ?)"); PreparedStatement q = c.prepareStatement("SELECT b, MD5(b) FROM l WHERE id = ?")) {
					s.setInt(1, size);
					s.setBinaryStream(2, new ByteArrayInputStream(b), size);
					System.out.println("  " + s.executeUpdate());
					q.setInt(1, size);
					ResultSet r = q.executeQuery();
					r.next();
					System.out.println("  back " + Arrays.equals(b, r.getBytes(1)) + " " + r.getString(2));
				}
			});
		}
	}

	static void cancelling(Connection c) throws Exception {
		try (Statement s = c.createStatement(); Connection watcher = connect("")) {
			FutureTask<String> slept = new FutureTask<>(() -> {
				try {
					s.executeQuery("SELECT SLEEP(10) FROM seq_1_to_2");
					return "finished";
				} catch (SQLException e) {
					error(e);
					return "cancelled";
				}
			});
			new Thread(slept).start();
			try (Statement w = watcher.createStatement()) {
				while (!w.executeQuery("SELECT 1 FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT SLEEP(10)%'").next()) Thread.sleep(50);
			}
			attempt("cancel", s::cancel);
			System.out.println("  " + slept.get(100, TimeUnit.SECONDS));
		}
		attempt("setQueryTimeout", () -> {
			try (Statement s = c.createStatement()) {
				s.setQueryTimeout(1);
				s.executeQuery("SELECT SLEEP(20) FROM seq_1_to_3");
			}
		});
		show(c, "SELECT 'and on' AS a");
	}

	static void transactions(Connection c) throws Exception {
		c.setAutoCommit(false);
		c.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
		show(c, "INSERT INTO b (n) VALUES (?)", 70001);
		Savepoint point = c.setSavepoint("one");
		show(c, "INSERT INTO b (n) VALUES (?)", 70002);
		c.rollback(point);
		c.commit();
		show(c, "DELETE FROM b");
		c.rollback();
		c.setAutoCommit(true);
		show(c, "SELECT COUNT(*), MAX(n) FROM b");
		c.setCatalog("mysql");
		System.out.println(c.getCatalog() + " " + c.isValid(5) + " " + c.getMetaData().getDatabaseProductVersion());
		c.setCatalog(System.getenv("COMPAT_DATABASE"));
		c.setReadOnly(true);
		show(c, "INSERT INTO b (n) VALUES (80000)");
		c.setReadOnly(false);
		for (ResultSet r = c.getMetaData().getColumns(c.getCatalog(), null, "t", null); r.next();) {
			System.out.println("  " + r.getString("COLUMN_NAME") + " " + r.getString("TYPE_NAME") + " " + r.getInt("COLUMN_SIZE"));
		}
	}

	public static void main(String[] args) throws Exception {
		System.setOut(new PrintStream(new FileOutputStream(FileDescriptor.out), true, "UTF-8"));
		for (String options : new String[]{"", "&useServerPrepStmts=true", "&useServerPrepStmts=true&useBatchMultiSend=false&useBulkStmts=false",
			"&rewriteBatchedStatements=true&allowMultiQueries=true", "&useBulkStmts=true&useServerPrepStmts=true&usePipelineAuth=true"}) {
			System.out.println("== options " + options);
			try (Connection c = connect(options)) {
				types(c);
				batches(c);
				fetching(c);
				transactions(c);
				if (options.isEmpty() || options.equals("&useServerPrepStmts=true")) {
					large(c);
					cancelling(c);
				}
			}
		}
		attempt("wrong password", () -> DriverManager.getConnection(URL, System.getenv("COMPAT_USER"), "wrong").close());
	}
}
