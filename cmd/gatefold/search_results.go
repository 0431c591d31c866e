package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/gatefold/gatefold/replay"
)

// results is where a search's hits go.
type results interface {
	add(*replay.Hit) (enough bool, err error)
	end(*Main) error
}

func (sc *display) hits(f searchFlags, q *replay.Query) (results, error) {
	enc := replay.NDJSON(sc.w)
	switch {
	case f.count:
		return &counted{sc: sc, json: f.json, enc: enc}, nil
	case f.groupBy != "":
		groups, err := replay.GroupBy(f.groupBy, time.Local)
		if err != nil {
			return nil, usageError{err}
		}
		return &grouped{sc: sc, groups: groups, field: f.groupBy, json: f.json, enc: enc}, nil
	}
	brief := &replay.Brief{Width: min(sc.width, defaultWidth), Colour: sc.colour, Zone: time.Local, Query: q}
	return &listed{sc: sc, json: f.json, enc: enc, limit: f.limit, brief: brief}, nil
}

// listed writes hits one by one, each as soon as it is found.
type listed struct {
	sc    *display
	json  bool
	enc   *json.Encoder
	brief *replay.Brief
	limit int // 0: none
	found int
	last  string // the cursor of the last
	more  bool
}

func (l *listed) add(h *replay.Hit) (bool, error) {
	if l.limit > 0 && l.found == l.limit {
		l.more = true
		return true, nil
	}
	l.found++
	l.last = h.Cursor()
	if l.json {
		if err := l.enc.Encode(h.JSON()); err != nil {
			return false, err
		}
	} else if _, err := io.WriteString(l.sc.w, l.brief.Text(h)); err != nil {
		return false, err
	}
	return false, l.sc.soon()
}

func (l *listed) end(m *Main) error {
	if err := l.sc.w.Flush(); err != nil {
		return err
	}
	switch {
	case l.more:
		fmt.Fprintf(m.Stderr, "the newest %d; there are more: --limit 0 shows all, and the next page:\n  --after %s\n", l.found, l.last)
	case l.found == 0 && !l.json:
		fmt.Fprintln(m.Stderr, "nothing found")
	}
	return nil
}

// counted only counts.
type counted struct {
	sc   *display
	json bool
	enc  *json.Encoder
	n    uint64
}

func (c *counted) add(*replay.Hit) (bool, error) {
	c.n++
	return false, nil
}

func (c *counted) end(*Main) error {
	if c.json {
		if err := c.enc.Encode(map[string]uint64{"count": c.n}); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(c.sc.w, c.n)
	}
	return c.sc.w.Flush()
}

// grouped counts by a field.
type grouped struct {
	sc     *display
	groups *replay.Groups
	field  string
	json   bool
	enc    *json.Encoder
}

func (g *grouped) add(h *replay.Hit) (bool, error) { return false, g.groups.Add(h) }

func (g *grouped) end(m *Main) error {
	list := g.groups.List()
	for i := range list {
		if err := g.one(&list[i]); err != nil {
			return err
		}
	}
	if len(list) == 0 && !g.json {
		fmt.Fprintln(m.Stderr, "nothing found")
	}
	return g.sc.w.Flush()
}

func (g *grouped) one(group *replay.Group) error {
	if g.json {
		line := map[string]any{g.field: group.Value, "count": group.Count}
		if group.Value == "" {
			line[g.field] = nil
		}
		if group.Example != nil {
			line["example"] = group.Example
		}
		return g.enc.Encode(line)
	}
	value := "(none)"
	if group.Value != "" {
		value = replay.Line([]byte(group.Value), g.sc.width-10)
	}
	if group.Example != nil {
		value += "  " + replay.Line(*group.Example, max(g.sc.width-len(value)-12, narrowest))
	}
	_, err := fmt.Fprintf(g.sc.w, "%8d  %s\n", group.Count, value)
	return err
}
