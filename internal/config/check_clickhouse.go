package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// ClickHousePlace is where a DSN leads.
type ClickHousePlace struct {
	Hosts    []string // host:port
	HTTP     bool     // false: the native protocol
	Database string
}

// databaseRule is what a database may be called, so that it needs no quotes anywhere.
var databaseRule = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)

// hinted is an error with what to do.
type hinted struct {
	error
	hint string
}

// Place reads the DSN.
func (c *ClickHouse) Place() (p ClickHousePlace, err error) {
	scheme, rest, _ := strings.Cut(c.DSN, "://")
	switch scheme {
	case "clickhouse":
	case "http", "https":
		p.HTTP = true
	default:
		return p, hinted{errors.New("begins with clickhouse://, https:// or http://"), "write clickhouse://host:9440/database, or https://host:8443/database"}
	}
	if strings.Contains(rest, "@") {
		return p, hinted{errors.New("holds no name and no password"), "store both with: gatefold secret add " + ClickHouseName + " --user LOGIN"}
	}
	rest, settings, has := strings.Cut(rest, "?")
	if has || settings != "" {
		return p, hinted{errors.New("has no settings"), "there are keys beside it"}
	}
	hosts, database, _ := strings.Cut(rest, "/")
	if p.Database = database; database == "" {
		return p, hinted{errors.New("names no database"), "write it behind the hosts: /gatefold"}
	}
	if !databaseRule.MatchString(database) {
		return p, hinted{fmt.Errorf("names no database: %q", showable(database)), "it is letters, digits and underscores"}
	}
	for host := range strings.SplitSeq(hosts, ",") {
		name, port, err := net.SplitHostPort(host)
		if err == nil {
			_, err = strconv.ParseUint(port, 10, 16)
		}
		if _, e := url.Parse("http://" + host); err != nil || e != nil || name == "" || portZero(host) {
			return p, hinted{fmt.Errorf("%q is no address", showable(host)), "write host:port, with commas between several"}
		}
		p.Hosts = append(p.Hosts, host)
	}
	return p, nil
}

func (v *checker) clickhouse() {
	c := &v.c.ClickHouse
	if c.DSN == "" {
		if c.Home {
			v.report("clickhouse.home is set, and clickhouse.dsn is not", "say where it is, or leave home alone", "clickhouse", "home")
		}
		return
	}
	at := func(keys ...string) []string { return append([]string{"clickhouse"}, keys...) }
	if place, err := c.Place(); err == nil && len(place.Hosts) > 1 && c.Cluster == "" {
		v.report(fmt.Sprintf("clickhouse.dsn names %d hosts, and clickhouse.cluster none", len(place.Hosts)),
			"name the cluster, or one host: servers that don't replicate each other would have a part of the record each", at("dsn")...)
	} else if err != nil {
		var h hinted
		errors.As(err, &h)
		colon := ""
		if strings.HasPrefix(err.Error(), `"`) {
			colon = ":"
		}
		v.report("clickhouse.dsn"+colon+" "+err.Error(), h.hint, at("dsn")...)
	} else {
		v.clickhouseTLS(at)
	}
	if c.Cluster != "" && !databaseRule.MatchString(c.Cluster) {
		v.report(fmt.Sprintf("clickhouse.cluster: %q is no name", showable(c.Cluster)), "it is letters, digits and underscores", at("cluster")...)
	}
	v.name("secret", c.Secret, at("secret")...)
	v.exists(c.TLS.CA, at("tls", "ca")...)
	for key, d := range map[string]time.Duration{"dial_timeout": c.DialTimeout, "timeout": c.Timeout} {
		if d <= 0 {
			v.report("clickhouse."+key+" must be set", "a server that says nothing is not waited for for ever", at(key)...)
		}
	}
	if c.Keep != 0 && c.Keep < leastKeep {
		v.report(fmt.Sprintf("rows can't be kept for %s", c.Keep), "it is at least 1h, 8760h are a year; 0s: for ever", at("keep")...)
	}
	const mostRecords, mostBytes = 1_000_000, 16 << 20 // 16 MiB
	b := c.Batch
	if b.Records < 1 || b.Records > mostRecords || b.Bytes < 1 || b.Bytes > mostBytes {
		v.report(fmt.Sprintf("batches of %d records and %s can't be", b.Records, b.Bytes), "they have 1 to 1000000 records and up to 16MiB", at("batch")...)
	}
	if b.Wait < 10*time.Millisecond || b.Wait > time.Hour {
		v.report(fmt.Sprintf("batches each %s can't be", b.Wait), "it is from 10ms to 1h, 1s is usual", at("batch", "wait")...)
	}
}

// clickhouseTLS checks that scheme and TLS say the same.
func (v *checker) clickhouseTLS(at func(...string) []string) {
	c := &v.c.ClickHouse
	switch plain := strings.HasPrefix(c.DSN, "http://"); {
	case plain && c.TLS.Mode == "verify":
		v.report("clickhouse.tls.mode verify, and the dsn has http://", "write https://, or tls: {mode: off} where nobody can listen", at("dsn")...)
	case strings.HasPrefix(c.DSN, "https://") && c.TLS.Mode == "off":
		v.report("clickhouse.tls.mode off, and the dsn has https://", "write http://, or leave tls.mode alone", at("tls", "mode")...)
	}
}
