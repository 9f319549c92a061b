package runbook

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// decode fills v from the node and notes every mistake under the path. A null is the
// same as a field that was not written.
func (p *decoder) decode(n *yaml.Node, v reflect.Value, path string) {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if !p.spend() {
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if u, ok := v.Addr().Interface().(yaml.Unmarshaler); ok {
		p.decodeText(n, u, path)
		return
	}
	if s, ok := v.Addr().Interface().(interface{ short() *string }); ok && n.Kind == yaml.ScalarNode {
		v = reflect.ValueOf(s.short()).Elem()
	}
	switch v.Kind() {
	case reflect.Struct:
		p.decodeStruct(n, v, path)
	case reflect.Slice:
		p.decodeList(n, v, path)
	case reflect.Map:
		p.decodeMap(n, v, path)
	default:
		p.decodeScalar(n, v, path)
	}
}

func (p *decoder) decodeText(n *yaml.Node, u yaml.Unmarshaler, path string) {
	if n.Kind != yaml.ScalarNode {
		p.add(path, "is a "+kindName(n)+" where one value is expected", "write one value")
		return
	}
	if !p.seen(path, n.Value) {
		return
	}
	err := u.UnmarshalYAML(n)
	var w wrong
	if errors.As(err, &w) {
		p.add(path, w.what, w.fix)
	} else if err != nil {
		p.add(path, err.Error(), "")
	}
}

func (p *decoder) decodeStruct(n *yaml.Node, v reflect.Value, path string) {
	fields := map[string]int{}
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		if name != "" && name != "-" {
			fields[name] = i
		}
	}
	p.pairs(n, path, func(key, value *yaml.Node) {
		at := join(path, key.Value)
		if i, ok := fields[key.Value]; ok {
			p.decode(value, v.Field(i), at)
			return
		}
		if p.full() {
			return
		}
		fix := "known here: " + strings.Join(sortedKeys(fields), ", ")
		if near := Nearest(key.Value, sortedKeys(fields)); near != "" {
			fix = fmt.Sprintf("did you mean %q?", near)
			defer func() { p.bad[join(path, near)] = true }()
		}
		p.add(at, "unknown key", fix)
	})
}

func (p *decoder) decodeList(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.SequenceNode {
		p.add(path, "is a "+kindName(n)+" where a list is expected", "write a list: [one, two]")
		return
	}
	for i, item := range n.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		p.lines[at] = item.Line
		one := reflect.New(v.Type().Elem()).Elem()
		p.decode(item, one, at)
		v.Set(reflect.Append(v, one))
	}
}

func (p *decoder) decodeMap(n *yaml.Node, v reflect.Value, path string) {
	p.pairs(n, path, func(key, value *yaml.Node) {
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
		if !p.seen(join(path, key.Value), key.Value) {
			return
		}
		one := reflect.New(v.Type().Elem()).Elem()
		p.decode(value, one, join(path, key.Value))
		v.SetMapIndex(reflect.ValueOf(key.Value), one)
	})
}

// pairs visits each key of a mapping once: its own keys first, then those merged in
// by <<. It notes the line of each key that has a value.
func (p *decoder) pairs(n *yaml.Node, path string, visit func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		p.add(path, "is a "+kindName(n)+" where a mapping is expected", "write indented `key: value` lines")
		return
	}
	own := map[string]bool{}
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content) && p.left > 0; i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := join(path, key.Value)
		switch {
		case key.ShortTag() == "!!merge":
			merged = append(merged, value)
		case key.Kind != yaml.ScalarNode:
			p.add(path, "has a key that is not a word", "write plain keys")
		case own[key.Value]:
			p.lines[at] = key.Line
			p.add(at, "is written twice", "keep one of the two")
		default:
			own[key.Value] = true
			p.visit(key, value, at, visit)
		}
	}
	for _, from := range merged {
		p.merge(from, path, own, visit)
	}
}

func (p *decoder) merge(from *yaml.Node, path string, own map[string]bool, visit func(key, value *yaml.Node)) {
	if !p.spend() {
		return
	}
	for from.Kind == yaml.AliasNode {
		from = from.Alias
	}
	if from.Kind == yaml.SequenceNode {
		for _, one := range from.Content {
			p.merge(one, path, own, visit)
		}
		return
	}
	p.pairs(from, path, func(key, value *yaml.Node) {
		if !own[key.Value] {
			own[key.Value] = true
			visit(key, value)
		}
	})
}

func (p *decoder) visit(key, value *yaml.Node, at string, visit func(key, value *yaml.Node)) {
	target := value
	for target.Kind == yaml.AliasNode {
		target = target.Alias
	}
	if target.ShortTag() == "!!null" && target.Kind == yaml.ScalarNode {
		return
	}
	if !p.has(at) {
		p.lines[at] = key.Line
	}
	visit(key, value)
}

// decodeScalar fills a string, bool, number or, for a flag, whichever was written.
func (p *decoder) decodeScalar(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.ScalarNode {
		p.add(path, "is a "+kindName(n)+" where one value is expected", "write one value")
		return
	}
	switch tag := n.ShortTag(); {
	case !p.seen(path, n.Value):
	case v.Kind() == reflect.String && tag != "!!bool" && tag != "!!binary":
		v.SetString(n.Value)
	case v.Kind() == reflect.String:
		p.add(path, fmt.Sprintf("%q is not text to YAML", n.Value), "put it in quotes")
	case v.Kind() == reflect.Bool && tag == "!!bool",
		(v.Kind() == reflect.Int || v.Kind() == reflect.Int64) && tag == "!!int",
		v.Kind() == reflect.Float64 && (tag == "!!int" || tag == "!!float"):
		if err := n.Decode(v.Addr().Interface()); err != nil {
			p.add(path, fmt.Sprintf("%q is out of range", n.Value), "write a smaller number")
		} else if v.Kind() == reflect.Float64 && !finite(v.Float()) {
			p.add(path, fmt.Sprintf("%q is not a finite number", n.Value), "write a finite number")
		}
	case v.Kind() == reflect.Interface:
		p.decodeFlag(n, v, path)
	default:
		p.add(path, fmt.Sprintf("%q is not a %s", n.Value, plainKind(v.Kind())), "write a "+plainKind(v.Kind())+" without quotes")
	}
}

// decodeFlag keeps every number as a float64, as JSON does, so that a bundle has one
// digest whichever way it came.
func (p *decoder) decodeFlag(n *yaml.Node, v reflect.Value, path string) {
	var f float64
	var b bool
	switch tag := n.ShortTag(); tag {
	case "!!bool":
		_ = n.Decode(&b) // a scalar tagged bool decodes as one
		v.Set(reflect.ValueOf(b))
	case "!!int", "!!float":
		if err := n.Decode(&f); err != nil || !exact(f) {
			p.add(path, fmt.Sprintf("%q is not a number that JSON keeps exactly", n.Value), "put it in quotes")
			return
		}
		v.Set(reflect.ValueOf(f))
	default:
		v.Set(reflect.ValueOf(n.Value))
	}
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

// exact reports whether the number is finite and, if whole, below 2^53: beyond that
// two different integers can be one float64.
func exact(f float64) bool { return finite(f) && (f != math.Trunc(f) || math.Abs(f) < 1<<53) }

func plainKind(k reflect.Kind) string {
	switch k {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "whole number"
	default:
		return "number"
	}
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "mapping"
	case yaml.SequenceNode:
		return "list"
	default:
		return "single value"
	}
}
