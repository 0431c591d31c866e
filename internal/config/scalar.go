package config

import (
	"fmt"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// scalar decodes a text, a truth value, a number, a duration, a size or a network.
func (d *decoder) scalar(n ast.Node, into reflect.Value, path []string) {
	text, ok := textOf(n)
	if !ok {
		d.wrongType(n, path, wanted(into))
		return
	}
	var err error
	hint := ""
	switch v := into.Addr().Interface().(type) {
	case *string:
		if err = plainText(n, text); err != nil {
			hint = fmt.Sprintf("put quotes around it: %q", text)
			break
		}
		*v = text
	case *bool:
		if *v = text == "true"; !*v && text != "false" {
			err = fmt.Errorf("%q is neither", text)
		}
		hint = "write true or false"
	case *int:
		*v, err = strconv.Atoi(text)
		hint = "write a whole number"
	case *time.Duration:
		*v, err = parseDuration(text)
		hint = "write a number with its unit, for example 500ms, 15s, 10m or 8h; 0 is none"
	case *Size:
		*v, err = ParseSize(text)
		hint = "write a number of bytes or of KiB, MiB, GiB, for example 64MiB"
	case *netip.Prefix:
		*v, err = parseNetwork(text)
		hint = "write an address or a network, for example 10.0.0.0/8"
	default:
		panic("config: no way to decode " + into.Type().String())
	}
	if err != nil {
		d.add(n.GetToken(), fmt.Sprintf("%s must be %s, not %q", strings.Join(path, "."), wanted(into), showable(text)), hint)
	}
}

// textOf is a scalar's text as the file has it; false for a mapping or a list.
func textOf(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return strings.TrimSuffix(n.Value.Value, "\n"), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// plainText refuses what YAML takes for a number or a truth value where a text is meant: 1_0 or 010 would change.
func plainText(n ast.Node, text string) error {
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
	default:
		return fmt.Errorf("%s is %s", text, typeName(n))
	}
	if strings.ContainsRune(text, 0) {
		return fmt.Errorf("it holds a NUL byte")
	}
	return nil
}

func wanted(into reflect.Value) string {
	switch into.Interface().(type) {
	case bool:
		return "true or false"
	case int:
		return "a whole number"
	case time.Duration:
		return "a duration"
	case Size:
		return "a size"
	case netip.Prefix:
		return "a network"
	}
	return "text"
}

func typeName(n ast.Node) string {
	switch n.(type) {
	case ast.MapNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	}
	return "text"
}

func parseDuration(s string) (time.Duration, error) {
	v, err := time.ParseDuration(s)
	if err == nil && v < 0 {
		err = fmt.Errorf("%s is negative", s)
	}
	return v, err
}

// parseNetwork reads a network, or an address as the network of itself.
func parseNetwork(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return addr.Prefix(addr.BitLen())
	}
	network, err := netip.ParsePrefix(s)
	if err == nil && network != network.Masked() {
		err = fmt.Errorf("%s has bits set beyond its mask", s)
	}
	return network, err
}
