package actuators

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/store"
)

// FuzzTraefik reads the input as a tree, one "key=value" a line below the root.
func FuzzTraefik(f *testing.F) {
	var lines []string
	for _, e := range canary().Entries {
		lines = append(lines, strings.TrimPrefix(e.Key, "traefik/")+"="+string(e.Value))
	}
	f.Add(strings.Join(lines, "\n"))
	f.Add("http/services/ranker/weighted/services/0/Name=a\nhttp/services/ranker/weighted/services//0/weight/=9\nHTTP/")
	r, err := For(traefikRouting)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		seen := map[string]bool{}
		var pairs []string
		for line := range strings.SplitSeq(text, "\n") {
			key, value, _ := strings.Cut(line, "=")
			if !seen[key] {
				seen[key] = true
				pairs = append(pairs, "traefik/"+key, value)
			}
		}
		holds(t, r, tree(pairs...))
	})
}

func FuzzDocument(f *testing.F) {
	for _, s := range []string{
		`{"schema":1,"revision":17,"release":"r","weights":{"v1":95,"v2":5},"by":"autorollback"}`,
		` { "weights" : { } , "schema" : 1 } `, `{"weights":{"a":1e2}}`, `{"a":{"b":[1,"}"]},"weights":{"}":3}}`, `{"":0,"":1}`, `[]`, `{"weights":null}`, `{"revision":9223372036854775807}`,
	} {
		f.Add(s)
	}
	r, err := For(jsonRouting)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, err := parseObject([]byte(text))
		if err == nil {
			for _, fl := range o.fields {
				if !json.Valid(o.text[fl.start:fl.end]) {
					t.Fatalf("the place of %q in %q is wrong: %q", fl.name, text, o.text[fl.start:fl.end])
				}
			}
		}
		holds(t, r, tree("routes/ranker/weights", text))
	})
}

// FuzzFabio reads the input as a human's key, which sorts before ours, and ours.
func FuzzSplitter(f *testing.F) {
	for _, s := range []string{
		`{"Kind":"service-splitter","Name":"ranker","Splits":[{"Weight":95,"ServiceSubset":"v1"},{"Weight":5,"ServiceSubset":"v2","RequestHeaders":{"Add":{"a":"b"}}}]}`,
		`{"Splits":[{"Weight":1e300,"ServiceSubset":"v1"},{"Weight":-1,"ServiceSubset":"v1"}],"Meta":3}`, `{"Splits":[{"Service":"x"}]}`, `{"Splits":[null]}`, `null`, `[]`, `{}`,
	} {
		f.Add(s)
	}
	r := router(f, splitterRouting)
	s := r.codec.(splitter)
	f.Fuzz(func(t *testing.T, text string) {
		snap := tree(s.prefix(), text, s.key("service-resolver"), `{"Subsets":{"v1":{},"v2":{}}}`)
		r.Lint(snap)
		if _, err := r.Decode(snap); err != nil && !strings.HasPrefix(err.Error(), "read "+s.prefix()) {
			t.Fatalf("error without a key: %v", err)
		}
		to := record.Split{"v1": 100}
		_, ops, err := r.Marked("op").Plan(snap, to, nil)
		if err != nil {
			return
		}
		after, err := commit(snap, ops)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := r.Decode(after); err != nil || !got.Equal(to) {
			t.Fatalf("after the plan %v, %v: %s", got, err, text)
		}
		if change, _, err := r.Marked("op").Plan(after, to, nil); err != nil || len(change.Keys) != 0 {
			t.Fatalf("it does not know its own mark again: %v, %v", change, err)
		}
		if change, _, err := r.Marked("other").Plan(after, to, nil); err != nil || len(change.Keys) != 1 {
			t.Fatalf("it takes another's mark for its own: %v, %v", change, err)
		}
	})
}

func FuzzFabio(f *testing.F) {
	for _, name := range []string{"human-both", "other-forms", "kept", "weight-zero", "syntax"} {
		ar, err := txtar.ParseFile("testdata/plan/fabio-" + name + ".txtar")
		if err != nil {
			f.Fatal(err)
		}
		f.Add("", section(ar, "tree"))
	}
	f.Add("route del ranker\nroute weight /predict weight NaN tags \"a\"", "#rest: a\n# rest: b\nroute weight ranker /predict weight 1e309 tags \"b\"\r\nroute\tdel ranker tags \"\"")
	r := router(f, fabioRouting)
	c := r.codec.(fabio)
	f.Fuzz(func(t *testing.T, human, ours string) {
		snap := tree("fabio/config", human, c.key(), ours)
		r.Lint(snap)
		if _, err := r.Decode(snap); err != nil && !strings.HasPrefix(err.Error(), "read fabio/config") {
			t.Fatalf("error without a key: %v", err)
		}
		to := record.Split{"a": 90, "b": 10}
		_, ops, err := r.Plan(snap, to, nil)
		if err != nil {
			if !c.read(snap).touched["fabio/config"] {
				t.Fatalf("what stands in our own key stops a rollback: %v", err)
			}
			return
		}
		after, err := commit(snap, ops)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := r.Decode(after); err != nil || !got.Equal(to) {
			t.Fatalf("after the plan %v, %v; want %v", got, err, to)
		}
		if again, _, err := r.Plan(after, to, nil); err != nil || len(again.Keys) != 0 {
			t.Fatalf("a second plan of the same is not empty: %v, %v", again, err)
		}
	})
}

// holds: what can be decoded can be planned, a plan reaches its split, and no error
// is without its key.
func holds(t *testing.T, r Router, snap store.Snapshot) {
	r.Lint(snap)
	split, err := r.Decode(snap)
	if err != nil && !strings.HasPrefix(err.Error(), "read ") {
		t.Fatalf("error without a key: %v", err)
	}
	to := record.Split{"other@file": 100}
	for name, w := range split {
		if w < 0 {
			t.Fatalf("%s has %v", name, w)
		}
		if name > " " && !strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
			to = record.Split{name: 100}
		}
	}
	_, ops, planErr := r.Plan(snap, to, nil)
	if planErr != nil {
		if err == nil || errors.Is(err, ErrNoSplit) {
			t.Fatalf("decodes as %v (%v) and cannot be planned: %v", split, err, planErr)
		}
		return
	}
	after, err := commit(snap, ops)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.Decode(after); err != nil || !got.Equal(to) {
		t.Fatalf("after the plan %v, %v; want %v", got, err, to)
	}
}
