package runbook

import (
	"fmt"
	"math"
	"reflect"

	"go.yaml.in/yaml/v3"
)

// decodeScalar fills a string, bool, number or, for a flag, whichever was written.
func (p *page) decodeScalar(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.ScalarNode {
		p.add(path, "is a "+kindName(n)+" where one value belongs", "write one value")
		return
	}
	switch tag := n.ShortTag(); {
	case v.Kind() == reflect.String && tag != "!!bool" && tag != "!!binary":
		v.SetString(n.Value)
	case v.Kind() == reflect.String:
		p.add(path, fmt.Sprintf("%q is not text to YAML", n.Value), "put it in quotes")
	case v.Kind() == reflect.Bool && tag == "!!bool",
		v.Kind() == reflect.Int && tag == "!!int",
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
func (p *page) decodeFlag(n *yaml.Node, v reflect.Value, path string) {
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
	case reflect.Int:
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
