package config

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// decoder reads one YAML document into a Config. It goes on after a mistake, so that one run names them all, and it
// remembers where each value stood for the checks that come after it.
type decoder struct {
	file     string
	lines    []string
	places   map[string]place // by path, see join
	problems Problems
}

// place is where something stands in the file, from 1.
type place struct{ line, column int }

// join makes the key of places.
func join(path ...string) string { return strings.Join(path, "/") }

// decode reads text over the defaults that c holds.
func (d *decoder) decode(text []byte, c *Config) {
	d.lines = strings.Split(string(text), "\n")
	root, err := d.parse(text)
	if err != nil {
		d.syntax(err)
		return
	}
	if root != nil {
		d.value(root, reflect.ValueOf(c).Elem(), nil)
	}
}

// parse returns the document's root; nil for an empty file.
func (d *decoder) parse(text []byte) (root ast.Node, err error) {
	defer func() {
		if r := recover(); r != nil { // a broken file must not end a gateway that reloads
			root, err = nil, fmt.Errorf("not YAML: the parser gave up (%v)", r)
		}
	}()
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, err
	}
	if len(file.Docs) > 1 {
		d.add(file.Docs[1].GetToken(), "a second document", "a configuration is one YAML document: remove the --- line")
	}
	if len(file.Docs) == 0 {
		return nil, nil
	}
	return file.Docs[0].Body, nil
}

func (d *decoder) syntax(err error) {
	var at yaml.Error
	if errors.As(err, &at) {
		d.add(at.GetToken(), showable(at.GetMessage()), "")
		return
	}
	d.add(nil, showable(err.Error()), "")
}

func (d *decoder) add(tok *token.Token, message, hint string) {
	var at place
	if tok != nil && tok.Position != nil {
		at = place{tok.Position.Line, tok.Position.Column}
	}
	d.addAt(at, message, hint)
}

func (d *decoder) addAt(at place, message, hint string) {
	p := Problem{File: d.file, Line: at.line, Column: at.column, Message: message, Hint: hint}
	if at.line >= 1 && at.line <= len(d.lines) {
		p.Source = showable(d.lines[at.line-1])
	}
	d.problems = append(d.problems, p)
}

// value decodes one node into one Go value.
func (d *decoder) value(n ast.Node, into reflect.Value, path []string) {
	tok := n.GetToken()
	if tok != nil && tok.Position != nil {
		d.places[join(path...)] = place{tok.Position.Line, tok.Position.Column}
	}
	switch n.(type) {
	case *ast.NullNode: // a key without a value keeps its default
		return
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		d.add(tok, "anchors, aliases and tags are not read here", "write the value out")
		return
	}
	if _, leaf := into.Addr().Interface().(encoding.TextUnmarshaler); leaf {
		d.scalar(n, into, path)
		return
	}
	switch into.Kind() {
	case reflect.Struct:
		d.structure(n, into, path)
	case reflect.Map:
		d.mapping(n, into, path)
	case reflect.Slice:
		d.sequence(n, into, path)
	default:
		d.scalar(n, into, path)
	}
}

// structure decodes a mapping whose keys are known.
func (d *decoder) structure(n ast.Node, into reflect.Value, path []string) {
	fields := keysOf(into.Type())
	d.entries(n, path, func(key string, keyTok *token.Token, value ast.Node) {
		i := slices.IndexFunc(fields, func(f reflect.StructField) bool { return f.Tag.Get("yaml") == key })
		if i < 0 {
			d.unknown(key, keyTok, fields)
			return
		}
		d.value(value, into.FieldByIndex(fields[i].Index), append(slices.Clone(path), key))
	})
}

// mapping decodes a mapping whose keys are names that the user chose.
func (d *decoder) mapping(n ast.Node, into reflect.Value, path []string) {
	if into.IsNil() {
		into.Set(reflect.MakeMap(into.Type()))
	}
	d.entries(n, path, func(key string, keyTok *token.Token, value ast.Node) {
		elem := reflect.New(into.Type().Elem()).Elem()
		switch e := elem.Addr().Interface().(type) {
		case *Listener:
			*e = defaultListener()
		case *Target:
			*e = defaultTarget()
		}
		below := append(slices.Clone(path), key)
		d.value(value, elem, below)
		d.places[join(below...)] = place{keyTok.Position.Line, keyTok.Position.Column}
		into.SetMapIndex(reflect.ValueOf(key), elem)
	})
}

// entries calls each for every key of the mapping n, once.
func (d *decoder) entries(n ast.Node, path []string, each func(string, *token.Token, ast.Node)) {
	m, ok := n.(ast.MapNode)
	if !ok {
		d.wrongType(n, path, "a mapping of keys to values")
		return
	}
	seen := make(map[string]bool)
	for it := m.MapRange(); it.Next(); {
		tok := it.Key().GetToken()
		key := tok.Value
		if _, ok := it.Key().(*ast.StringNode); !ok {
			d.add(tok, fmt.Sprintf("key %q is no plain text", key), "put quotes around it")
			continue
		}
		if seen[key] {
			d.add(tok, fmt.Sprintf("duplicate key %q", key), "remove one of the two")
			continue
		}
		seen[key] = true
		each(key, tok, it.Value())
	}
}

func (d *decoder) sequence(n ast.Node, into reflect.Value, path []string) {
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		d.wrongType(n, path, "a list")
		return
	}
	list := reflect.MakeSlice(into.Type(), len(s.Values), len(s.Values))
	for i, v := range s.Values {
		if _, empty := v.(*ast.NullNode); empty {
			d.add(v.GetToken(), strings.Join(path, ".")+" has an empty item", "remove it")
			continue
		}
		d.value(v, list.Index(i), append(slices.Clone(path), fmt.Sprint(i)))
	}
	into.Set(list)
}

// unknown names a key that no field has. What looks like a secret is sent to the vault.
func (d *decoder) unknown(key string, tok *token.Token, fields []reflect.StructField) {
	if secretKey.MatchString(key) {
		d.add(tok, fmt.Sprintf("key %q: a configuration holds no secrets", key),
			"remove it, change the secret, and store the new one with: gatefold secret add NAME --user LOGIN")
		return
	}
	known := make([]string, len(fields))
	for i, f := range fields {
		known[i] = f.Tag.Get("yaml")
	}
	hint := "known here: " + strings.Join(known, ", ")
	if near := nearest(key, known); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	d.add(tok, fmt.Sprintf("unknown key %q", key), hint)
}

func (d *decoder) wrongType(n ast.Node, path []string, want string) {
	name := "the file"
	if len(path) > 0 {
		name = strings.Join(path, ".")
	}
	d.add(n.GetToken(), fmt.Sprintf("%s must be %s, not %s", name, want, typeName(n)), "")
}

// keysOf are the fields that the file may set.
func keysOf(t reflect.Type) []reflect.StructField {
	var fields []reflect.StructField
	for _, f := range reflect.VisibleFields(t) {
		if key := f.Tag.Get("yaml"); key != "" && key != "-" {
			fields = append(fields, f)
		}
	}
	return fields
}
