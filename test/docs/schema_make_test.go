package docs

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/autorollback/autorollback/runbook"
)

type object = map[string]any

// shared are the forms of values that stand in many places.
var shared = object{
	"duration": object{
		"description": "A time such as 90s, 5m, 1h30m.",
		"type":        []string{"string", "integer"}, "minLength": 1, "minimum": 0, "maximum": 0,
		"pattern": `^(([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?|0)$`,
	},
	"share": object{
		"description": "A share or a change: 5% or 0.05.",
		"type":        []string{"string", "number"}, "minimum": 0, "maximum": 1,
		"pattern": `^([0-9]+(\.[0-9]+)?%|0+(\.[0-9]+)?|0*1(\.0+)?)$`,
	},
	"percent": object{
		"description": "A share of the traffic in percent: 5 or 0.1.",
		"type":        "number", "minimum": 0, "maximum": 100,
	},
	"name": object{"type": []string{"string", "number"}, "pattern": "^[a-z0-9][a-z0-9-]{0,62}$"},
	"text": object{"type": []string{"string", "number"}},
	"flag": object{"type": []string{"boolean", "string", "number"}},
}

func ref(name string) object { return object{"$ref": "#/$defs/" + name} }

// A schemer makes a schema. What is needed is what the parser misses in every file that it knows.
type schemer struct {
	*page
	known []*page
}

// section is the schema of a struct, which stands at the pattern of paths, e.g. "triggers[]".
func (s schemer) section(of reflect.Type, pattern string) object {
	properties, required := object{}, []string{}
	places := places(s.document(), pattern)
	switch {
	case len(places) > 0:
	case strings.Contains(pattern, "["):
		s.t.Fatalf("the file with the least of every section has no %s", pattern)
	default:
		places = []string{pattern}
	}
	for i := range of.NumField() {
		key := yamlKey(of.Field(i))
		if key == "" {
			continue
		}
		var at []string
		for _, place := range places {
			at = append(at, dotted(place, key))
		}
		one := s.value(of.Field(i).Type, dotted(pattern, key), at)
		if text := s.describe(of, key, of.Field(i).Type); text != "" {
			one["description"] = text
		}
		properties[key] = one
		if s.needed(pattern, key, "") {
			required = append(required, key)
			s.filled(one, at[0])
			if one["type"] == "array" && wrong(s.with(at[0], &yaml.Node{Kind: yaml.SequenceNode}), at[0]) {
				one["minItems"] = 1
			}
		}
	}
	out := object{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		out["required"] = required
	}
	if of == reflect.TypeFor[runbook.Trigger]() {
		out["allOf"] = s.triggers(properties)
	}
	return out
}

// filled lets a text not be empty where the parser refuses that.
func (s schemer) filled(one object, path string) {
	if one["$ref"] == "#/$defs/text" && wrong(s.with(path, &yaml.Node{Kind: yaml.ScalarNode, Style: yaml.DoubleQuotedStyle}), path) {
		one["minLength"] = 1
	}
}

func yamlKey(f reflect.StructField) string {
	key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return strings.TrimPrefix(key, "-")
}

// describe is what the source says of a field, or else of its type.
func (s schemer) describe(of reflect.Type, key string, typ reflect.Type) string {
	text := s.doc(of.Name() + "." + key)
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
		typ = typ.Elem()
	}
	if text == "" && typ.Kind() == reflect.Struct {
		text = strings.TrimSuffix(regexp.MustCompile(`^This (is|are) `).ReplaceAllString(s.doc(typ.Name()), ""), ".")
	}
	return strings.NewReplacer(`\|`, "|", "&lt;", "<").Replace(text)
}

// value is the schema of a field, which stands at the paths in the file with the least of everything.
func (s schemer) value(of reflect.Type, pattern string, at []string) object {
	switch {
	case of.Kind() == reflect.Pointer:
		return s.value(of.Elem(), pattern, at)
	case of == reflect.TypeFor[runbook.Duration]():
		return ref("duration")
	case of == reflect.TypeFor[runbook.Ratio]():
		return ref("share")
	case of == reflect.TypeFor[runbook.Weight]():
		return ref("percent")
	case of == reflect.TypeFor[runbook.Health](), of == reflect.TypeFor[runbook.Selection]():
		return s.selection(of)
	case of.Kind() == reflect.Struct:
		return s.section(of, pattern)
	case of.Kind() == reflect.Slice:
		one := s.value(of.Elem(), pattern+"[]", items(at))
		if len(at) > 0 {
			s.filled(one, at[0]+"[0]")
		}
		return object{"type": "array", "items": one}
	case of.Kind() == reflect.Map:
		return object{"type": "object", "additionalProperties": s.value(of.Elem(), pattern, nil)}
	case of.Kind() == reflect.Interface:
		return ref("flag")
	case of.Kind() == reflect.Bool:
		return object{"type": "boolean"}
	case of.Kind() == reflect.Float64:
		return object{"type": "number"}
	case of.Kind() == reflect.Int:
		return s.number(at)
	}
	return s.text(pattern, at)
}

// selection is of a short section: each of its fields is a text. A health may be the metric alone.
func (s schemer) selection(of reflect.Type) object {
	properties := object{}
	for i := range of.NumField() {
		one := ref("text")
		one["description"] = s.describe(of, yamlKey(of.Field(i)), of.Field(i).Type)
		properties[yamlKey(of.Field(i))] = one
	}
	section := object{"type": "object", "additionalProperties": false, "required": []string{yamlKey(of.Field(0))}, "properties": properties}
	if of == reflect.TypeFor[runbook.Health]() {
		return object{"anyOf": []object{ref("text"), section}}
	}
	return section
}

var (
	least   = regexp.MustCompile(`-1000000 is too small; write (\d+) or more`)
	version = regexp.MustCompile(`-1000000 is not known to this program|must be 1; write .schema: 1.`)
)

// number is a whole one, from the least that the parser takes.
func (s schemer) number(at []string) object {
	text := s.parse(at[0], "-1000000")
	if version.MatchString(text) {
		return object{"const": runbook.Schema}
	}
	one := object{"type": "integer"}
	if m := least.FindStringSubmatch(text); m != nil {
		one["minimum"] = json.Number(m[1])
	}
	return one
}

// text is one of the words that the parser knows, a name, or any text.
func (s schemer) text(pattern string, at []string) object {
	var words []string
	for _, path := range at {
		words = append(words, s.words([]string{path})...)
		if text := s.parse(path, "No Name"); wrong(text, path) && strings.Contains(text, "lower-case letters, digits and dashes") {
			return ref("name")
		}
	}
	if len(words) == 0 {
		return ref("text")
	}
	words = append(words, s.written(pattern)...)
	slices.Sort(words)
	return object{"enum": slices.Compact(words)}
}

// written are the values that files have at a pattern, such as a severity that only some triggers may have.
func (s schemer) written(pattern string) (values []string) {
	dot := strings.LastIndex(pattern, ".")
	for _, k := range s.known {
		doc := k.document()
		for _, place := range places(doc, pattern[:max(dot, 0)]) {
			if n := at(doc, dotted(place, pattern[dot+1:])); n != nil && n.Kind == yaml.ScalarNode {
				values = append(values, n.Value)
			}
		}
	}
	return values
}

// needed reports whether the parser misses the key wherever its section stands; of a type of
// triggers, in those of that type.
func (s schemer) needed(pattern, key, kind string) bool {
	found := false
	for _, k := range append([]*page{s.page}, s.known...) {
		doc := k.document()
		for _, place := range places(doc, pattern) {
			if kind != "" && at(doc, place+".type").Value != kind {
				continue
			}
			path := dotted(place, key)
			if !wrong(k.parse(path, ""), path) {
				return false
			}
			found = true
		}
	}
	return found
}

var elements = regexp.MustCompile(`^([^\[]*)\[\](.*)$`)

// places are the paths of a document that a pattern such as "triggers[]" or "rollout.steps[]" has.
func places(doc *yaml.Node, pattern string) (found []string) {
	m := elements.FindStringSubmatch(pattern)
	if m == nil {
		if n := at(doc, pattern); n != nil && n.Kind == yaml.MappingNode {
			return []string{pattern}
		}
		return nil
	}
	list := at(doc, m[1])
	if list == nil || list.Kind != yaml.SequenceNode {
		return nil
	}
	for i := range list.Content {
		found = append(found, places(doc, fmt.Sprintf("%s[%d]%s", m[1], i, m[2]))...)
	}
	return found
}
