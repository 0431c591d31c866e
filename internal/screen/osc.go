package screen

import "bytes"

// osc takes an operating system command. Only the marks of shell integration (OSC 133 and 633, B) change what is told: the
// prompt ends there. Titles, colours and the clipboard are nothing that a screen shows.
func (t *Terminal) osc(cmd int, data []byte) {
	if cmd != 133 && cmd != 633 {
		return
	}
	_, rest, _ := bytes.Cut(data, []byte(";"))
	if len(rest) == 0 || rest[0] != 'B' || t.edit.enters > 0 || len(t.echo.keys) > 0 {
		return
	}
	t.edit.typed, t.edit.mixed = t.edit.typed[:0], false
	t.lineAt(t.cursor.y, t.column())
}
