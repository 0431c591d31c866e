package replay

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxGroups bounds what a grouping holds.
const maxGroups = 100_000

// Groups counts hits by what a field of the query language says of them. A hit that touches two tables counts for both.
type Groups struct {
	values func(h *Hit) []string
	quoted bool // an example says more than the value: a digest
	groups map[string]*Group
}

// Group is one value with how many hits say it.
type Group struct {
	Value   string // empty: those that say nothing
	Count   uint64
	Example *Value // a digest's statement: the newest; nil for other fields
}

// GroupBy makes an empty grouping by a field, or by the day or the hour in zone.
func GroupBy(name string, zone *time.Location) (*Groups, error) {
	g := &Groups{groups: make(map[string]*Group)}
	name = strings.ToLower(name)
	switch name {
	case "day":
		g.values = byTime(time.DateOnly, zone)
		return g, nil
	case "hour":
		g.values = byTime("2006-01-02 15:00", zone)
		return g, nil
	}
	f := fieldNamed(name)
	if f == nil || !f.grouped() {
		return nil, fmt.Errorf("group by %q: it can be one of %s", name, strings.Join(groupNames(), ", "))
	}
	g.values, g.quoted = f.values, f.name == "digest"
	return g, nil
}

func byTime(layout string, zone *time.Location) func(*Hit) []string {
	return func(h *Hit) []string { return []string{time.Unix(0, h.Record.At).In(zone).Format(layout)} }
}

// grouped reports whether hits can be counted by f: not by numbers that measure, nor by time.
func (f *field) grouped() bool {
	switch f.name {
	case "rows", "bytes", "took", "length", "seq", "insert_id", "warnings":
		return false
	}
	return f.kind != isTime
}

func groupNames() []string {
	names := []string{"day", "hour"}
	for i := range fields {
		if fields[i].grouped() {
			names = append(names, fields[i].name)
		}
	}
	return names
}

// values are what f says of h.
func (f *field) values(h *Hit) (list []string) {
	switch {
	case f.groups != nil:
		return f.groups(h)
	case f.number != nil:
		if n, told := f.number(h); told && n != 0 {
			list = append(list, strconv.FormatUint(n, 10))
		}
		return list
	}
	f.each(h, func(s string) bool {
		list = append(list, s)
		return false
	})
	return list
}

// Add counts a hit.
func (g *Groups) Add(h *Hit) error {
	values := slices.Clone(g.values(h))
	if len(values) == 0 {
		values = []string{""}
	}
	slices.Sort(values)
	for _, v := range slices.Compact(values) {
		group := g.groups[v]
		if group == nil {
			if len(g.groups) == maxGroups {
				return fmt.Errorf("count groups: there are more than %d: ask for less, by time for example", maxGroups)
			}
			group = &Group{Value: strings.Clone(v)}
			if g.quoted && v != "" {
				text := Value(slices.Clone(h.Text()[:min(len(h.Text()), maxExample)]))
				group.Example = &text
			}
			g.groups[group.Value] = group
		}
		group.Count++
	}
	return nil
}

// maxExample bounds an example in bytes.
const maxExample = 1 << 10 // 1 KiB

// List gives the groups, the largest first, those of one size by their values.
func (g *Groups) List() []Group {
	list := make([]Group, 0, len(g.groups))
	for _, group := range g.groups {
		list = append(list, *group)
	}
	slices.SortFunc(list, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value))
	})
	return list
}
