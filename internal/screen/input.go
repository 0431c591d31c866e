package screen

// Input takes what a client typed, before it goes on; of is the caller's number for this read.
func (t *Terminal) Input(at int64, of uint64, b []byte) []Event {
	t.begin(at)
	t.expire()
	t.passed()
	t.pageText()
	if !t.modes.paste {
		t.keys.paste = false
	}
	if k, ok := t.keys.lone(); ok {
		t.typed(k, of)
	}
	for i := 0; i < len(b); {
		k, done, again := t.keys.next(b[i])
		if !again {
			i++
		}
		if done {
			t.typed(k, of)
		}
	}
	return t.end()
}

const (
	interrupt = 0x03
	quit      = 0x1c
	suspend   = 0x1a
)

// typed takes one key.
func (t *Terminal) typed(k key, of uint64) {
	k.of, k.at = of, t.now
	if !t.modes.paste { // nobody asked for the marks: what they embrace is no paste
		t.keys.paste = false
	}
	e := &t.edit
	t.anchor()
	if e.live && !e.stale && !t.before() {
		e.bottom = max(e.bottom, t.on.off+int64(t.cursor.y))
	}
	switch k.kind {
	case control:
		switch k.raw[0] {
		case interrupt, quit, suspend:
			e.live, e.enters = false, 0
		}
		e.mixed = true
	case enter:
		e.enters = min(e.enters+1, maxEnters)
		e.entered = t.now
	}
	t.expect(k)
}

// Deadline is when Tick has something to do; 0: nothing is to be done.
func (t *Terminal) Deadline() int64 {
	due := t.text.due
	if d := t.echo.deadline(); d != 0 && (due == 0 || d < due) {
		due = d
	}
	return due
}

// Tick does what is due: it tells of echoes that did not come, and of text that has settled.
func (t *Terminal) Tick(at int64) []Event {
	t.begin(at)
	t.expire()
	t.settleText()
	return t.end()
}

// Close tells the rest. The terminal is of no use then.
func (t *Terminal) Close(at int64) []Event {
	t.begin(at)
	t.match()
	if t.keys.n > 0 {
		t.echo.keys = append(t.echo.keys, t.keys.finish(control))
	}
	t.failTo(len(t.echo.keys))
	t.flushEcho()
	t.text.credit = maxCredit
	t.tellAll()
	if t.on != t.main {
		t.on = t.main
		t.tellAll()
	}
	return t.end()
}
