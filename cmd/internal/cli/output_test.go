package cli

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/view"
)

// YAML has the same names and values as JSON, also where a text looks like something else.
func TestYAMLIsJSON(t *testing.T) {
	texts := []string{"yes", "null", "1e3", "0x10", "2026-11-29T02:10:00Z", "~", "", " a ", "a: b", "- a", "#x", "two\nlines\n", "Ω 🙂", "\x1b[2J", "\u0085\u2028", "\u009b\u007f\ufeff", "\U000e0001", "on", "N", "1:30", "{{x}}", "'", `"`}
	for name, v := range map[string]any{
		"texts":   texts,
		"numbers": []any{0, -1, 1.5, 1e21, uint64(1<<63 + 1), 1e-7},
		"empty":   map[string]any{"list": []string{}, "map": map[string]string{}, "nothing": nil, "true": true},
		"a status": view.Status{Releases: []record.Release{{ID: "rel-1", Weight: 12.5, StartedAt: time.Unix(1e9, 0).UTC()}},
			Incidents: []record.Incident{{ID: "inc-1", Breach: record.Breach{Trigger: "p95"}, Timeline: []record.Record{{Text: "a\nb"}}}}},
	} {
		var asJSON, asYAML bytes.Buffer
		for format, to := range map[string]*bytes.Buffer{"json": &asJSON, "yaml": &asYAML} {
			if err := (&Output{format}).Print(to, v, nil); err != nil {
				t.Fatalf("%s as %s: %v", name, format, err)
			}
		}
		var want, got any
		if err := json.Unmarshal(asJSON.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(asYAML.Bytes(), &got); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, asYAML.String())
		}
		again, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		var same any
		if err := json.Unmarshal(again, &same); err != nil || !reflect.DeepEqual(same, want) {
			t.Errorf("%s: %v\nJSON %v\nYAML %v\n%s", name, err, want, same, asYAML.String())
		}
		if name == "texts" && (!bytes.Contains(asYAML.Bytes(), []byte(`- "yes"`)) || !bytes.Contains(asYAML.Bytes(), []byte(`- "1:30"`))) {
			t.Errorf("older YAML reads it otherwise:\n%s", asYAML.String())
		}
		if bytes.HasPrefix(asYAML.Bytes(), []byte("{")) && name != "empty" {
			t.Errorf("%s: that is JSON:\n%s", name, asYAML.String())
		}
	}
}
