package ssh

// clientRequests answers the client's global requests (RFC 4254, section 4). None goes on: what they ask for is between the
// client and the gateway, or a forwarding, which is refused. One that isn't known is answered with a failure, which is also
// the answer to keepalive@openssh.com: any will do.
func (r *relay) clientRequests() {
	r.tellHostKeys()
	proved := false
	for q := range r.client.requests {
		ok := false
		var answer []byte
		switch q.Type {
		case "no-more-sessions@openssh.com": // OpenSSH's PROTOCOL, section 2.2
			r.mu.Lock()
			r.noMore, ok = true, true
			r.mu.Unlock()
		case "tcpip-forward", "streamlocal-forward@openssh.com":
			r.denyForward(0, q.Type, placeOf(q.Type, q.Payload))
		case hostKeysProve:
			if !proved { // once is what clients ask, and signing is dear
				answer = r.proveHostKeys(q.Payload)
				proved, ok = true, answer != nil
			}
		}
		q.Reply(ok, answer)
	}
}

// targetRequests answers the target's global requests: keepalive@openssh.com as an OpenSSH client does. What it says of its
// other host keys (hostkeys-00@openssh.com) is of no use: an administrator pins them.
func (r *relay) targetRequests() {
	for q := range r.target.requests {
		q.Reply(false, nil)
	}
}
