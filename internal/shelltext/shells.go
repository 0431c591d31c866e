package shelltext

import (
	"path"
	"regexp"
	"strings"
)

// shell is sh and kin: a line behind -c, a file, or what it reads.
func shell(r *reader, args []word, in input) {
	o := options{plain: "abcefhiklmnprstuvxBCDEHPT", valued: "oO", plus: true,
		names: "login noprofile norc posix restricted verbose noediting init-file= rcfile="}
	rest, found, ok := r.options(args, o)
	switch {
	case !ok:
	case found["init-file"] != nil || found["rcfile"] != nil:
		r.unsure("a shell is given a file to begin with")
	case found["c"] != nil:
		if len(rest) > 0 {
			r.code(rest[0])
		}
	case found["s"] != nil, len(rest) == 0, found["i"] != nil, rest[0].text == "-" && rest[0].whole && len(rest) == 1:
		in.read(r)
	default:
		r.scriptFile(rest[0])
	}
}

// scriptFile is a file that is run: to rules it is a program.
func (r *reader) scriptFile(w word) {
	switch {
	case !w.whole || w.glob:
		r.unsure("the name of a script is made by an expansion")
	case w.text == "": // there is none of this name
	case w.text == "-", strings.HasPrefix(path.Clean(w.text), "/dev/"), strings.HasPrefix(path.Clean(w.text), "/proc/"):
		r.unsure("a script is read from elsewhere")
	default:
		r.program(w.text)
	}
}

func source(r *reader, args []word, _ input) {
	if len(args) > 0 {
		r.scriptFile(args[0])
	}
}

// move goes to another folder: relative paths then mean other files.
func move(r *reader, _ []word, _ input) { r.moved = true }

// trap runs its first argument later, unless it is one of - and "" that take a trap away.
func trap(r *reader, args []word, _ input) {
	if len(args) > 0 && args[0].whole && args[0].text == "--" {
		args = args[1:]
	}
	if len(args) > 0 && !(args[0].whole && (args[0].text == "-" || args[0].text == "-l" || args[0].text == "-p")) {
		r.code(args[0])
	}
}

func command(r *reader, args []word, in input) {
	rest, found, ok := r.options(args, options{plain: "pvV"})
	if ok && found["v"] == nil && found["V"] == nil {
		r.inside(rest, 0, nothing, in)
	}
}

// names are builtins that set variables by names which are arguments; the index of one may be a command.
func names(r *reader, args []word, _ input) {
	for _, a := range args {
		name, _, _ := strings.Cut(a.text, "=")
		if !a.whole && !a.named || strings.Contains(name, "[") {
			r.unsure("the name of a variable is made by an expansion")
		}
		r.variable(name)
	}
}

func test(r *reader, args []word, _ input) {
	for _, a := range args {
		if a.text == "-v" || a.text == "-R" {
			r.unsure(arithmetic)
		}
	}
}

func printf(r *reader, args []word, _ input) {
	if len(args) > 0 && (!args[0].whole || strings.HasPrefix(args[0].text, "-v")) {
		if strings.HasPrefix(args[0].text, "-v") {
			r.unsure("printf -v sets a variable by its name")
		}
	}
}

// interpreters are languages, each with the letters that take code, those that don't, and those with a value.
type language struct {
	code   string // letters of options that hold code, or make it read code
	plain  string
	valued string
	names  string // long options that are harmless
}

var interpreters = map[string]language{
	"python": {code: "cim", plain: "BbdEhIOPqRsSuvVx?", valued: "WX", names: "version help"},
	"perl":   {code: "eEMmdD", plain: "acfhlnpstSTuUvVwWX0", valued: "IF", names: ""},
	"ruby":   {code: "er", plain: "acdhlnpsSvwWy", valued: "CEFIKx", names: "version help"},
	"node":   {code: "epri", plain: "vhc", valued: "C", names: "version help"}, "nodejs": {code: "epri", plain: "vhc"},
	"php": {code: "rBREa", plain: "hilmnqsvwi", valued: "cdgtz", names: "version ini"}, "lua": {code: "eil", plain: "vEW"},
	"luajit": {code: "eilj", plain: "vE"},
}

// interpreter is a language's program: a file to run is told, code in an option or the input isn't.
func interpreter(l language) run {
	return func(r *reader, args []word, _ input) {
		rest, found, ok := r.options(args, options{plain: l.plain + l.code, valued: l.valued, names: l.names})
		if !ok {
			return
		}
		for i := range len(l.code) {
			if found[l.code[i:i+1]] != nil {
				r.unsure("it holds code of another language")
				return
			}
		}
		switch {
		case found["v"] != nil, found["V"] != nil, found["version"] != nil, found["h"] != nil, found["help"] != nil:
		case len(rest) == 0:
			r.unsure("it reads code of another language from its input")
		default:
			r.scriptFile(rest[0])
		}
	}
}

// plainAwk is a program of awk that runs nothing and writes no file.
var plainAwk = regexp.MustCompile(`^[^|>@]*$`)

func awk(r *reader, args []word, _ input) {
	rest, found, ok := r.options(args, options{valued: "Fvf", names: "field-separator= assign= file= posix traditional version"})
	files := append(found["f"], found["file"]...)
	for _, f := range files {
		r.scriptFile(f)
	}
	switch {
	case !ok, len(files) > 0, len(rest) == 0:
	case !rest[0].whole, !plainAwk.MatchString(rest[0].text), strings.Contains(rest[0].text, "system"), strings.Contains(rest[0].text, "getline"):
		r.unsure("awk is given code that may run programs")
	}
}

// plainSed is a script of one command that runs nothing and writes no file.
var plainSed = regexp.MustCompile(`^\s*((\d+|\$|/[^/\\]*/)(,(\d+|\$|/[^/\\]*/))?)?\s*!?\s*([pdqDNnPG=]|s(/[^/\n]*/[^/\n]*/|,[^,\n]*,[^,\n]*,|#[^#\n]*#[^#\n]*#|\|[^|\n]*\|[^|\n]*\|)[gpiI0-9]*|[aic]\\?[^\n\\]*)\s*;?\s*$`)

func sed(r *reader, args []word, _ input) {
	rest, found, ok := r.options(sedInPlace(args), options{plain: "nErsuzi", valued: "efl", names: "quiet silent regexp-extended separate unbuffered null-data sandbox posix debug expression= file= in-place? line-length= version"})
	if !ok || found["sandbox"] != nil {
		return
	}
	scripts := append(found["e"], found["expression"]...)
	if len(found["f"])+len(found["file"]) > 0 {
		r.unsure("sed is given a file of commands")
		return
	}
	if len(scripts) == 0 && len(rest) > 0 {
		scripts = rest[:1]
	}
	for _, s := range scripts {
		if !s.whole || !plainSed.MatchString(s.text) {
			r.unsure("sed is given commands that may run programs or write files")
		}
	}
}

// sedInPlace takes the suffix from -i.bak, which is no cluster of letters.
func sedInPlace(args []word) []word {
	out := make([]word, len(args))
	for i, a := range args {
		if a.whole && strings.HasPrefix(a.text, "-i") {
			a.text = "-i"
		}
		out[i] = a
	}
	return out
}
