package policy

import (
	"net/netip"

	"github.com/cedar-policy/cedar-go/types"
)

// entities holds what a request's names stand for: the actions, which never change, and one subject and target.
type entities struct {
	user, target types.Entity
}

func (e *entities) Get(uid types.EntityUID) (types.Entity, bool) {
	switch uid {
	case e.user.UID:
		return e.user, true
	case e.target.UID:
		return e.target, true
	}
	a, ok := actionEntities[uid]
	return a, ok
}

// actionEntities holds the actions and their groups.
var actionEntities = func() types.EntityMap {
	m := types.EntityMap{}
	add := func(name string, parents ...types.EntityUID) types.EntityUID {
		uid := actionUID(name)
		m[uid] = types.Entity{UID: uid, Parents: types.NewEntityUIDSet(parents...)}
		return uid
	}
	all := add("any")
	for _, g := range groups {
		add(g, all)
	}
	for _, a := range Actions {
		if a.Group == "" {
			add(a.Name)
		} else {
			add(a.Name, actionUID(a.Group))
		}
	}
	return m
}()

func actionUID(name string) types.EntityUID {
	return types.NewEntityUID("Action", types.String(name))
}

func entitiesOf(sub Subject, target Target) *entities {
	parents := make([]types.EntityUID, len(sub.Groups))
	for i, g := range sub.Groups {
		parents[i] = types.NewEntityUID("Group", types.String(g))
	}
	return &entities{
		user: types.Entity{
			UID:        types.NewEntityUID("User", types.String(sub.User)),
			Parents:    types.NewEntityUIDSet(parents...),
			Attributes: types.NewRecord(types.RecordMap{"name": types.String(sub.User)}),
		},
		target: types.Entity{
			UID: types.NewEntityUID("Target", types.String(target.Name)),
			Attributes: types.NewRecord(types.RecordMap{
				"name": types.String(target.Name), "protocol": types.String(target.Protocol),
			}),
		},
	}
}

// contextOf makes a request's context: every attribute of contextSchema, whatever is asked.
func contextOf(env Env, d *Deed, e *Effect) types.Record {
	weekday := int64(env.Now.Weekday()) // Sunday is 0
	if weekday == 0 {
		weekday = 7
	}
	return types.NewRecord(types.RecordMap{
		"account":    types.String(env.Account),
		"database":   types.String(env.Database),
		"client":     address(env.Client),
		"tables":     tableSet(e.Tables),
		"columns":    stringSet(e.Columns),
		"functions":  stringSet(e.Functions),
		"actions":    stringSet(d.Actions),
		"statements": types.Long(d.Statements),
		"has_where":  types.Boolean(d.HasWhere),
		"understood": types.Boolean(d.Understood),
		"told":       types.Boolean(e.untold == toldAll),
		"catalog":    types.Boolean(e.Catalog),
		"command":    types.String(d.Command),
		"programs":   stringSet(d.Programs),
		"words":      stringSet(d.Words),
		"path":       types.String(e.Path),
		"within":     stringSet(folders(e.Path)),
		"now":        types.NewDatetime(env.Now),
		"hour":       types.Long(env.Now.Hour()),
		"weekday":    types.Long(weekday),
	})
}

func address(a netip.Addr) types.IPAddr {
	if !a.IsValid() {
		a = netip.IPv4Unspecified()
	}
	a = a.Unmap().WithZone("")
	return types.IPAddr(netip.PrefixFrom(a, a.BitLen()))
}

func stringSet(values []string) types.Set {
	list := make([]types.Value, len(values))
	for i, v := range values {
		list[i] = types.String(v)
	}
	return types.NewSet(list...)
}

// tableSet holds each table as it is written and also, where that has a schema, without it. So a rule that forbids
// "salaries" holds for every schema's, and one that permits a list has to name the schema to let it pass.
func tableSet(tables []string) types.Set {
	list := make([]types.Value, 0, 2*len(tables))
	for _, t := range tables {
		list = append(list, types.String(t))
		if bare := bareName(t); bare != t {
			list = append(list, types.String(bare))
		}
	}
	return types.NewSet(list...)
}
