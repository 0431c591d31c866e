package config

import (
	"os"
	"time"
)

// Default is the configuration of an empty file: a gateway without listeners or targets.
func Default() Config {
	return Config{
		Gateway: hostName(),
		State:   "state",
		Log:     Log{Format: "text", Level: "info"},
		Admin:   Admin{Listen: "127.0.0.1:9187"},
		Vault:   Vault{Key: VaultKey{File: defaultKeyFile}},
		Recording: Recording{
			Durability: "os",
			Wait:       5 * time.Second,
			Journal:    4 << 30,  // 4 GiB
			Segment:    64 << 20, // 64 MiB
		},
		Evidence:  Evidence{Checkpoint: time.Minute},
		Retention: Retention{Compact: true},
		ClickHouse: ClickHouse{
			Secret:      ClickHouseName,
			TLS:         TargetTLS{Mode: "verify"},
			Compression: "lz4",
			DialTimeout: 10 * time.Second,
			Timeout:     5 * time.Minute,
			Batch:       ClickHouseBatch{Records: 50_000, Bytes: 8 << 20, Wait: time.Second}, // 8 MiB
		},
		Limits: Limits{
			MaxSessions:  1000,
			HelloTimeout: 15 * time.Second,
			LoginGrace:   2 * time.Minute, // as sshd's LoginGraceTime
			JoinTimeout:  15 * time.Second,
			MaxStatement: 16 << 20, // 16 MiB
			MaxParse:     1 << 20,  // 1 MiB
			DrainTimeout: 30 * time.Second,
		},
	}
}

// defaultKeyFile stands beside the configuration and outside the state folder: a copy of the state alone opens
// nothing.
const defaultKeyFile = "master.key"

func defaultListener() Listener {
	return Listener{Protocol: "postgres", Plaintext: "loopback", Passwords: true}
}

func defaultTarget() Target {
	return Target{
		Protocol:  "postgres",
		TLS:       TargetTLS{Mode: "verify"},
		Recording: "required",
		Env:       []string{"LANG", "LC_*"},
		Input:     "echoed",
	}
}

func hostName() string {
	name, err := os.Hostname()
	if err != nil || !nameRule.MatchString(name) {
		return "gatefold"
	}
	return name
}
