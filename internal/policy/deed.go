package policy

import (
	"slices"

	"github.com/gatefold/gatefold/internal/sqltext"
)

// Deed is what somebody wants done, in whatever language they say it: a SQL statement, a command line, a request of a
// protocol. Each of its effects is asked about, and each has to be allowed. The languages' own rooms read texts; a file
// here for each (deed_sql.go, deed_ssh.go) makes a Deed of what they found.
type Deed struct {
	Understood bool
	Why        string // why it was not understood; empty when it was
	Hint       string // what to do about that; may be empty

	Actions    []string // of all effects, sorted
	Statements int      // how many statements a SQL text holds
	HasWhere   bool     // each UPDATE and DELETE in it has a WHERE that looks at a column; true where there is none
	Command    string   // a command line; a subsystem's name; a variable with its value
	Programs   []string // that the command line runs: as written, and without the folder
	Words      []string // that stand in the command line, and that no expansion makes

	Effects []Effect // at least one, but for a text that does nothing
}

// Effect is one action and what it touches.
type Effect struct {
	Action    string
	Tables    []string // sqltext.Effect has the spelling of these three
	Columns   []string
	Functions []string
	Catalog   bool   // it reads the SQL server's own definitions only
	Path      string // of a file: see Clean
	All       bool   // it is done to all that is below Path as well
	untold    untold // what of it can't be told
}

// Paths are those of the effects, each once, for the record.
func (d *Deed) Paths() (paths []string) {
	for _, e := range d.Effects {
		if e.Path != "" && !slices.Contains(paths, e.Path) {
			paths = append(paths, e.Path)
		}
	}
	return paths
}

// untold is what can't be told of an effect. Where something can't, the sets are empty and a rule that goes by them
// would be passed by: see blind.go.
type untold uint8

const (
	toldAll    untold = iota
	untoldText        // a SQL text that was not read
	untoldCode        // SQL code in a string, or called by its number: the text around it was read
	untoldRun         // a command line that was not read, or that runs code that was not
	untoldLine        // an interactive line that was not read: a tripwire, so only rules that permit are careful
	untoldPath        // a path that begins somewhere else than at the root or at home
	untolds
)

// nothing stands for the deed while a session opens.
var nothing = &Deed{Understood: true, HasWhere: true}

// opening is its effect.
var opening = Effect{Action: Connect}

// actionsOf are the names of the effects' actions, for a Deed whose language doesn't keep them.
func actionsOf(effects []Effect) (names []string) {
	for _, e := range effects {
		names = append(names, e.Action)
	}
	return sorted(names)
}

// Group names of actions that aren't SQL's.
const (
	GroupRun   = "run"
	GroupFiles = "files"
)

// Action is a word of the vocabulary that policies, records and searches share.
type Action struct {
	Name, Group, Doc string
}

// Actions is the whole vocabulary, in the order of its documentation.
var Actions = func() (all []Action) {
	all = append(all, Action{Connect, "", "a session is opened"})
	for _, a := range sqltext.Actions {
		all = append(all, Action(a))
	}
	return append(all, sshActions...)
}()
