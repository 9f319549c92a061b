package runbook_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// Every stored noun, with each field set and with none, is read back as it was
// written: a field without a JSON name, or two with the same, would be lost.
func TestStoredNounsSurviveJSON(t *testing.T) {
	for _, noun := range []any{
		record.Release{}, record.Incident{}, record.Approval{}, record.Message{}, runbook.Bundle{}, record.Quarantine{},
		record.Control{}, record.Budget{}, record.Decision{}, record.Change{}, record.Verdict{}, record.Record{},
		record.Alert{}, record.Breach{}, runbook.Launch{}, runbook.Runbook{}, runbook.SelfCheck{},
	} {
		kind := reflect.TypeOf(noun)
		t.Run(kind.Name(), func(t *testing.T) {
			full := reflect.New(kind)
			n := 0
			set(full.Elem(), &n, nil)
			roundTrip(t, full)
			roundTrip(t, reflect.New(kind))
		})
	}
}

func roundTrip(t *testing.T, want reflect.Value) {
	t.Helper()
	text, err := json.Marshal(want.Interface())
	if err != nil {
		t.Fatal(err)
	}
	got := reflect.New(want.Type().Elem())
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(got.Interface()); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if !reflect.DeepEqual(got.Interface(), want.Interface()) {
		t.Errorf("got  %+v\nwant %+v\n%s", got, want, text)
	}
}

// set gives each field a value of its own, other than zero. A noun within itself, as the
// incident among the inputs of its decision, stays nil.
func set(v reflect.Value, n *int, within []reflect.Type) {
	*n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(1_700_000_000+int64(*n), int64(*n)).UTC()))
		return
	case runbook.Duration:
		v.SetInt(int64(*n) * int64(time.Second))
		return
	case runbook.Ratio:
		v.SetFloat(float64(*n) / 1000)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Tag.Get("json") != "-" {
				set(v.Field(i), n, append(within[:len(within):len(within)], v.Type()))
			}
		}
	case reflect.Pointer:
		if slices.Contains(within, v.Type().Elem()) {
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		set(v.Elem(), n, within)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		set(v.Index(0), n, within)
		set(v.Index(1), n, within)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			one := reflect.New(v.Type().Elem()).Elem()
			set(one, n, within)
			v.SetMapIndex(reflect.ValueOf(fmt.Sprint("key ", *n)), one)
		}
	case reflect.String:
		v.SetString(fmt.Sprint("text ", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint64:
		v.SetUint(uint64(*n))
	case reflect.Float64:
		if v.Type() == reflect.TypeFor[runbook.Weight]() {
			v.SetFloat(float64(*n%100) + 0.5)
			break
		}
		v.SetFloat(float64(*n) + 0.5)
	case reflect.Interface:
		v.Set(reflect.ValueOf(float64(*n)))
	default:
		panic("a kind of field that this test does not know: " + v.Kind().String())
	}
}

func TestSplitEqual(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b record.Split
		want bool
	}{
		{"same", record.Split{"a": 95, "b": 5}, record.Split{"a": 95, "b": 5}, true},
		{"same shares", record.Split{"a": 95, "b": 5}, record.Split{"a": 190, "b": 10}, true},
		{"missing is zero", record.Split{"a": 100}, record.Split{"a": 1, "b": 0}, true},
		{"one more point", record.Split{"a": 95, "b": 5}, record.Split{"a": 94, "b": 6}, false},
		{"swapped", record.Split{"a": 95, "b": 5}, record.Split{"a": 5, "b": 95}, false},
		{"a third backend", record.Split{"a": 50, "b": 50}, record.Split{"a": 50, "b": 50, "c": 1}, false},
		{"all zero", record.Split{"a": 0}, record.Split{}, true},
		{"zero and some", record.Split{"a": 0}, record.Split{"a": 1}, false},
	} {
		if c.a.Equal(c.b) != c.want || c.b.Equal(c.a) != c.want {
			t.Errorf("%s: want %v both ways", c.name, c.want)
		}
	}
}

func TestIncidentIDIsDerived(t *testing.T) {
	seen := map[string]bool{}
	for _, id := range []string{
		record.IncidentID("ranker", "eu", "r1", 1), record.IncidentID("ranker", "eu", "r1", 2),
		record.IncidentID("ranker", "us", "r1", 1), record.IncidentID("ranker", "eu", "r2", 1),
		record.IncidentID("ranker\" \"eu", "", "r1", 1), record.IncidentID("search", "eu", "r1", 1),
	} {
		if seen[id] {
			t.Errorf("%s twice", id)
		}
		seen[id] = true
	}
	if !seen[record.IncidentID("ranker", "eu", "r1", 1)] {
		t.Error("the same incident has another id the second time")
	}
}
