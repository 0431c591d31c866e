package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/gatefold/gatefold/internal/testenv"
)

// pasteMySQL makes the strings for one login and an address.
func pasteMySQL(t *testing.T, i int, address, ca string) mysqlConnection {
	t.Helper()
	return mysqlConnection{connection: paste(t, i, address), ca: ca}
}

// MariaDB's own client reads what dsn prints, through a shell, and verifies the certificate that it names.
func TestPastedIntoMariaDB(t *testing.T) {
	client := testenv.MariaDBTool(t, "mariadb")
	cert, err := testenv.NewCert()
	if err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(t.TempDir(), "it's a ca.pem")
	if err := os.WriteFile(ca, cert.CA, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	pair, err := tls.X509KeyPair(cert.Cert, cert.Key)
	if err != nil {
		t.Fatal(err)
	}
	for i := range pasted {
		c := pasteMySQL(t, i, l.Addr().String(), ca)
		if i%2 == 1 {
			c.host = "localhost"
		}
		line := strings.Replace(c.mariadb(), "mariadb ", client+" --no-defaults ", 1)
		line = strings.Replace(line, " -p", " -psecret", 1)
		cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
		cmd.Env = testenv.CleanEnv()
		user, database := loginOf(t, l, pair, cmd)
		checkPasted(t, i, user, database)
	}
}

// loginOf runs a client and returns the user and the database that it logs in with.
func loginOf(t *testing.T, l net.Listener, pair tls.Certificate, cmd *exec.Cmd) (user, database string) {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { // a client that never connects must not hold the test
		cmd.Wait()
		close(ended)
	}()
	conn := accept(t, l, ended, &out)
	user, database, err := greet(t.Context(), conn, pair)
	conn.Close()
	<-ended
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, &out)
	}
	return user, database
}

// Capabilities of the conversation below (MariaDB: "Connection").
const (
	capConnectWithDB = 1 << 3
	capProtocol41    = 1 << 9
	capSSL           = 1 << 11
	capSecure        = 1 << 15
	capPluginAuth    = 1 << 19
)

// greet is a server up to the client's login, inside TLS.
func greet(ctx context.Context, conn net.Conn, pair tls.Certificate) (user, database string, err error) {
	const caps = capConnectWithDB | capProtocol41 | capSSL | capSecure | capPluginAuth
	g := append([]byte{10}, "8.0.36\x00\x01\x00\x00\x0012345678\x00"...)
	g = binary.LittleEndian.AppendUint16(g, caps&0xffff)
	g = append(g, 45, 2, 0)
	g = binary.LittleEndian.AppendUint16(g, caps>>16)
	g = append(append(g, 21), make([]byte, 10)...)
	g = append(g, "123456789012\x00mysql_native_password\x00"...)
	if _, err := conn.Write(append([]byte{byte(len(g)), 0, 0, 0}, g...)); err != nil {
		return "", "", err
	}
	if ssl, err := readPacket(conn); err != nil || len(ssl) != 32 || ssl[1]&(capSSL>>8) == 0 {
		return "", "", fmt.Errorf("it asks for no TLS: %x, %w", ssl, err)
	}
	secure := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{pair}})
	if err := secure.HandshakeContext(ctx); err != nil {
		return "", "", err
	}
	login, err := readPacket(secure)
	if err != nil {
		return "", "", err
	}
	return readLogin(login)
}

func readPacket(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	body := make([]byte, int(head[0])|int(head[1])<<8) // a login is short
	_, err := io.ReadFull(r, body)
	return body, err
}

// readLogin reads a HandshakeResponse41 as far as the database.
func readLogin(p []byte) (user, database string, err error) {
	if len(p) < 33 {
		return "", "", errors.New("a login of less than 33 bytes")
	}
	caps := binary.LittleEndian.Uint32(p)
	r := bufio.NewReader(bytes.NewReader(p[32:]))
	user, err = r.ReadString(0)
	if err != nil {
		return "", "", err
	}
	n, err := r.ReadByte() // of the answer to the challenge: under 251 in either form
	if err != nil {
		return "", "", err
	}
	if _, err := r.Discard(int(n)); err != nil {
		return "", "", err
	}
	if caps&capConnectWithDB != 0 {
		if database, err = r.ReadString(0); err != nil {
			return "", "", err
		}
	}
	return strings.TrimSuffix(user, "\x00"), strings.TrimSuffix(database, "\x00"), nil
}

// The driver reads its own form.
func TestPastedIntoGo(t *testing.T) {
	for i := range pasted {
		c := pasteMySQL(t, i, "127.0.0.1:3307", "/ca.pem")
		cfg, err := mysql.ParseDSN(c.golang())
		if err != nil {
			t.Fatalf("%s: %v", c.golang(), err)
		}
		checkPasted(t, i, cfg.User, cfg.DBName)
		if cfg.Addr != "127.0.0.1:3307" || cfg.TLS == nil || cfg.TLS.InsecureSkipVerify || cfg.TLS.ServerName != "127.0.0.1" {
			t.Errorf("%s is read as %+v", c.golang(), cfg)
		}
	}
}

func TestPastedAsMySQLURI(t *testing.T) {
	for i := range pasted {
		c := pasteMySQL(t, i, "[::1]:3307", "/a folder/ca&b.pem")
		u, err := url.Parse(c.uri())
		if err != nil {
			t.Fatalf("%s: %v", c.uri(), err)
		}
		checkPasted(t, i, u.User.Username(), strings.TrimPrefix(u.Path, "/"))
		if q := u.Query(); u.Host != "[::1]:3307" || q.Get("ssl-ca") != c.ca || q.Get("ssl-mode") != "VERIFY_IDENTITY" {
			t.Errorf("%s is read as %+v", c.uri(), u)
		}
	}
}

// parseJDBC prints how MariaDB's Connector/J reads each URL: user, database, TLS, certificate.
const parseJDBC = `public class ParseJDBC {
	public static void main(String[] urls) throws Exception {
		for (String url : urls) {
			org.mariadb.jdbc.UrlParser p = org.mariadb.jdbc.UrlParser.parse(url);
			System.out.println(p.getUsername() + "\n" + (p.getDatabase() == null ? "" : p.getDatabase()) + "\n" +
				p.getOptions().useSsl + " " + p.getOptions().trustServerCertificate + " " + p.getOptions().serverSslCert);
		}
	}
}
`

// Connector/J itself reads the URLs, where it and a JDK are here.
func TestPastedIntoConnectorJ(t *testing.T) {
	const jar = "/usr/share/java/mariadb-java-client.jar"
	java, err := exec.LookPath("java")
	if _, jarErr := os.Stat(jar); err != nil || jarErr != nil {
		t.Skipf("needs java and %s, which setup.sh compat installs", jar)
	}
	source := filepath.Join(t.TempDir(), "ParseJDBC.java")
	if err := os.WriteFile(source, []byte(parseJDBC), 0o600); err != nil {
		t.Fatal(err)
	}
	args, sent := []string{"-cp", jar, source}, []int{}
	for i := range pasted {
		c := pasteMySQL(t, i, "127.0.0.1:3307", "/a folder/ca.pem")
		if text := c.jdbc(); text != "" {
			args, sent = append(args, text), append(sent, i)
		} else if !strings.ContainsAny(c.database, "?&/#") {
			t.Errorf("nothing says %+v", c)
		}
	}
	cmd := exec.CommandContext(t.Context(), java, args...)
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(out), "\n")
	for k, i := range sent {
		checkPasted(t, i, lines[3*k], lines[3*k+1])
		if lines[3*k+2] != "true false /a folder/ca.pem" {
			t.Errorf("TLS is read as %s", lines[3*k+2])
		}
	}
}
