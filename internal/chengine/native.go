package chengine

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/testenv"
)

// Native is the distribution's own ClickHouse server (Debian's is of 2018), which is good for one thing: the native
// protocol over TCP, which the engine's library has none of. DateTime64, codecs and text indexes are not in it.
type Native struct {
	Addr, TLSAddr  string // host:port
	User, Password string
	CA             []byte // PEM, of TLSAddr's certificate for 127.0.0.1 and localhost
}

// server is where Debian's package puts it.
const server = "/usr/sbin/clickhouse-server"

// NativeForTest starts a server that goes with the test, or skips the test where there is none.
func NativeForTest(t testing.TB) *Native {
	t.Helper()
	skipUnlessAsked(t)
	if _, err := os.Stat(server); err != nil {
		t.Skipf("%s ClickHouse's native protocol: %s is missing (setup.sh clickhouse installs it)", testenv.SkipMark, server)
	}
	dir := t.TempDir()
	n := &Native{User: "default", Password: testenv.NewPassword()}
	if err := n.configure(dir); err != nil {
		t.Fatal(err)
	}
	if err := n.start(t, dir); err != nil {
		t.Fatal(err)
	}
	return n
}

// DSN is what clickhouse.ParseDSN takes for a database, over plain TCP.
func (n *Native) DSN(database string) string {
	u := url.URL{Scheme: "clickhouse", User: url.UserPassword(n.User, n.Password), Host: n.Addr, Path: "/" + database}
	return u.String()
}

const nativeConfig = `<yandex>
	<logger><level>warning</level><console>1</console></logger>
	<listen_host>127.0.0.1</listen_host><tcp_port>%[2]s</tcp_port><tcp_port_secure>%[3]s</tcp_port_secure>
	<path>%[1]s/data/</path><tmp_path>%[1]s/tmp/</tmp_path><users_config>%[1]s/users.xml</users_config>
	<default_profile>default</default_profile><default_database>default</default_database><timezone>UTC</timezone>
	<mark_cache_size>5242880</mark_cache_size>
	<openSSL><server>
		<certificateFile>%[1]s/tls.crt</certificateFile><privateKeyFile>%[1]s/tls.key</privateKeyFile>
		<verificationMode>none</verificationMode><disableProtocols>sslv2,sslv3</disableProtocols>
	</server></openSSL>
</yandex>`

const nativeUsers = `<yandex>
	<profiles><default/></profiles><quotas><default/></quotas>
	<users><%[1]s>
		<password>%[2]s</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>
	</%[1]s></users>
</yandex>`

func (n *Native) configure(dir string) error {
	authority, err := testenv.NewAuthority()
	if err != nil {
		return err
	}
	cert, err := authority.Server()
	if err != nil {
		return err
	}
	n.CA = authority.CA
	var ports [2]string
	for i := range ports {
		port, err := testenv.FreePort()
		if err != nil {
			return err
		}
		ports[i] = fmt.Sprint(port)
	}
	n.Addr, n.TLSAddr = net.JoinHostPort("127.0.0.1", ports[0]), net.JoinHostPort("127.0.0.1", ports[1])
	for name, content := range map[string]string{
		"config.xml": fmt.Sprintf(nativeConfig, dir, ports[0], ports[1]),
		"users.xml":  fmt.Sprintf(nativeUsers, n.User, n.Password),
		"tls.crt":    string(cert.Cert),
		"tls.key":    string(cert.Key),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// untilEOF runs a program until the standard input ends: so it goes with us, however we end.
const untilEOF = `"$@" </dev/null & pid=$!
read -r _
kill -9 $pid
wait $pid`

func (n *Native) start(t testing.TB, dir string) error {
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command("sh", "-c", untilEOF, "sh", server, "--config-file="+filepath.Join(dir, "config.xml"))
	life, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	t.Cleanup(func() {
		_ = life.Close()
		_ = cmd.Wait() // it was killed
	})
	for deadline := time.Now().Add(ready); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", n.TLSAddr) // the last that it listens on
		if err == nil {
			return conn.Close()
		}
		if time.Now().After(deadline) {
			said, _ := os.ReadFile(log.Name())
			return fmt.Errorf("start ClickHouse's server: %w:\n%s", err, strings.TrimSpace(string(said)))
		}
	}
}
