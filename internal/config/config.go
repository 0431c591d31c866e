// Package config is the one configuration of a gateway: one struct, read strictly from one YAML file, with every
// default in defaults.go and every mistake named by file, line and hint. It holds no secret: users, verifiers and
// credentials live in the state folder and are changed by verbs.
package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"path/filepath"
	"slices"
	"time"
)

// Config is a gateway's configuration in force. Load makes it: paths are then absolute, names are checked against
// each other and every account, listener and limit can be used as it stands. It is not changed afterwards.
type Config struct {
	Gateway    string              `yaml:"gateway"`    // the name in records
	State      string              `yaml:"state"`      // folder of users, vault, journal and archive
	Log        Log                 `yaml:"log"`        //
	Admin      Admin               `yaml:"admin"`      //
	TLS        TLS                 `yaml:"tls"`        // what clients see
	SSH        SSH                 `yaml:"ssh"`        // what SSH clients see
	Listeners  map[string]Listener `yaml:"listeners"`  // by name
	Targets    map[string]Target   `yaml:"targets"`    // by the name that users log in with
	Groups     map[string][]string `yaml:"groups"`     // group -> users
	Policy     []string            `yaml:"policy"`     // globs of Cedar files; none: everything is refused
	Vault      Vault               `yaml:"vault"`      //
	Recording  Recording           `yaml:"recording"`  //
	Evidence   Evidence            `yaml:"evidence"`   //
	Retention  Retention           `yaml:"retention"`  //
	ClickHouse ClickHouse          `yaml:"clickhouse"` //
	Limits     Limits              `yaml:"limits"`     //

	Path        string   `yaml:"-" json:"-"` // the file it was read from; empty: none
	PolicyFiles []string `yaml:"-" json:"-"` // what Policy's globs match, sorted, each once
	hash        string   // of what the file says, before paths were made absolute
}

// Log says how the gateway's own log looks.
type Log struct {
	Format string `yaml:"format" oneof:"text json"`
	Level  string `yaml:"level" oneof:"debug info warn error"`
}

// Admin is the operator's listener: /metrics and /healthz.
type Admin struct {
	Listen string `yaml:"listen"` // loopback host:port; empty: off
}

// TLS names the certificate that clients see. Both empty: see Config.Certificate.
type TLS struct {
	Certificate string `yaml:"certificate"` // PEM file, leaf first
	Key         string `yaml:"key"`         // PEM file
}

// SSH names the keys that SSH clients know the gateway by. No key: see Config.HostKeys.
type SSH struct {
	HostKeys         []string `yaml:"host_keys"`         // files of private keys, ed25519 or RSA
	HostCertificates []string `yaml:"host_certificates"` // files, each of one of the host keys
	Banner           string   `yaml:"banner"`            // file of what clients are shown before they log in; empty: nothing
}

// Listener is an address that clients connect to.
type Listener struct {
	Protocol      string         `yaml:"protocol" oneof:"postgres mysql ssh"`
	Address       string         `yaml:"address"`                                   // host:port; an empty host: all addresses
	Target        string         `yaml:"target"`                                    // all logins go there; empty: the login names one
	Plaintext     string         `yaml:"plaintext" oneof:"never loopback anywhere"` // who may go on without TLS
	ProxyProtocol []netip.Prefix `yaml:"proxy_protocol"`                            // networks whose PROXY protocol header is believed
	ClientCA      string         `yaml:"client_ca"`                                 // PEM file: certificates that it signed prove users. mysql only
	ServerVersion string         `yaml:"server_version"`                            // said before the login; mysql without a target only
	UserCA        string         `yaml:"user_ca"`                                   // file of public keys: SSH certificates that one signed prove users. ssh only
	RevokedKeys   string         `yaml:"revoked_keys"`                              // file: SSH keys and certificates that prove nobody any more. ssh only
	Passwords     bool           `yaml:"passwords"`                                 // false: keys and certificates alone. ssh only
}

// Target is a server behind the gateway.
type Target struct {
	Protocol       string             `yaml:"protocol" oneof:"postgres mysql ssh"`
	Address        string             `yaml:"address"`  // host:port, or the absolute path of a unix socket
	Database       string             `yaml:"database"` // where the login names none; empty: the protocol's default
	TLS            TargetTLS          `yaml:"tls"`
	Auth           string             `yaml:"auth"`            // the weakest method that is answered, see authMethods; Load fills in the default
	Accounts       map[string]Account `yaml:"accounts"`        // by the name that users log in with
	DefaultAccount string             `yaml:"default_account"` // where the login names none; Load fills in an only account
	Recording      string             `yaml:"recording" oneof:"required best_effort"`
	Limits         TargetLimits       `yaml:"limits"`

	// Of an SSH server only.
	HostKeys  []string `yaml:"host_keys"` // public keys as in a .pub file: the only ones that the server may have
	HostCA    []string `yaml:"host_ca"`   // public keys of authorities whose host certificates are believed
	HostName  string   `yaml:"host_name"` // the name in the server's host certificate; empty: the address's host
	Env       []string `yaml:"env"`       // variables that clients may set; a * at the end stands for any ending
	Input     string   `yaml:"input" oneof:"echoed never sealed"`
	Recipient string   `yaml:"recipient"`  // age1...: what input is sealed to
	MaxOutput Size     `yaml:"max_output"` // kept of each stream of a program without a terminal; 0: all
}

// TargetLimits bound what clients may use of one target, beside the gateway's own Limits. Zero: those alone.
type TargetLimits struct {
	MaxSessions        int           `yaml:"max_sessions"`          // on this target
	MaxSessionsPerUser int           `yaml:"max_sessions_per_user"` // on this target
	IdleTimeout        time.Duration `yaml:"idle_timeout"`          // in place of the gateway's
	MaxSession         time.Duration `yaml:"max_session"`           // in place of the gateway's
}

// TargetTLS is how the gateway reaches a target. It never falls back.
type TargetTLS struct {
	Mode       string `yaml:"mode" oneof:"verify off"`
	CA         string `yaml:"ca"`          // PEM file; empty: the system's
	ServerName string `yaml:"server_name"` // empty: the address's host
}

// Account is one login of a target.
type Account struct {
	Secret string `yaml:"secret"` // its name in the vault, which holds the target's login name and the password
}

// Vault is where target credentials are sealed.
type Vault struct {
	Key VaultKey `yaml:"key"`
}

// VaultKey is where the master key comes from. Only one of the two is set.
type VaultKey struct {
	File string `yaml:"file"`
	Env  string `yaml:"env"` // name of an environment variable
}

// Recording is the journal's manner.
type Recording struct {
	Durability string        `yaml:"durability" oneof:"os disk"` // os: survives SIGKILL; disk: survives power loss
	Wait       time.Duration `yaml:"wait"`                       // how long an action waits for room before it is refused
	Journal    Size          `yaml:"journal"`                    // bound of all segments
	Segment    Size          `yaml:"segment"`                    // size of one
}

// Evidence is what proves the record to those who have it from elsewhere.
type Evidence struct {
	Checkpoint time.Duration     `yaml:"checkpoint"` // how often the log is signed, where it has grown
	To         []CheckpointPlace `yaml:"to"`         // where checkpoints go beside the archive
}

// CheckpointPlace is one place that checkpoints go to. Exactly one of the three is set.
type CheckpointPlace struct {
	File    string   `yaml:"file"`    // appended to
	URL     string   `yaml:"url"`     // POST
	Command []string `yaml:"command"` // standard input
}

// Retention says how long the archive keeps what was recorded, and in what form. Sessions that are held stay.
type Retention struct {
	Keep    time.Duration `yaml:"keep"`     // from the record on; 0: for ever
	MaxSize Size          `yaml:"max_size"` // of the archive's blocks, the oldest go first; 0: no bound
	Compact bool          `yaml:"compact"`  // rewrite small blocks into larger ones in quiet times
	Despite []string      `yaml:"despite"`  // followers, by name, for which records are not kept
}

// ClickHouse is a follower: records go on to it from the archive here. Or it is the home, and there is no archive here.
type ClickHouse struct {
	DSN         string          `yaml:"dsn"` // where it is, without a password; empty: there is none
	Home        bool            `yaml:"home"`
	Secret      string          `yaml:"secret"` // its name in the vault, which holds the login name and the password
	TLS         TargetTLS       `yaml:"tls"`
	Cluster     string          `yaml:"cluster"` // its name, as the servers know it; empty: there is one server
	Compression string          `yaml:"compression" oneof:"lz4 zstd none"`
	DialTimeout time.Duration   `yaml:"dial_timeout"`
	Timeout     time.Duration   `yaml:"timeout"` // how long the server may be silent
	Keep        time.Duration   `yaml:"keep"`    // of the rows there; 0: for ever
	Batch       ClickHouseBatch `yaml:"batch"`
}

// ClickHouseBatch bounds what is sent at once.
type ClickHouseBatch struct {
	Records int           `yaml:"records"`
	Bytes   Size          `yaml:"bytes"` // of the records, encoded
	Wait    time.Duration `yaml:"wait"`  // how long records are gathered
}

// ClickHouseName is the follower's name.
const ClickHouseName = "clickhouse"

// Limits bound what clients may use. Zero: no limit, but for the login's timeouts and the sizes, which are needed.
type Limits struct {
	MaxSessions        int           `yaml:"max_sessions"`
	MaxSessionsPerUser int           `yaml:"max_sessions_per_user"`
	HelloTimeout       time.Duration `yaml:"hello_timeout"` // from accept to a proved user
	LoginGrace         time.Duration `yaml:"login_grace"`   // in place of hello_timeout for SSH
	JoinTimeout        time.Duration `yaml:"join_timeout"`  // to reach the target and log in to it
	IdleTimeout        time.Duration `yaml:"idle_timeout"`  // without a statement asked or running
	MaxSession         time.Duration `yaml:"max_session"`   // from open to close
	MaxStatement       Size          `yaml:"max_statement"` // longer is refused
	MaxParse           Size          `yaml:"max_parse"`     // longer is not parsed
	DrainTimeout       time.Duration `yaml:"drain_timeout"` // for sessions to end by themselves at shutdown
}

// Names of files in the state folder that more than one verb touches.
const (
	controlSocket = "control.sock"
	vaultFile     = "vault.sealed"
	selfCert      = "tls.crt"
	selfKey       = "tls.key"
	hostEd25519   = "ssh_host_ed25519_key"
	hostRSA       = "ssh_host_rsa_key"
)

// ControlSocket is the path on which a running gateway takes orders from the verbs beside it.
func (c *Config) ControlSocket() string { return filepath.Join(c.State, controlSocket) }

// VaultFile is the path of the sealed credentials.
func (c *Config) VaultFile() string { return filepath.Join(c.State, vaultFile) }

// Certificate returns the files that clients' TLS uses, and whether they are the self-signed ones that the
// gateway makes for itself on its first start.
func (c *Config) Certificate() (cert, key string, selfSigned bool) {
	if c.TLS.Certificate != "" {
		return c.TLS.Certificate, c.TLS.Key, false
	}
	return filepath.Join(c.State, selfCert), filepath.Join(c.State, selfKey), true
}

// HostKeys returns the files of the keys that SSH clients know the gateway by, and whether they are those that it makes
// for itself on its first start.
func (c *Config) HostKeys() (files []string, own bool) {
	if len(c.SSH.HostKeys) > 0 {
		return c.SSH.HostKeys, false
	}
	return []string{filepath.Join(c.State, hostEd25519), filepath.Join(c.State, hostRSA)}, true
}

// GroupsOf returns the groups that name user, sorted.
func (c *Config) GroupsOf(user string) []string {
	var groups []string
	for group, users := range c.Groups {
		if slices.Contains(users, user) {
			groups = append(groups, group)
		}
	}
	slices.Sort(groups)
	return groups
}

// Hash names the configuration in records: SHA-256, in hex, of what the file says with its defaults filled in.
// Comments, the order of keys and the folder it stands in don't change it.
func (c *Config) Hash() string {
	if c.hash != "" {
		return c.hash
	}
	return c.sum()
}

func (c *Config) sum() string {
	text, err := json.Marshal(c) // maps by sorted key
	if err != nil {
		panic("config holds what JSON can't: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
