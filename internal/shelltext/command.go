package shelltext

import (
	"path"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// input is what a program reads, as far as the text tells it.
type input struct {
	text  string
	known bool
}

// call reads a simple command: variables before it, its words, its input.
func (r *reader) call(c *syntax.CallExpr, text string, known bool) {
	if len(c.Args) == 0 {
		return
	}
	args := make([]word, len(c.Args))
	for i, a := range c.Args {
		args[i] = wordOf(a)
	}
	r.command(args, input{text, known})
}

// command is a program with its arguments. It is called anew for the program that a program is given to run.
func (r *reader) command(args []word, in input) {
	for _, a := range args {
		r.word(a)
	}
	if len(args) == 0 {
		return
	}
	name := args[0]
	switch {
	case !name.whole:
		r.unsure("the name of a program is made by an expansion")
		return
	case name.glob && name.text != "[" && name.text != "[[":
		r.unsure("the name of a program is made by a pattern")
		return
	case name.text == "":
		return
	}
	r.program(name.text)
	if run := programs[familiar(name.text)]; run != nil {
		if r.nest++; r.nest > 4*maxNest {
			r.unsure("programs that run programs, too deep")
		} else {
			run(r, args[1:], in)
		}
		r.nest--
	}
}

// familiar is the name that a program is known by: without its folder and its version.
func familiar(name string) string {
	base := path.Base(name)
	if _, ok := programs[base]; ok {
		return base
	}
	base = strings.TrimSuffix(base, ".exe")
	return strings.TrimRight(base, "0123456789.-")
}

// options takes a program's options from its arguments, as getopt does: o says what there are. ok is false where one isn't
// known, or an expansion stands where one may be: then it can't be told where the options end.
func (r *reader) options(args []word, o options) (rest []word, found map[string][]word, ok bool) {
	found = map[string][]word{}
	for len(args) > 0 {
		a := args[0]
		switch {
		case !a.whole && !a.named:
			r.unsure("an argument of a program that runs others is made by an expansion")
			return nil, found, false
		case a.text == "--":
			return args[1:], found, true
		case o.assigns && a.named && !strings.HasPrefix(a.text, "-"):
			name, _, _ := strings.Cut(a.text, "=")
			r.variable(name)
			args = args[1:]
			continue
		case len(a.text) < 2 || a.text[0] != '-' && !(o.plus && a.text[0] == '+'):
			return args, found, true
		case !a.whole:
			r.unsure("an argument of a program that runs others is made by an expansion")
			return nil, found, false
		}
		used := 0
		if strings.HasPrefix(a.text, "--") {
			used = o.long(a.text[2:], args, found)
		} else {
			used = o.short(a.text[1:], args, found)
		}
		if used == 0 {
			r.unsure("an option of a program that runs others is not known")
			return nil, found, false
		}
		args = args[min(used, len(args)):]
	}
	return nil, found, true
}

// options are those of a program.
type options struct {
	plain   string // letters without a value
	valued  string // letters with one
	names   string // long names, with spaces between; one with a value ends in =, one that may have it behind a = in ?
	assigns bool   // NAME=value may stand among them
	plus    bool   // + begins one, too
}

// short reads letters: how many arguments they take; 0: one isn't known.
func (o *options) short(letters string, args []word, found map[string][]word) int {
	for i := range len(letters) {
		c := letters[i : i+1]
		switch {
		case strings.Contains(o.valued, c):
			if value := letters[i+1:]; value != "" {
				found[c] = append(found[c], word{text: value, whole: true})
				return 1
			}
			if len(args) < 2 {
				return 0
			}
			found[c] = append(found[c], args[1])
			return 2
		case strings.Contains(o.plain, c):
			found[c] = append(found[c], word{whole: true})
		default:
			return 0
		}
	}
	return 1
}

// long reads one by its name.
func (o *options) long(name string, args []word, found map[string][]word) int {
	name, value, has := strings.Cut(name, "=")
	for _, known := range strings.Fields(o.names) {
		bare := strings.TrimRight(known, "=?")
		if bare != name {
			continue
		}
		switch {
		case strings.HasSuffix(known, "=") && !has:
			if len(args) < 2 {
				return 0
			}
			found[name] = append(found[name], args[1])
			return 2
		case has && bare == known:
			return 0
		}
		found[name] = append(found[name], word{text: value, whole: true})
		return 1
	}
	return 0
}

// code reads a command line that a program is given as an argument.
func (r *reader) code(w word) {
	if !w.whole {
		r.unsure("a command line within the command line is made by an expansion")
		return
	}
	r.line(w.text)
}

// codes joins arguments to one line, as eval does.
func (r *reader) codes(args []word) {
	texts := make([]string, len(args))
	for i, a := range args {
		if !a.whole || a.glob {
			r.unsure("a command line within the command line is made by an expansion")
			return
		}
		texts[i] = a.text
	}
	r.line(strings.Join(texts, " "))
}

// read reads a command line that a program is given as its input.
func (in input) read(r *reader) {
	if !in.known {
		r.unsure("a shell reads commands from its input")
		return
	}
	r.line(in.text)
}
