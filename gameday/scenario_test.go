package gameday

import (
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// Every embedded scenario loads and is named as its file. All eleven faults are among
// them. That the drill's runbook has their triggers is tested in demo.
func TestScenariosAreWhole(t *testing.T) {
	all, err := Scenarios()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[Fault]bool{}
	for _, s := range all {
		if s.File != s.Name+".yaml" {
			t.Errorf("%s is named %s", s.File, s.Name)
		}
		for _, b := range s.Break {
			seen[b.Fault] = true
		}
	}
	if len(seen) != len(faults) {
		t.Errorf("the scenarios break %v of %s", seen, Faults())
	}
}

func TestParseScenarioRefuses(t *testing.T) {
	good, err := ScenarioText("errors")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, from, to, want string }{
		{"unknown field", "share: 20", "shard: 20", `x.yaml:5: shard: unknown key; did you mean "share"?`},
		{"no number", "share: 20", "share: many", `x.yaml:5: share: "many" is not a number`},
		{"share", "share: 20", "share: 100", "x.yaml:5: share: 100 is not above 0 and below 100"},
		{"fault", "fault: errors", "fault: eror", `x.yaml:7: break[0].fault: "eror" is no fault`},
		{"value", "to: 40%", "to: much", "x.yaml:7: break[0].to:"},
		{"whom", "to: 40%", "to: 40%, of: everybody", `x.yaml:7: break[0].of: "everybody" is nobody`},
		{"action", "action: rollback", "action: roll", `x.yaml:8: expect.action: "roll" is no action`},
		{"verdict", "verdict: recovered", "verdict: fine", `x.yaml:8: expect.verdict: "fine" is no verdict`},
		{"no verdict", ", verdict: recovered", "", "x.yaml:8: expect.action: a rollback ends with a verdict"},
		{"too short", "watch: 90s", "watch: 0s", "x.yaml:10: watch: is missing"},
		{"late", "fault: errors", "after: 5m, fault: errors", "x.yaml:10: watch: 1m30s ends before something breaks"},
		{"neither", "fault: errors, to: 40%", "after: 1s", "x.yaml:7: break[0]: neither a fault nor a call"},
		{"call", "fault: errors, to: 40%", "call: {url: nowhere}", `x.yaml:7: break[0].call.url: "nowhere" is no address`},
		{"second document", "schema: 1", "schema: 1\n---\nschema: 1", "second YAML document"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(string(good), tt.from, tt.to, 1)
			if text == string(good) {
				t.Fatalf("no %q in the scenario", tt.from)
			}
			if _, err := ParseScenario("x.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v\nwant %s", err, tt.want)
			}
		})
	}
	if _, err := ParseScenario("x.yaml", nil); err == nil || !strings.Contains(err.Error(), "x.yaml:1: the file is empty") && !strings.Contains(err.Error(), "empty") {
		t.Errorf("an empty file: %v", err)
	}
}

func duration(s float64) runbook.Duration { return runbook.Duration(s * float64(time.Second)) }
