package sftp

// file is an open file or directory. Requests in flight point to it, not to its handle: the server may give a handle anew
// as soon as it has closed it.
type file struct {
	op            Op
	token         uint64
	path          string
	handle        string // empty: not open yet
	read, written content
	inFlight      int // READs and WRITEs without an answer
}

func (f *file) dir() bool    { return f.op == Opendir }
func (f *file) reads() bool  { return f.op == OpenRead || f.op == OpenReadWrite }
func (f *file) writes() bool { return f.op == OpenWrite || f.op == OpenReadWrite }

// resize notes that f is made so long.
func (m *SFTP) resize(f *file, size uint64) {
	if f.written.begun && f.written.next != size {
		f.written.fail(&m.budget, "it was made %d bytes long after it was written", size)
	}
}

const (
	bothWays = "it was both read and written"
	tooEarly = "it was closed before all answers had come"
)

// finish tells what was transferred. It is called once.
func (m *SFTP) finish(f *file, r Result, out *Out) {
	if f.inFlight > 0 {
		f.read.fail(&m.budget, tooEarly)
		f.written.fail(&m.budget, tooEarly)
	}
	r.Token, r.Transfer = f.token, true
	r.Read, r.Written = f.read.bytes, f.written.bytes
	switch {
	case f.read.begun && f.written.begun:
		f.read.fail(&m.budget, bothWays)
		f.written.fail(&m.budget, bothWays)
		r.NoHash = bothWays
	case f.read.begun:
		f.read.total(&m.budget, &r)
	case f.written.begun, f.op == OpenWrite:
		f.written.total(&m.budget, &r)
	}
	out.Results = append(out.Results, r)
}
