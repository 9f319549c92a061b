package openapi

import (
	"encoding"
	"encoding/json"
	"path"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

type object = map[string]any

// A schemer makes JSON Schemas of Go types as encoding/json writes them. Structs and words stand in named.
type schemer struct {
	t *testing.T
	source
	named object
	types map[string]reflect.Type
}

// written are the types that write themselves.
var written = map[reflect.Type]object{
	reflect.TypeFor[time.Time]():        {"type": "string", "format": "date-time"},
	reflect.TypeFor[runbook.Duration](): {"type": "string", "description": "A duration such as 90s, 5m or 1h30m.", "examples": []string{"5m"}},
	reflect.TypeFor[runbook.Ratio]():    {"type": "string", "description": "A share such as 5%.", "examples": []string{"5%"}},
	reflect.TypeFor[runbook.Health]():   {"type": []string{"string", "object"}},
	reflect.TypeFor[record.Number]():    {"type": []string{"number", "null"}},
	reflect.TypeFor[json.RawMessage]():  {},
	reflect.TypeFor[runbook.Runbook]():  {"type": "object", "description": "A runbook; docs/runbook.md says what its fields mean."},
	reflect.TypeFor[runbook.Launch]():   {"type": "object", "description": "A release file, as schemas/release.json describes it."},
}

// itself reports whether a type writes itself in a way that nobody told us of.
func itself(of reflect.Type) bool {
	for _, how := range []reflect.Type{reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler]()} {
		if of.Implements(how) {
			return true
		}
	}
	return false
}

func (s schemer) of(t reflect.Type) object {
	if form, ok := written[t]; ok {
		return clone(form)
	}
	if t.Kind() != reflect.Interface && t.Kind() != reflect.Pointer && itself(t) {
		s.t.Fatalf("%s writes its own JSON: say in written what that is", t)
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.Interface:
		return object{}
	case reflect.Struct:
		return s.name(t, s.fields)
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return object{"type": "string", "contentEncoding": "base64"}
		}
		return object{"type": "array", "items": s.of(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.of(t.Elem())}
	case reflect.String:
		if len(s.words[t.String()]) > 0 {
			return s.name(t, s.wordsOf)
		}
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Float64, reflect.Float32:
		return object{"type": "number"}
	}
	if !t.ConvertibleTo(reflect.TypeFor[int64]()) {
		s.t.Fatalf("%s has no JSON", t)
	}
	return object{"type": "integer"}
}

// name has a type's schema stand once, under its name.
func (s schemer) name(t reflect.Type, make func(reflect.Type) object) object {
	if t.Name() == "" {
		return make(t)
	}
	name := t.Name()
	if other, taken := s.types[name]; taken && other != t {
		name += "Of" + upper(path.Base(t.PkgPath()))
	}
	if other, taken := s.types[name]; taken && other != t {
		s.t.Fatalf("%s and %s are both called %s", t, other, name)
	} else if !taken {
		s.types[name] = t
		form := make(t)
		if text := s.said[t.String()]; text != "" {
			form["description"] = text
		}
		s.named[name] = form
	}
	return object{"$ref": "#/components/schemas/" + name}
}

func (s schemer) wordsOf(t reflect.Type) object {
	form := object{"type": "string", "examples": s.words[t.String()]}
	if s.closed[t.String()] {
		form = object{"type": "string", "enum": s.words[t.String()]}
	}
	return form
}

func (s schemer) fields(t reflect.Type) object {
	form := object{"type": "object", "properties": object{}}
	s.add(form, t)
	return form
}

// add puts the fields of a struct, and those of structs that it embeds, into an object's schema.
func (s schemer) add(form object, t reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		key, how, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && key == "":
			s.add(form, f.Type)
			continue
		case !f.IsExported() || key == "-":
			continue
		case key == "":
			key = f.Name
		}
		one := s.of(f.Type)
		needed := !strings.Contains(how, "omit")
		if text := s.said[t.String()+"."+f.Name]; text != "" {
			one["description"] = text
		}
		if needed {
			required, _ := form["required"].([]string)
			form["required"] = append(required, key)
			one = orNull(one, f.Type.Kind())
		}
		form["properties"].(object)[key] = one
	}
}

// orNull is a schema that takes what is not there as well, if Go may write null for it.
func orNull(form object, kind reflect.Kind) object {
	if kind != reflect.Slice && kind != reflect.Map && kind != reflect.Pointer {
		return form
	}
	if one, plain := form["type"].(string); plain {
		form["type"] = []string{one, "null"}
		return form
	}
	return object{"anyOf": []object{form, {"type": "null"}}}
}

func clone(form object) object {
	own := object{}
	for key, value := range form {
		own[key] = value
	}
	return own
}

func upper(word string) string { return strings.ToUpper(word[:1]) + word[1:] }
