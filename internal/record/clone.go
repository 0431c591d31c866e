package record

import (
	"bytes"
	"slices"
)

// Clone returns a record that borrows nothing.
func (r *Record) Clone() Record {
	c := *r
	for _, b := range []*[]byte{&c.Code, &c.Text, &c.Name, &c.Portal, &c.Message, &c.Hash, &c.Erased} {
		*b = bytes.Clone(*b)
	}
	c.Params = slices.Clone(c.Params)
	for i := range c.Params {
		c.Params[i].Value = bytes.Clone(c.Params[i].Value)
	}
	c.Actions, c.Tables, c.Columns = slices.Clone(c.Actions), slices.Clone(c.Tables), slices.Clone(c.Columns)
	c.Programs, c.Paths = slices.Clone(c.Programs), slices.Clone(c.Paths)
	return c
}
