package policy

import "github.com/gatefold/gatefold/internal/sqltext"

// Statement is the Deed of a SQL text.
func Statement(f *sqltext.Facts) *Deed {
	if len(f.Effects) == 0 && !(f.Understood && f.Statements == 0) { // no text is like that: refuse what was put together wrongly
		f = sqltext.Unread("its effects are not known")
	}
	d := &Deed{
		Understood: f.Understood, Why: f.Why, Hint: f.Hint(), Actions: f.Actions, Statements: f.Statements, HasWhere: f.HasWhere,
		Effects: make([]Effect, len(f.Effects)),
	}
	for i, e := range f.Effects {
		d.Effects[i] = Effect{Action: e.Action, Tables: e.Tables, Columns: e.Columns, Functions: e.Functions}
		switch {
		case e.Action == sqltext.Unknown:
			d.Effects[i].untold = untoldText
		case sqltext.Untold(e.Action):
			d.Effects[i].untold = untoldCode
		default:
			d.Effects[i].Catalog = catalogOnly(f.Dialect, e)
		}
	}
	return d
}
