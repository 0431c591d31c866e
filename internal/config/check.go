package config

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

// nameRule holds for gateways, listeners, targets, accounts, groups and secrets. No '@', '=' or '/': they part a
// login, see identity.Split.
var nameRule = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

const nameHint = "a name is up to 63 letters, digits, dots, dashes and underscores, and starts with a letter or a digit"

// userRule is internal/identity's rule for the names of users.
var userRule = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{M}\p{N}._+@-]*$`)

// checker compares what a file says with itself and with the files that it names.
type checker struct {
	*decoder
	c *Config
}

// report adds a problem at the nearest place that the file has for path.
func (v *checker) report(message, hint string, path ...string) {
	for len(path) > 0 {
		if at, ok := v.places[join(path...)]; ok {
			v.addAt(at, message, hint)
			return
		}
		path = path[:len(path)-1]
	}
	v.addAt(place{}, message, hint)
}

func (v *checker) check() {
	v.names()
	v.choices(reflect.ValueOf(v.c).Elem())
	v.listeners()
	v.targets()
	v.groups()
	v.files()
	v.sizes()
	v.evidence()
	v.retention()
	v.clickhouse()
	v.ssh()
	v.limits()
}

func (v *checker) name(what, name string, path ...string) {
	if !nameRule.MatchString(name) {
		v.report(fmt.Sprintf("%q is no name for a %s", showable(name), what), nameHint, path...)
	}
}

func (v *checker) names() {
	v.name("gateway", v.c.Gateway, "gateway")
	for name := range v.c.Listeners {
		v.name("listener", name, "listeners", name)
	}
	for name := range v.c.Targets {
		v.name("target", name, "targets", name)
	}
	for name := range v.c.Groups {
		v.name("group", name, "groups", name)
	}
}

// choices checks every text field that has an `oneof` tag.
func (v *checker) choices(of reflect.Value, path ...string) {
	switch of.Kind() {
	case reflect.Map:
		for it := of.MapRange(); it.Next(); {
			v.choices(it.Value(), append(slices.Clone(path), it.Key().String())...)
		}
	case reflect.Struct:
		for _, f := range keysOf(of.Type()) {
			below := append(slices.Clone(path), f.Tag.Get("yaml"))
			v.choices(of.FieldByIndex(f.Index), below...)
			if known := strings.Fields(f.Tag.Get("oneof")); len(known) > 0 {
				v.oneOf(of.FieldByIndex(f.Index).String(), known, below)
			}
		}
	}
}

func (v *checker) oneOf(value string, known, path []string) {
	if slices.Contains(known, value) {
		return
	}
	hint := "it is one of: " + strings.Join(known, ", ")
	if near := nearest(value, known); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	v.report(fmt.Sprintf("%s can't be %q", path[len(path)-1], showable(value)), hint, path...)
}

func (v *checker) groups() {
	for group, users := range v.c.Groups {
		for i, user := range users {
			if len(user) > 128 || !userRule.MatchString(user) || !norm.NFC.IsNormalString(user) {
				v.report(fmt.Sprintf("%q is no user's name", showable(user)), "write it as `gatefold user list` shows it",
					"groups", group, fmt.Sprint(i))
			}
		}
	}
}

// files checks that what is read at the start exists.
func (v *checker) files() {
	files, empty, err := v.c.expand()
	switch {
	case err != nil:
		v.report("policy: "+err.Error(), "write a path or a glob, for example policies/*.cedar", "policy", fmt.Sprint(empty))
	case empty >= 0:
		v.report("no policy file at "+v.c.Policy[empty], "paths are relative to the configuration's folder", "policy", fmt.Sprint(empty))
	}
	v.c.PolicyFiles = files
	tls := v.c.TLS
	if (tls.Certificate == "") != (tls.Key == "") {
		v.report("a certificate needs its key and a key its certificate", "set both, or none for a self-signed one", "tls")
	}
	v.exists(tls.Certificate, "tls", "certificate")
	v.exists(tls.Key, "tls", "key")
	for name, t := range v.c.Targets {
		v.exists(t.TLS.CA, "targets", name, "tls", "ca")
	}
	key := v.c.Vault.Key
	if key.File != "" && key.Env != "" {
		v.report("the vault's key comes from a file or from the environment, not both", "remove one of the two", "vault", "key")
	}
	if key.File == "" && key.Env == "" {
		v.report("the vault has no key", "remove the empty value: the default is "+defaultKeyFile+" beside this file", "vault", "key")
	}
	v.state()
}

func (v *checker) state() {
	const maxSocket = 107 // bytes of a unix socket's path on Linux, unix(7)
	switch n := len(v.c.ControlSocket()); {
	case v.c.State == "":
		v.report("state must name a folder", "", "state")
	case n > maxSocket:
		v.report(fmt.Sprintf("the path of state is too long by %d bytes for the socket %s in it", n-maxSocket, controlSocket),
			"choose a shorter path, or reach the folder by a symbolic link", "state")
	}
}

func (v *checker) exists(path string, at ...string) {
	if path == "" {
		return
	}
	if _, err := os.Stat(path); os.IsNotExist(err) {
		v.report("no file at "+path, "paths are relative to the configuration's folder", at...)
	}
}

func (v *checker) sizes() {
	r, l := v.c.Recording, v.c.Limits
	const minSegment, maxSegment = 1 << 20, 1 << 30 // 1 MiB, 1 GiB
	if r.Segment < minSegment || r.Segment > maxSegment {
		v.report(fmt.Sprintf("a segment of %s can't be", r.Segment), "it is from 1MiB to 1GiB", "recording", "segment")
	}
	if r.Journal < 2*r.Segment {
		v.report(fmt.Sprintf("a journal of %s has no room for two segments of %s", r.Journal, r.Segment),
			"make journal larger or segment smaller", "recording", "journal")
	}
	const maxStatement = 1 << 30 // 1 GiB: what a Postgres message can hold
	if l.MaxStatement < 1 || l.MaxStatement > maxStatement {
		v.report(fmt.Sprintf("max_statement of %s can't be", l.MaxStatement), "it is from 1B to 1GiB", "limits", "max_statement")
	}
	if l.MaxParse < 1 || l.MaxParse > l.MaxStatement {
		v.report(fmt.Sprintf("max_parse of %s can't be", l.MaxParse), "it is from 1B to max_statement", "limits", "max_parse")
	}
}

func (v *checker) limits() {
	l := v.c.Limits
	v.sessions(l.MaxSessions, l.MaxSessionsPerUser, "limits")
	needed := map[string]time.Duration{"hello_timeout": l.HelloTimeout, "login_grace": l.LoginGrace, "join_timeout": l.JoinTimeout}
	defaults := map[string]string{"hello_timeout": "15s", "login_grace": "2m", "join_timeout": "15s"}
	for _, key := range slices.Sorted(maps.Keys(needed)) {
		if needed[key] <= 0 {
			v.report(key+" must be set", "a login without an end holds its connection for ever; the default is "+defaults[key], "limits", key)
		}
	}
}

// sessions checks how many there may be.
func (v *checker) sessions(all, perUser int, at ...string) {
	for key, n := range map[string]int{"max_sessions": all, "max_sessions_per_user": perUser} {
		if n < 0 {
			v.report(fmt.Sprintf("%s of %d can't be", key, n), "write a positive number, or 0 for no limit", append(slices.Clone(at), key)...)
		}
	}
}
