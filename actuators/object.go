package actuators

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/autorollback/autorollback/runbook"
)

// object is a JSON object that is edited in place: fields and spacing that we do not
// know stay as somebody wrote them.
type object struct {
	text   []byte
	fields []field
}

// field is a name with the place of its value in the text.
type field struct {
	name       string
	start, end int
}

// parseObject reads exactly one JSON object whose top fields are there once.
func parseObject(text []byte) (object, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	t, err := dec.Token()
	if err != nil {
		return object{}, fmt.Errorf("not JSON: %w", err)
	}
	if t != json.Delim('{') {
		return object{}, errors.New("not a JSON object")
	}
	o := object{text: text}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return object{}, fmt.Errorf("not JSON: %w", err)
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return object{}, fmt.Errorf("not JSON: %w", err)
		}
		end := int(dec.InputOffset())
		f := field{name: name.(string), start: end - len(value), end: end}
		if _, twice := o.get(f.name); twice {
			return object{}, fmt.Errorf("field %q is there twice", f.name)
		}
		o.fields = append(o.fields, f)
	}
	if _, err := dec.Token(); err != nil {
		return object{}, fmt.Errorf("not JSON: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return object{}, errors.New("something follows the JSON object")
	}
	return o, nil
}

func (o object) get(name string) (json.RawMessage, bool) {
	for _, f := range o.fields {
		if f.name == name {
			return o.text[f.start:f.end], true
		}
	}
	return nil, false
}

// edit returns the text with those fields set; a field with equal content keeps its
// spelling, and a new one goes to the end.
func (o object) edit(want []named) []byte {
	text := bytes.Clone(o.text)
	added := len(o.fields)
	// From the last to the first, so that the places before stay true.
	for i := len(o.fields) - 1; i >= 0; i-- {
		f := o.fields[i]
		for _, w := range want {
			if w.name == f.name && !same(text[f.start:f.end], w.value) {
				text = splice(text, f.start, f.end, w.value)
			}
		}
	}
	for _, w := range want {
		if _, ok := o.get(w.name); ok {
			continue
		}
		item := append([]byte(strconv.Quote(w.name)+":"), w.value...)
		if added > 0 {
			item = append([]byte(","), item...)
		}
		close := bytes.LastIndexByte(text, '}')
		before := len(bytes.TrimRight(text[:close], " \t\r\n"))
		text = splice(text, before, before, item)
		added++
	}
	return text
}

func splice(text []byte, start, end int, with []byte) []byte {
	return append(append(bytes.Clone(text[:start]), with...), text[end:]...)
}

// named is a field's wanted value.
type named struct {
	name  string
	value []byte
}

// values marshals name, value, name, value…
func values(pairs ...any) ([]named, error) {
	var all []named
	for i := 0; i < len(pairs); i += 2 {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(pairs[i+1]); err != nil {
			return nil, fmt.Errorf("write field %s: %w", pairs[i], err)
		}
		all = append(all, named{pairs[i].(string), bytes.TrimSpace(b.Bytes())})
	}
	return all, nil
}

// same compares two JSON texts by content; numbers by their digits.
func same(a, b []byte) bool {
	ca, errA := canonical(a)
	cb, errB := canonical(b)
	return errA == nil && errB == nil && bytes.Equal(ca, cb)
}

func canonical(text []byte) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

// newer reports whether a newer program wrote the document.
func newer(o object) bool {
	var schema int
	raw, _ := o.get("schema")
	return json.Unmarshal(raw, &schema) == nil && schema > runbook.Schema
}

func newerError(key string) error {
	return fmt.Errorf("read %s: its schema is greater than %d: a newer autorollback wrote it; use that one", key, runbook.Schema)
}
