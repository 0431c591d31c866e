package protocols

// SSHRoute is what the way to an SSH server has beside that of any.
type SSHRoute struct {
	User        string   // whose session it is, for the key id of a certificate that the gateway signs
	HostKeys    [][]byte // the only ones that the target may have, in wire form
	Authorities [][]byte // whose host certificates for it are believed, in wire form
	HostName    string   // the name that a host certificate must be for
	Env         []string // names of variables that a client may set; a * at the end stands for any ending
	Input       InputMode
	MaxOutput   uint64 // bytes kept of each stream of a program without a terminal, of what is longer its length and hash, too; 0: all
	Recipient   string // InputSealed: the age recipient that input is sealed to
}

// InputMode is what is kept of what is typed into a terminal. How much and when is kept always.
type InputMode uint8

// The modes.
const (
	InputEchoed InputMode = iota // what the terminal echoed
	InputNever                   // nothing
	InputSealed                  // everything, sealed to a recipient
)
