package ssh

import (
	"context"
	"errors"
	"net"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/protocols"
)

var errFetched = errors.New("the host key is all that was wanted")

// FetchHostKeys asks a server for its host keys, one connection of dial for each type, and logs in to nothing. Who answers
// is not proved by that: the keys are to be compared on the server itself.
func FetchHostKeys(ctx context.Context, dial func(context.Context) (net.Conn, error)) (keys []ssh.PublicKey, err error) {
	for _, algorithms := range [][]string{{ssh.KeyAlgoED25519}, rsaSignatures, {ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521}} {
		key, err := fetchHostKey(ctx, dial, algorithms)
		if err != nil {
			return nil, err
		}
		if key != nil {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		err = errors.New("the server has no host key of a type that gatefold knows")
	}
	return keys, err
}

// fetchHostKey returns nil where the server has no key that signs so.
func fetchHostKey(ctx context.Context, dial func(context.Context) (net.Conn, error), algorithms []string) (key ssh.PublicKey, err error) {
	nc, err := dial(ctx)
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	defer protocols.Guard(ctx, nc)()
	known := ssh.SupportedAlgorithms()
	_, _, _, err = ssh.NewClientConn(nc, "", &ssh.ClientConfig{
		Config:            ssh.Config{KeyExchanges: firstOf(keyExchanges, known.KeyExchanges)},
		ClientVersion:     versionLine,
		HostKeyAlgorithms: algorithms,
		HostKeyCallback: func(_ string, _ net.Addr, k ssh.PublicKey) error {
			key = k
			return errFetched
		},
	})
	if key != nil || err != nil && strings.Contains(err.Error(), "no common algorithm for host key") {
		return key, nil
	}
	return nil, err
}
