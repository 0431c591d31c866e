# A conversation by Ruby's mysql2. It prints what it sees.
require 'mysql2'
require 'digest'
$stdout.sync = true

def connection(more = {})
  Mysql2::Client.new({ host: ENV['COMPAT_HOST'], port: ENV['COMPAT_PORT'].to_i, username: ENV['COMPAT_USER'], password: ENV['COMPAT_PASSWORD'],
                       database: ENV['COMPAT_DATABASE'], sslca: ENV['COMPAT_CA'], encoding: 'utf8mb4', flags: Mysql2::Client::MULTI_STATEMENTS, local_infile: true }.merge(more))
end

def text(v)
  return v.inspect unless v.is_a?(String) && v.bytesize > 300
  "#{v.bytesize} #{Digest::SHA256.hexdigest(v)}"
end

def show(client, sql, *args)
  puts "> #{sql[0, 200]}"
  result = args.empty? ? client.query(sql) : client.prepare(sql).execute(*args)
  loop do
    if result
      puts "  fields #{result.fields.inspect}"
      result.each(as: :array) { |row| puts "  row #{row.map { |v| text(v) }.join(', ')}" }
    else
      puts "  affected #{client.affected_rows} id #{client.last_id}"
    end
    break unless args.empty? && client.next_result
    result = client.store_result
  end
rescue Mysql2::Error => e
  puts "  error #{e.errno} #{e.sql_state} #{e.message}"
end

c = connection
show(c, "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, a TINYINT UNSIGNED, b BIGINT, c DOUBLE, d DECIMAL(30,10), e VARCHAR(100),
  f LONGBLOB, g DATETIME(6), h TIME, i DATE, j YEAR, k BIT(12)) DEFAULT CHARSET utf8mb4")
every = (0..255).map(&:chr).join.b
show(c, 'INSERT INTO t (a, b, c, d, e, f, g, h, i, j, k) VALUES (?,?,?,?,?,?,?,?,?,?,?)', 255, -2**63, 1.5e300, '-12345678901234567890.0123456789',
     "Grüße 😀 '\"\\", every, Time.utc(2026, 11, 26, 23, 59, 59, 123456), '12:34:56', Date.new(2026, 11, 26), 2155, 4095)
show(c, 'INSERT INTO t (a, e) VALUES (?, ?)', nil, nil)
show(c, 'SELECT * FROM t ORDER BY id')
show(c, 'SELECT * FROM t WHERE id >= ? ORDER BY id', 1)
['SELEKT', 'SELECT * FROM no_such', 'INSERT INTO t (id) VALUES (1)'].each { |bad| show(c, bad) }
show(c, 'INSERT INTO t (id) VALUES (?)', 1)
show(c, "SELECT 1 AS a; INSERT INTO t (e) VALUES ('m'); SELECT 'x' AS b; SELECT * FROM no_such; SELECT 3")
c.abandon_results!
show(c, 'CREATE PROCEDURE p(n INT) BEGIN SELECT n AS a; SELECT n + 1 AS b, NULL AS c; END')
show(c, 'CALL p(7)')
c.abandon_results!
%w[ROLLBACK COMMIT].each do |finish|
  show(c, 'BEGIN')
  show(c, 'INSERT INTO t (e) VALUES (?)', 'in a transaction')
  show(c, finish)
  show(c, "SELECT COUNT(*) FROM t WHERE e = 'in a transaction'")
end
show(c, 'INSERT INTO t (id, f) VALUES (?, ?)', 100_000, every * (68 * 1024))
show(c, 'SELECT LENGTH(f), MD5(f), f FROM t WHERE id = ?', 100_000)
other = connection
other.query('SELECT SLEEP(30) FROM t', async: true)
sleep 0.05 while c.query("SELECT 1 FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT SLEEP(30)%'").count.zero?
show(c, "KILL QUERY #{other.thread_id}")
begin
  puts other.async_result.to_a.inspect
rescue Mysql2::Error => e
  puts "  error #{e.errno} #{e.message}"
end
show(other, "SELECT 'and on'")
puts "ping #{c.ping}, #{c.server_info[:version]}"
c.select_db('mysql')
show(c, 'SELECT DATABASE()')
begin
  connection(password: 'wrong')
rescue Mysql2::Error => e
  puts "wrong password: #{e.errno} #{e.message}"
end
