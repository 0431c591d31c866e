package screen

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzTerminal plays output, input, sizes and time in any order, and holds that all input is told of once, that no more text is
// told than output paid for, and that a frame paints what is shown.
func FuzzTerminal(f *testing.F) {
	casts, _ := filepath.Glob("testdata/*.cast")
	for _, path := range casts {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(24), uint8(80), b[:min(len(b), 4096)])
	}
	f.Add(uint8(3), uint8(9), []byte("$ \xfels\xffls\r\n\x1b[?1049h\xfe\x1b[200~a\rb\x1b[201~\xff\x1b[2147483647Ix\xfd\x05\x06y\xfc"))
	f.Fuzz(func(t *testing.T, rows, cols uint8, b []byte) {
		term := New(int(rows%50)+1, int(cols%120)+1)
		typed, told, text, out, now := 0, 0, 0, 0, int64(1)
		tell := func(events []Event) {
			for _, e := range events {
				switch e.Kind {
				case Lines:
					text += len(e.Text)
				case Echoed, NotEchoed:
					told += e.Bytes
				}
				if e.Kind == NotEchoed && len(e.Text) > 0 {
					t.Fatalf("text of what was not echoed: %q", e.Text)
				}
			}
		}
		mode := byte(0xff)
		for len(b) > 0 {
			n := cut(b)
			part := b[:n]
			switch mode {
			case 0xff:
				tell(term.Output(now, part))
				out += len(part)
			case 0xfe:
				keys, enter := term.Next(part)
				if keys+enter > len(part) {
					t.Fatal("more keys than there are")
				}
				term.Line()
				tell(term.Input(now, 1, part))
				typed += len(part)
			case 0xfd:
				if len(part) > 1 {
					tell(term.Resize(int(part[0]%50), int(part[1]%120)))
				}
			case 0xfc:
				now += int64(len(part)) * 3e8
				tell(term.Tick(now))
			}
			if c := term.cursor; c.y < 0 || c.y >= term.rows || c.x < 0 || c.x >= term.cols {
				t.Fatalf("the cursor is at %d, %d of %d, %d", c.y, c.x, term.rows, term.cols)
			}
			if b = b[n:]; len(b) > 0 {
				mode, b = b[0], b[1:]
			}
		}
		if term.ground && term.parts == 0 {
			same(t, term)
		}
		tell(term.Close(now))
		if typed != told {
			t.Fatalf("%d bytes were typed, %d are told of", typed, told)
		}
		if most := 4 * maxCluster * (startCredit + out*creditPerByte + maxCredit); text > most {
			t.Fatalf("%d bytes of text of %d of output", text, out)
		}
	})
}

// cut is where the next byte stands that says what comes.
func cut(b []byte) int {
	for i, c := range b {
		if c >= 0xfc {
			return i
		}
	}
	return len(b)
}
