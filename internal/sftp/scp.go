package sftp

// SCP follows the protocol that scp spoke before SFTP (OpenSSH's scp.c, sink and source): one side sends a line for each
// file, folder and time, then content; the other answers each, with a zero byte or with an error. What the other has not
// answered nothing follows of, so both sides are held to taking turns: whoever speaks early is not listened to.
//
// A refused file is answered in the receiver's place, as one that can't be opened: both sides then go on with the next.
type SCP struct {
	command SCPCommand
	state   scpState
	awaits  byte // scpAnswer: what the answer is to: scpBegin, a line's letter, scpWhole
	folders []scpFolder
	times   string // of the file or folder to come
	left    uint64 // scpContent: bytes
	file    scpFile
	asked   pending
	budget  int // nothing comes out of order
}

type scpState uint8

const (
	scpAnswer  scpState = iota // the receiver answers
	scpRecord                  // the sender says what is next
	scpContent                 // the sender's content
	scpTrailer                 // the sender says whether that was well
	scpEnded                   // one said that it ends: what follows goes nowhere
)

const (
	scpBegin = 0   // the receiver is there
	scpWhole = '.' // a file's content has come
)

// scpFolder is where names are. other is where they are otherwise: only the server knows whether its target is a folder.
type scpFolder struct{ path, other string }

// scpFile is the file, or the folder, that is on its way.
type scpFile struct {
	token   uint64
	content content
	failed  string // the sender's own words
}

// NewSCP makes a machine for a command that has not begun. Its Untold must be empty.
func NewSCP(c SCPCommand) *SCP { return &SCP{command: c} }

// Client implements Machine.
func (m *SCP) Client(p []byte, out *Out) (int, error) {
	if m.command.Upload {
		return m.sender(p, out)
	}
	return m.receiver(p, out)
}

// Server implements Machine.
func (m *SCP) Server(p []byte, out *Out) (int, error) {
	if m.command.Upload {
		return m.receiver(p, out)
	}
	return m.sender(p, out)
}

// Allow implements Machine.
func (m *SCP) Allow(token uint64) {
	m.asked.decided, m.asked.allow, m.asked.token = true, true, token
}

// Refuse implements Machine.
func (m *SCP) Refuse(message string) {
	m.asked.decided, m.asked.allow, m.asked.message = true, false, message
}

// End implements Machine.
func (m *SCP) End(out *Out) {
	m.asked.end(out)
	m.finish(Result{Unknown: true, Message: "it did not come to its end"}, out)
}

// toReceiver passes p on.
func (m *SCP) toReceiver(p []byte, out *Out) {
	if m.command.Upload {
		out.ToServer = pass(out.ToServer, p)
	} else {
		out.ToClient = pass(out.ToClient, p)
	}
}

// toSender passes p on.
func (m *SCP) toSender(p []byte, out *Out) {
	if m.command.Upload {
		out.ToClient = pass(out.ToClient, p)
	} else {
		out.ToServer = pass(out.ToServer, p)
	}
}

// finish tells what came of the file or folder that is on its way, if there is one.
func (m *SCP) finish(r Result, out *Out) {
	f := &m.file
	r.Token = f.token
	if r.Transfer = f.content.begun; r.Transfer {
		f.content.total(&m.budget, &r)
		if m.command.Upload {
			r.Written = f.content.bytes
		} else {
			r.Read = f.content.bytes
		}
	}
	if f.token != 0 {
		out.Results = append(out.Results, r)
	}
	*f = scpFile{}
}
