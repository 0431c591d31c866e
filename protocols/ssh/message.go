package ssh

// What channel requests, openings and global requests say beside their names. golang.org/x/crypto/ssh decodes them: it
// bounds each string by what there is, and takes nothing behind the last field.

// stringField is one string (RFC 4251, section 5).
type stringField struct{ Text string }

// RFC 4254, section 6.2.
type ptyRequest struct {
	Term          string // TERM
	Columns, Rows uint32 // 0: not told
	Width, Height uint32 // in pixels; 0: not told
	Modes         string // section 8
}

// RFC 4254, section 6.7.
type windowChange struct {
	Columns, Rows uint32
	Width, Height uint32
}

// RFC 4254, section 6.4.
type envRequest struct {
	Name, Value string
}

// RFC 4254, section 6.5: exec's command line, a subsystem's name.
type programRequest struct {
	Text string
}

// RFC 4254, section 6.9.
type signalRequest struct {
	Name string // without SIG
}

// RFC 4335, section 3.
type breakRequest struct {
	Length uint32 // milliseconds
}

// RFC 4254, section 6.10.
type exitStatus struct {
	Status uint32
}

// RFC 4254, section 6.10.
type exitSignal struct {
	Name     string // without SIG
	Dumped   bool
	Message  string
	Language string
}

// RFC 4254, section 7.1: tcpip-forward.
type addressRequest struct {
	Address string
	Port    uint32
}

// RFC 4254, section 7.2: direct-tcpip, and with the listening address first, forwarded-tcpip.
type tcpChannel struct {
	Host       string
	Port       uint32
	Origin     string
	OriginPort uint32
}

// OpenSSH's PROTOCOL, section 2.4: the path of direct-streamlocal@openssh.com, streamlocal-forward@openssh.com and kin.
type pathChannel struct {
	Path string
	Rest []byte `ssh:"rest"`
}
