package runbook

import (
	"fmt"
	"maps"
)

// Off returns the bundle's flags while it is quarantined, so that a reader which looks at
// nothing but a flag's value gets nothing of this bundle: what FlagsOff says of a flag; or
// else false of a boolean, of any other what the flag of that name and type is in the stable
// bundle, and nothing at all of one that the stable bundle has not.
func (b Bundle) Off(stable Bundle) map[string]any {
	off := map[string]any{}
	for name, value := range b.Flags {
		if _, boolean := value.(bool); boolean {
			off[name] = false
		} else if other, ok := stable.Flags[name]; ok && kindOf(other) == kindOf(value) {
			off[name] = other
		}
	}
	maps.Copy(off, b.FlagsOff)
	return off
}

// oneZero makes -0 zero among flags: it would print as another value.
func oneZero(flags any) {
	tree, _ := flags.(map[string]any)
	for name, value := range tree {
		if value == 0.0 {
			tree[name] = 0.0
		}
	}
}

func checkFlags(p *decoder, at string, flags map[string]any) {
	for _, name := range sortedKeys(flags) {
		path := join(at, name)
		switch v := flags[name].(type) {
		case bool, string:
		case float64:
			if !exact(v) {
				p.add(path, fmt.Sprintf("%v is not a number that JSON keeps exactly", v), "put it in quotes")
			}
		case int:
			if !exact(float64(v)) {
				p.add(path, fmt.Sprintf("%v is not a number that JSON keeps exactly", v), "put it in quotes")
			}
		default:
			p.add(path, fmt.Sprintf("is a %T", v), "write true, false, text or a number")
		}
	}
}

// checkFlagsOff holds every flag to its type, so that a reader's code still finds it, and to
// another value than the bundle's own.
func (b Bundle) checkFlagsOff(p *decoder, at string) {
	checkFlags(p, at, b.FlagsOff)
	for _, name := range sortedKeys(b.FlagsOff) {
		on, ok := b.Flags[name]
		off := b.FlagsOff[name]
		switch path := join(at, name); {
		case !ok:
			p.add(path, "is no flag of this bundle", "name a flag that stands under flags, or leave it out")
		case kindOf(on) != kindOf(off):
			p.add(path, fmt.Sprintf("is a %s and the flag is a %s", kindOf(off), kindOf(on)), "write a value of the flag's own type")
		case fmt.Sprint(on) == fmt.Sprint(off):
			p.add(path, fmt.Sprintf("%v is what the flag is anyway", off), "write the value that turns it off")
		}
	}
}

// kindOf names a flag's type.
func kindOf(value any) string {
	switch value.(type) {
	case bool:
		return "boolean"
	case string:
		return "text"
	}
	return "number"
}
