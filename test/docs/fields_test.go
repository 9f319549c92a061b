package docs

import (
	"bytes"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/golden"
)

// docs/runbook.md is made from the code: names and types of the fields by reflection,
// meanings from the doc comments; what is needed, what holds if a field is left out, and
// which words are known by asking the parser itself.
func TestRunbookFields(t *testing.T) {
	p := runbookPage(t)
	rb, err := runbook.Parse("least.yaml", p.least)
	if err != nil {
		t.Fatal(err)
	}
	p.Buffer.Write(read(t, "testdata/runbook.head.md"))
	p.section("", []reflect.Value{reflect.ValueOf(*rb)}, []string{""})
	golden.Equal(t, "../../../docs/runbook.md", p.Bytes())
}

// page is docs/runbook.md while it is written. It knows a kind of file: what the source says of its
// fields, a file with the least of every section, and what the parser says of a text.
type page struct {
	bytes.Buffer
	t     *testing.T
	said  map[string]string
	least []byte
	reads func(text []byte) error
}

func runbookPage(t *testing.T) *page {
	return &page{t: t, said: comments(t, "../../runbook"), least: read(t, "testdata/least.yaml"), reads: func(text []byte) error {
		_, err := runbook.Parse("least.yaml", text)
		return err
	}}
}

// section writes the table of one struct, and then those of the structs in it. Places are
// the paths in the file at which the struct stands, and values what was read there.
func (p *page) section(name string, values []reflect.Value, places []string) {
	of := values[0].Type()
	if name == "" {
		fmt.Fprintf(p, "\n## The file\n\n")
	} else {
		fmt.Fprintf(p, "\n## `%s`\n\n%s\n\n", name, p.doc(of.Name()))
	}
	if of == reflect.TypeFor[runbook.Trigger]() {
		p.types()
	}
	fmt.Fprintf(p, "| field | type | default | meaning |\n|---|---|---|---|\n")
	var inner []func()
	for i := range of.NumField() {
		key, _, _ := strings.Cut(of.Field(i).Tag.Get("yaml"), ",")
		if key == "" || key == "-" {
			continue
		}
		var fields []reflect.Value
		var paths []string
		for n, v := range values {
			fields, paths = append(fields, v.Field(i)), append(paths, dotted(places[n], key))
		}
		path := dotted(name, key)
		if below, at := structs(fields, paths); len(below) > 0 {
			if strings.HasSuffix(at[0], "]") {
				path += "[]"
			}
			inner = append(inner, func() { p.section(path, below, at) })
		}
		meaning, left := p.once(p.doc(of.Name()+"."+key), p.left(fields, paths))
		if meaning == "" {
			p.t.Errorf("runbook.%s.%s has no comment", of.Name(), of.Field(i).Name)
		}
		fmt.Fprintf(p, "| `%s` | %s | %s | %s |\n", key, p.kind(of.Field(i).Type, paths, path), left, meaning)
	}
	for _, write := range inner {
		write()
	}
}

func (p *page) doc(name string) string {
	text := p.said[name]
	if !strings.Contains(name, ".") {
		return regexp.MustCompile(`^(A |An )?`+name+` `).ReplaceAllString(text, "This ")
	}
	if text = strings.TrimSuffix(text, "."); text == "" {
		return ""
	}
	key := name[strings.Index(name, ".")+1:]
	first, rest, _ := strings.Cut(text, " ")
	if strings.EqualFold(first, strings.ReplaceAll(key, "_", "")) {
		text = regexp.MustCompile(`^(is|are|says( that)?|names) `).ReplaceAllString(rest, "")
	}
	return text
}

var states = regexp.MustCompile(`[,;.]? ?\b[Dd]efault "?(.+?)"?(\. [A-Z].*)?$`)

// once takes the default out of a meaning and puts it into its column. What the comment
// states must be what the parser fills in, unless it names another field or a rule.
func (p *page) once(meaning, left string) (string, string) {
	m := states.FindStringSubmatchIndex(meaning)
	if m == nil {
		return meaning, left
	}
	said, value := meaning[m[2]:m[3]], strings.Trim(left, "`")
	if end := m[4]; end >= 0 {
		meaning = meaning[:m[0]] + meaning[end:]
	} else {
		meaning = meaning[:m[0]]
	}
	a, err := runbook.ParseDuration(said)
	b, other := runbook.ParseDuration(value)
	switch doc := p.document(); {
	case said == value || value == "["+said+"]" || err == nil && other == nil && a == b:
		return meaning, left
	case at(doc, said) != nil || at(doc, "metrics."+said) != nil:
		return meaning, "`" + said + "`"
	case left != "–" && !strings.Contains(said, " "):
		p.t.Errorf("a comment says default %s, and the parser fills in %s: %s", said, value, meaning)
	}
	return meaning, said
}

// structs are the structs that stand in the fields, with their paths.
func structs(fields []reflect.Value, paths []string) (below []reflect.Value, at []string) {
	for n, v := range fields {
		switch v = reflect.Indirect(v); {
		case !v.IsValid():
		case v.Kind() == reflect.Struct:
			below, at = append(below, v), append(at, paths[n])
		case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
			for k := range v.Len() {
				below, at = append(below, v.Index(k)), append(at, fmt.Sprintf("%s[%d]", paths[n], k))
			}
		}
	}
	return below, at
}

// kind says what is written for a field, with the words that the parser knows.
func (p *page) kind(of reflect.Type, paths []string, path string) string {
	switch {
	case of.Kind() == reflect.Pointer:
		return p.kind(of.Elem(), paths, path)
	case of == reflect.TypeFor[runbook.Duration]():
		return "time: `90s`, `1h30m`"
	case of == reflect.TypeFor[runbook.Ratio]():
		return "share: `5%` or `0.05`"
	case of == reflect.TypeFor[runbook.Weight]():
		return "percent: `5` or `0.1`"
	case of == reflect.TypeFor[runbook.Selection]():
		return "mapping: `counter`, `where`"
	case of == reflect.TypeFor[runbook.Health]():
		return fmt.Sprintf("text, or [section](#%s)", anchor(path))
	case of.Kind() == reflect.Struct:
		return fmt.Sprintf("[section](#%s)", anchor(path))
	case of.Kind() == reflect.Slice && of.Elem().Kind() == reflect.Struct:
		return fmt.Sprintf("list of [sections](#%s)", anchor(path))
	case of.Kind() == reflect.Slice:
		return "list: " + p.kind(of.Elem(), nil, path)
	case of.Kind() == reflect.Map:
		return "mapping of texts"
	case of.Kind() == reflect.Bool:
		return "`true`, `false`"
	case of.Kind() == reflect.Int:
		return "whole number"
	case of.Kind() == reflect.Float64:
		return "number"
	}
	if words := p.words(paths); len(words) > 0 {
		return "`" + strings.Join(words, "`, `") + "`"
	}
	return "text"
}

var known = regexp.MustCompile(`(?m): "no-such-word" is (?:unknown|no action|no verdict|no fault|nobody); (?:write )?(?:one of:? )?(.*?)(?:, or none at all)?$`)

// words are those that a field may have, by the message of the parser about another one.
func (p *page) words(paths []string) []string {
	for _, path := range paths {
		if m := known.FindStringSubmatch(p.parse(path, "no-such-word")); m != nil {
			return strings.Split(m[1], ", ")
		}
	}
	return nil
}

// left says what holds if a field is left out: "needed", or the value that was filled in.
func (p *page) left(fields []reflect.Value, paths []string) string {
	var found []string
	for n, v := range fields {
		one := "–"
		switch {
		case at(p.document(), paths[n]) == nil:
			one = shown(v)
		case wrong(p.parse(paths[n], ""), paths[n]):
			one = "needed"
		}
		if !slices.Contains(found, one) {
			found = append(found, one)
		}
	}
	switch {
	case len(found) == 1:
		return found[0]
	case slices.Contains(found, "needed"):
		return "by kind"
	}
	found = slices.DeleteFunc(found, func(s string) bool { return s == "–" })
	return strings.Join(found, " or ")
}

func shown(v reflect.Value) string {
	text := fmt.Sprint(v)
	switch {
	case v.IsZero(), v.Kind() == reflect.Struct, v.Kind() == reflect.Pointer:
		return "–"
	case v.Kind() == reflect.Slice:
		text = fmt.Sprintf("[%s]", strings.Join(strings.Fields(strings.Trim(text, "[]")), ", "))
	}
	return "`" + text + "`"
}

func dotted(path, key string) string { return strings.TrimPrefix(path+"."+key, ".") }

func anchor(path string) string { return strings.NewReplacer(".", "", "[]", "").Replace(path) }

func (p *page) document() *yaml.Node {
	var doc yaml.Node
	if err := yaml.Unmarshal(p.least, &doc); err != nil {
		p.t.Fatal(err)
	}
	return doc.Content[0]
}

// wrong reports whether the parser complains of the field, or of one in it.
func wrong(text, path string) bool {
	return regexp.MustCompile(`(?m)^[^ ]+ ` + regexp.QuoteMeta(path) + `[:.\[]`).MatchString(text)
}

// parse says what is wrong with the least file once one field has another value; "" takes
// the field out.
func (p *page) parse(path, value string) string {
	if value == "" {
		return p.with(path, nil)
	}
	return p.with(path, &yaml.Node{Kind: yaml.ScalarNode, Value: value})
}

// with is like parse, of any value. A path that ends with [0] is that of a list's only element.
func (p *page) with(path string, value *yaml.Node) string {
	text, ok := p.changed(path, value)
	if !ok {
		return ""
	}
	if err := p.reads(text); err != nil {
		return err.Error()
	}
	return ""
}

// changed is the least file with another value; false if there is no place for it.
func (p *page) changed(path string, value *yaml.Node) ([]byte, bool) {
	doc := p.document()
	if list, ok := strings.CutSuffix(path, "[0]"); ok && value != nil {
		path, value = list, &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{value}}
	}
	dot := strings.LastIndex(path, ".")
	parent, key := section(doc, path[:max(dot, 0)], value != nil), path[dot+1:]
	if parent == nil || parent.Kind != yaml.MappingNode {
		return nil, false
	}
	i := slices.IndexFunc(parent.Content, func(n *yaml.Node) bool { return n.Value == key })
	switch {
	case value == nil && i < 0:
	case value == nil:
		parent.Content = slices.Delete(parent.Content, i, i+2)
	case i >= 0:
		parent.Content[i+1] = value
	default:
		parent.Content = append(parent.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, value)
	}
	text, err := yaml.Marshal(doc)
	if err != nil {
		p.t.Fatal(err)
	}
	return text, true
}

// section is the mapping at a path, which is made if it is wanted.
func section(doc *yaml.Node, path string, want bool) *yaml.Node {
	found := at(doc, path)
	if found != nil || !want || strings.Contains(path, "[") {
		return found
	}
	dot := strings.LastIndex(path, ".")
	around := section(doc, path[:max(dot, 0)], true)
	if around == nil || around.Kind != yaml.MappingNode {
		return nil
	}
	found = &yaml.Node{Kind: yaml.MappingNode}
	around.Content = append(around.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: path[dot+1:]}, found)
	return found
}

var step = regexp.MustCompile(`[a-z_0-9]+|\[[0-9]+\]`)

// at is the node at a path such as triggers[0].name, or nil.
func at(n *yaml.Node, path string) *yaml.Node {
	for _, s := range step.FindAllString(path, -1) {
		if n == nil {
			return nil
		}
		var next *yaml.Node
		var index int
		if _, err := fmt.Sscanf(s, "[%d]", &index); err == nil {
			next = n.Content[index]
		} else {
			for i := 0; i+1 < len(n.Content) && n.Kind == yaml.MappingNode; i += 2 {
				if n.Content[i].Value == s {
					next = n.Content[i+1]
				}
			}
		}
		n = next
	}
	return n
}

// types writes, for each type of trigger, the fields that it needs and may have.
func (p *page) types() {
	fmt.Fprintf(p, "| `type` | needs | may have | `for` | `severity` |\n|---|---|---|---|---|\n")
	for i, kind := range p.words([]string{"triggers[0].type"}) {
		place := fmt.Sprintf("triggers[%d]", i)
		if at(p.document(), place+".type").Value != kind {
			p.t.Errorf("%s of testdata/least.yaml is not of type %s", place, kind)
			return
		}
		rb, err := runbook.Parse("least.yaml", p.least)
		if err != nil {
			p.t.Fatal(err)
		}
		var needs, may []string
		trigger := reflect.ValueOf(rb.Triggers[i])
		for n := range trigger.NumField() {
			key, _, _ := strings.Cut(trigger.Type().Field(n).Tag.Get("yaml"), ",")
			path := dotted(place, key)
			switch {
			case slices.Contains([]string{"-", "name", "type", "severity", "for"}, key):
			case wrong(p.parse(path, ""), path):
				needs = append(needs, "`"+key+"`")
			case !strings.Contains(p.parse(path, sample(trigger.Type().Field(n).Type)), "does not belong to a trigger of type"):
				may = append(may, "`"+key+"`"+was(trigger.Field(n)))
			}
		}
		window := p.left([]reflect.Value{trigger.FieldByName("For")}, []string{place + ".for"})
		severity := p.left([]reflect.Value{trigger.FieldByName("Severity")}, []string{place + ".severity"})
		fmt.Fprintf(p, "| `%s` | %s | %s | %s | %s |\n", kind, strings.Join(needs, ", "), strings.Join(may, ", "), window, severity)
	}
	fmt.Fprintln(p)
}

// sample is a value of the type, for asking whether the field may be there at all.
func sample(of reflect.Type) string {
	switch {
	case of == reflect.TypeFor[runbook.Duration]():
		return "1m"
	case of.Kind() == reflect.Bool:
		return "true"
	}
	return "0.1"
}

// was is the value of a field in brackets, if it has one.
func was(v reflect.Value) string {
	if text := shown(v); text != "–" {
		return " (" + text + ")"
	}
	return ""
}
