package identity

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gatefold/gatefold/internal/scram"
)

// users.json:
//
//	{"version": 1, "users": [
//	  {"name": "alice", "verifier": "SCRAM-SHA-256$4096:...", "disabled": false, "created": "2025-01-02T03:04:05Z"}]}
//
// Version 2 is where a user has "native", too: SHA1(SHA1(password)) as "*" and 40 digits. It is written where it is
// needed, so that an older gatefold reads what it understands, and else says that it is too old.
//
// Version 3 is where a user has "keys", each {"key": "ssh-ed25519 AAAA...", "comment": "alice@laptop", "added": "..."}, or
// "factor": base64 of the secret of a second factor, sealed under the master key and bound to the name.
const (
	usersVersion = 3
	maxUsersFile = 64 << 20 // 64 MiB
)

var (
	errNewer   = errors.New("it was written by a newer gatefold")
	errCorrupt = errors.New("it is damaged: restore it from a copy, or move it away and add the users again")
)

// entry is a user with what proves them.
type entry struct {
	User
	proof
	factor []byte // sealed; nil: there is none
}

type userJSON struct {
	Name     string    `json:"name"`
	Verifier string    `json:"verifier"`
	Disabled bool      `json:"disabled"`
	Created  time.Time `json:"created"`
	Native   string    `json:"native,omitempty"`
	Keys     []keyJSON `json:"keys,omitempty"`
	Factor   []byte    `json:"factor,omitempty"`
}

type keyJSON struct {
	Key     string    `json:"key"`
	Comment string    `json:"comment"`
	Added   time.Time `json:"added"`
}

type usersJSON struct {
	Version int        `json:"version"`
	Users   []userJSON `json:"users"`
}

func encodeUsers(list []entry) ([]byte, error) {
	file := usersJSON{Version: 1, Users: make([]userJSON, len(list))}
	for i, e := range list {
		file.Users[i] = userJSON{e.Name, e.verifier.String(), e.Disabled, e.Created, e.native.text(), encodeKeys(e.Keys), e.factor}
		if e.native != nil {
			file.Version = max(file.Version, 2)
		}
		if len(e.Keys) > 0 || e.factor != nil {
			file.Version = 3
		}
	}
	data, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode users: %w", err)
	}
	return append(data, '\n'), nil
}

func decodeUsers(data []byte) ([]entry, error) {
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fmt.Errorf("%w (%w)", errCorrupt, err)
	}
	if head.Version > usersVersion {
		return nil, fmt.Errorf("%w: version %d, and this one reads %d", errNewer, head.Version, usersVersion)
	}
	var file usersJSON
	strict := json.NewDecoder(bytes.NewReader(data))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&file); err != nil {
		return nil, fmt.Errorf("%w (%w)", errCorrupt, err)
	}
	if _, err := strict.Token(); err != io.EOF || file.Version < 1 {
		return nil, errCorrupt
	}
	return decodeEntries(file)
}

func decodeEntries(file usersJSON) ([]entry, error) {
	list := make([]entry, len(file.Users))
	seen := make(map[string]bool, len(list))
	for i, u := range file.Users {
		normal, err := NormalName(u.Name)
		if err != nil || normal != u.Name || seen[normal] {
			return nil, fmt.Errorf("%w (user %d has a wrong name)", errCorrupt, i+1)
		}
		seen[normal] = true
		verifier, err := scram.Parse(u.Verifier)
		if err != nil {
			return nil, fmt.Errorf("%w (user %s has a wrong verifier)", errCorrupt, normal)
		}
		native, err := parseNative(u.Native)
		if err != nil || native != nil && file.Version < 2 {
			return nil, fmt.Errorf("%w (user %s has a wrong native hash)", errCorrupt, normal)
		}
		keys, err := decodeKeys(u.Keys)
		if err != nil || file.Version < 3 && (keys != nil || u.Factor != nil) || u.Factor != nil && len(u.Factor) == 0 {
			return nil, fmt.Errorf("%w (user %s has a wrong key or second factor)", errCorrupt, normal)
		}
		list[i] = entry{User{u.Name, u.Disabled, u.Created, native != nil, keys, u.Factor != nil}, proof{verifier, native}, u.Factor}
	}
	return list, nil
}

func encodeKeys(keys []Key) (list []keyJSON) {
	for _, k := range keys {
		short := k
		short.Comment = ""
		list = append(list, keyJSON{short.Line(), k.Comment, k.Added})
	}
	return list
}

func decodeKeys(list []keyJSON) (keys []Key, err error) {
	if len(list) > maxKeys {
		return nil, errCorrupt
	}
	for _, each := range list {
		k, err := ParseKey(each.Key)
		if err != nil || k.Comment != "" {
			return nil, errCorrupt
		}
		if k.Comment, err = checkComment(each.Comment); err != nil {
			return nil, err
		}
		k.Added = each.Added
		keys = append(keys, k)
	}
	return keys, nil
}
