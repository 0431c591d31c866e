package config

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// maxFile bounds what is read of a configuration.
const maxFile = 4 << 20 // 4 MiB

// Load reads and checks a configuration. Its error is Problems where the file is wrong, and otherwise says that the
// file can't be read.
func Load(path string) (*Config, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find configuration: %w", err)
	}
	text, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	d := &decoder{file: display(path), places: make(map[string]place)}
	c := Default()
	c.Path = path
	d.decode(text, &c)
	if len(d.problems) > 0 { // what could not be read can't be checked
		return nil, d.problems.sorted()
	}
	c.fill()
	c.hash = c.sum()
	c.resolve(filepath.Dir(path))
	(&checker{decoder: d, c: &c}).check()
	if len(d.problems) > 0 {
		return nil, d.problems.sorted()
	}
	return &c, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s is over %s", path, Size(maxFile))
	}
	return text, err
}

// display is path as a person in this folder would write it.
func display(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(here, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}

// fill sets what follows from other settings.
func (c *Config) fill() {
	for name, t := range c.Targets {
		if t.DefaultAccount == "" && len(t.Accounts) == 1 {
			for only := range t.Accounts {
				t.DefaultAccount = only
			}
		}
		if t.Auth == "" {
			t.Auth = defaultAuth[t.Protocol]
		}
		c.Targets[name] = t
	}
	if c.Vault.Key.Env != "" && c.Vault.Key.File == defaultKeyFile {
		c.Vault.Key.File = ""
	}
}

// resolve makes paths absolute: those in the file are relative to its folder.
func (c *Config) resolve(dir string) {
	paths := []*string{&c.State, &c.TLS.Certificate, &c.TLS.Key, &c.Vault.Key.File, &c.SSH.Banner}
	for i := range c.SSH.HostKeys {
		paths = append(paths, &c.SSH.HostKeys[i])
	}
	for i := range c.SSH.HostCertificates {
		paths = append(paths, &c.SSH.HostCertificates[i])
	}
	for i := range c.Policy {
		paths = append(paths, &c.Policy[i])
	}
	for _, p := range paths {
		*p = absolute(dir, *p)
	}
	for i := range c.Evidence.To {
		c.Evidence.To[i].File = absolute(dir, c.Evidence.To[i].File)
	}
	c.ClickHouse.TLS.CA = absolute(dir, c.ClickHouse.TLS.CA)
	for name, t := range c.Targets {
		t.TLS.CA = absolute(dir, t.TLS.CA)
		c.Targets[name] = t
	}
	for name, l := range c.Listeners {
		l.ClientCA = absolute(dir, l.ClientCA)
		l.UserCA = absolute(dir, l.UserCA)
		l.RevokedKeys = absolute(dir, l.RevokedKeys)
		c.Listeners[name] = l
	}
}

func absolute(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// expand lists the files that the policy's globs match, and the first glob that matches none.
func (c *Config) expand() (files []string, empty int, err error) {
	empty = -1
	for i, glob := range c.Policy {
		match, err := filepath.Glob(glob)
		if err != nil {
			return nil, i, err
		}
		if len(match) == 0 && empty < 0 {
			empty = i
		}
		files = append(files, match...)
	}
	slices.Sort(files)
	return slices.Compact(files), empty, nil
}
