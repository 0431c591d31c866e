package shelltext

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// statements goes through all that may run, in whatever branch, function or substitution it stands.
func (r *reader) statements(stmts []*syntax.Stmt) {
	for _, s := range stmts {
		syntax.Walk(s, func(n syntax.Node) bool {
			r.node(n)
			return true
		})
	}
}

func (r *reader) node(n syntax.Node) {
	switch n := n.(type) {
	case *syntax.Stmt:
		r.redirects(n.Redirs)
		if call, ok := n.Cmd.(*syntax.CallExpr); ok {
			r.behindAll(call, n.Redirs)
			text, known := inputOf(n.Redirs)
			r.call(call, text, known)
		}
	case *syntax.Assign:
		if n.Name != nil {
			r.variable(n.Name.Value)
		}
		if n.Index != nil && hasName(n.Index) {
			r.unsure(arithmetic)
		}
	case *syntax.DeclClause:
		r.declare(n)
	case *syntax.WordIter:
		r.variable(n.Name.Value)
	case *syntax.ParamExp:
		r.expansion(n)
	case *syntax.ArithmExp:
		r.arithmetic(n.X)
	case *syntax.ArithmCmd:
		r.arithmetic(n.X)
	case *syntax.LetClause:
		r.unsure(arithmetic)
	case *syntax.CStyleLoop:
		for _, x := range []syntax.ArithmExpr{n.Init, n.Cond, n.Post} {
			r.arithmetic(x)
		}
	case *syntax.BinaryTest:
		r.compare(n)
	case *syntax.UnaryTest:
		if n.Op == syntax.TsVarSet || n.Op == syntax.TsRefVar {
			r.unsure(arithmetic) // -v a[$(...)]
		}
	case *syntax.SglQuoted:
		if n.Dollar && strings.Contains(n.Value, `\'`) {
			r.unsure("a quote ends elsewhere in other shells")
		}
	}
}

// arithmetic says why a number isn't one: bash reads the value of a variable in it as an expression, whose index may be a
// command: x='a[$(rm -rf /)]'; echo $((x)).
const arithmetic = "a variable in arithmetic may hold a command"

func (r *reader) arithmetic(x syntax.ArithmExpr) {
	if x != nil && hasName(x) {
		r.unsure(arithmetic)
	}
}

// hasName reports whether an arithmetic expression holds anything but numbers.
func hasName(x syntax.ArithmExpr) (found bool) {
	syntax.Walk(x, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Word:
			found = found || strings.Trim(n.Lit(), "0123456789") != "" || n.Lit() == ""
		case *syntax.Lit:
			found = found || strings.Trim(n.Value, "0123456789") != ""
		}
		return !found
	})
	return found
}

// compare reads a test in [[ ]]. In bash -eq and kin are arithmetic as well. dash has no [[: there it is a program's name, the
// < and > in it open files, and what stands behind && is run.
func (r *reader) compare(n *syntax.BinaryTest) {
	switch n.Op {
	case syntax.TsEql, syntax.TsNeq, syntax.TsLeq, syntax.TsGeq, syntax.TsLss, syntax.TsGtr:
		for _, side := range []syntax.TestExpr{n.X, n.Y} {
			if w, ok := side.(*syntax.Word); !ok || strings.Trim(w.Lit(), "0123456789") != "" || w.Lit() == "" {
				r.unsure(arithmetic)
			}
		}
	case syntax.TsBefore, syntax.TsAfter:
		if w, ok := n.Y.(*syntax.Word); ok {
			r.file(wordOf(w), n.Op == syntax.TsAfter, false)
		}
	case syntax.AndTest, syntax.OrTest:
		if w := leftmost(n.Y); w != nil {
			r.command([]word{wordOf(w), unknownWord}, input{})
		}
	case syntax.TsReMatch:
		if w, ok := n.Y.(*syntax.Word); !ok || strings.ContainsAny(wordOf(w).text, "|&;<>()") {
			r.unsure("a pattern in [[ ]] is a pipeline to other shells")
		}
	}
}

// leftmost is the word that a test begins with; nil: an operator.
func leftmost(x syntax.TestExpr) *syntax.Word {
	switch x := x.(type) {
	case *syntax.Word:
		return x
	case *syntax.BinaryTest:
		return leftmost(x.X)
	case *syntax.ParenTest:
		return leftmost(x.X)
	case *syntax.UnaryTest:
		if x.Op == syntax.TsNot {
			return leftmost(x.X)
		}
	}
	return nil
}

func (r *reader) expansion(n *syntax.ParamExp) {
	if n.Index != nil && hasName(n.Index) {
		if w, ok := n.Index.(*syntax.Word); !ok || w.Lit() != "@" && w.Lit() != "*" {
			r.unsure(arithmetic)
		}
	}
	if n.Slice != nil {
		r.arithmetic(n.Slice.Offset)
		r.arithmetic(n.Slice.Length)
	}
	if n.Exp != nil && n.Param != nil && (n.Exp.Op == syntax.AssignUnset || n.Exp.Op == syntax.AssignUnsetOrNull) {
		r.variable(n.Param.Value)
	}
	if n.Exp != nil && n.Exp.Op == syntax.OtherParamOps { // ${x@P} expands its value as a prompt, commands and all
		r.unsure("it expands a variable's value once more")
	}
}

// variable: some change which program a name means, or what a shell runs before it begins.
func (r *reader) variable(name string) {
	if dangerous(name) {
		r.unsure("it sets " + name + ", which changes what names of programs mean or what else is run")
	}
}

func dangerous(name string) bool {
	name, _, _ = strings.Cut(name, "[")
	switch name {
	case "PATH", "IFS", "ENV", "BASH_ENV", "SHELLOPTS", "BASHOPTS", "PS4", "PROMPT_COMMAND", "BASH_ALIASES", "BASH_CMDS", "SHELL",
		"EDITOR", "VISUAL", "PAGER", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_EDITOR", "GIT_PAGER", "GIT_EXTERNAL_DIFF", "GIT_PROXY_COMMAND",
		"PERL5OPT", "PERL5LIB", "PERLLIB", "PYTHONSTARTUP", "PYTHONPATH", "PYTHONHOME", "RUBYOPT", "RUBYLIB", "NODE_OPTIONS", "LESSOPEN", "LESSCLOSE",
		"MANPAGER", "BROWSER", "ZDOTDIR", "RSYNC_RSH", "CDPATH", "GLOBIGNORE", "GCONV_PATH", "LOCPATH", "TAR_OPTIONS":
		return true
	}
	for _, prefix := range []string{"LD_", "DYLD_", "BASH_FUNC_", "GIT_CONFIG"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// declare reads export, declare, local, readonly, typeset, nameref.
func (r *reader) declare(n *syntax.DeclClause) {
	r.program(n.Variant.Value)
	for _, a := range n.Args {
		if a.Name != nil { // walked as an assignment
			continue
		}
		w := wordOf(a.Value)
		name, _, _ := strings.Cut(w.text, "=")
		if !w.whole && !w.named {
			r.unsure("the name of a variable is made by an expansion")
		}
		r.word(w)
		r.variable(name)
		if strings.HasPrefix(w.text, "-") && strings.ContainsAny(w.text, "inF") && n.Variant.Value != "export" && n.Variant.Value != "readonly" {
			r.unsure("it declares a variable that is evaluated")
		}
	}
}

// redirects notes the files that are read and written.
func (r *reader) redirects(list []*syntax.Redirect) {
	for _, d := range list {
		write := true
		switch d.Op {
		case syntax.Hdoc, syntax.DashHdoc, syntax.WordHdoc:
			continue
		case syntax.RdrIn:
			write = false
		}
		w := wordOf(d.Word)
		if d.Op == syntax.DplIn || d.Op == syntax.DplOut {
			if w.whole && strings.Trim(w.text, "0123456789-") == "" {
				continue // a number of a file that is open
			}
		}
		if procSubst(d.Word) {
			continue // walked
		}
		r.word(w)
		r.file(w, write, false)
		if d.Op == syntax.RdrInOut {
			r.file(w, false, false)
		}
	}
}

// behindAll: aa &> f bb is the one program aa to bash, and to dash aa & and then bb.
func (r *reader) behindAll(c *syntax.CallExpr, list []*syntax.Redirect) {
	for _, d := range list {
		if (d.Op == syntax.RdrAll || d.Op == syntax.AppAll) && len(c.Args) > 0 && c.Args[len(c.Args)-1].Pos().After(d.OpPos) {
			r.unsure("what stands behind &> is another command to other shells")
		}
	}
}

func procSubst(w *syntax.Word) bool {
	if w == nil || len(w.Parts) != 1 {
		return false
	}
	_, ok := w.Parts[0].(*syntax.ProcSubst)
	return ok
}

// file notes one file.
func (r *reader) file(w word, write, all bool) {
	f := File{Path: w.text, Write: write, All: all}
	switch {
	case !w.whole || w.glob || w.text == "":
		f.Path = ""
	case nowhere(w.text):
		return
	case w.tilde && (w.text == "~" || strings.HasPrefix(w.text, "~/")):
		f.Path = "." + w.text[1:]
	case w.tilde:
		f.Path = ""
	}
	if !w.tilde && strings.HasPrefix(f.Path, "~") {
		f.Path = "./" + f.Path // a file of this name
	}
	if f.Path != "" && f.Path[0] != '/' && r.moved && !w.tilde {
		f.Path = ""
	}
	if !slices.Contains(r.facts.Files, f) && len(r.facts.Files) <= maxFiles {
		r.facts.Files = append(r.facts.Files, f)
	}
}

// nowhere reports whether a path is that of no file.
func nowhere(p string) bool {
	switch p {
	case "/dev/null", "/dev/zero", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/tty":
		return true
	}
	return strings.HasPrefix(p, "/dev/fd/") && strings.Trim(p[len("/dev/fd/"):], "0123456789") == ""
}

// program notes one that is run.
func (r *reader) program(name string) {
	if len(r.facts.Programs) > 2*maxWords {
		r.unsure("it runs too many programs")
		return
	}
	r.facts.Programs = append(r.facts.Programs, name)
	if base := path.Base(name); base != name {
		r.facts.Programs = append(r.facts.Programs, base)
	}
}

// word notes one that stands in the line whole.
func (r *reader) word(w word) {
	if w.whole && w.text != "" && len(r.facts.Words) <= 2*maxWords {
		r.facts.Words = append(r.facts.Words, w.text)
	}
}
