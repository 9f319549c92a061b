package quality

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// A trace that was written out and read in again gets the same decisions, cumulative
// or as increments, wide or long.
func TestExportedTraceIsJudgedAlike(t *testing.T) {
	dir := t.TempDir()
	plan := Plan{Scenarios: []Scenario{named(t, "null-spike"), named(t, "starved"), named(t, "error-bursts")}, First: 5, Seeds: 1, Interval: 30 * time.Second, Length: time.Hour}
	if err := Export(dir, plan); err != nil {
		t.Fatal(err)
	}
	replayed, err := Replay(dir, 0, false)
	if err != nil {
		t.Fatal(err)
	}
	made, err := Run(t.Context(), plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range made {
		found := false
		for _, r := range replayed {
			if r.Scenario != m.Scenario {
				continue
			}
			found = true
			for judge, want := range m.By {
				if got := r.By[judge]; got != want {
					t.Errorf("%s: %s decides %v, and %v on what was exported", m.Scenario, judge, want, got)
				}
			}
			if r.Truth.Bad != m.Truth.Bad || (r.Truth.Onset-m.Truth.Onset).Abs() > time.Millisecond {
				t.Errorf("%s: truth %v, exported %v", m.Scenario, m.Truth, r.Truth)
			}
		}
		if !found {
			t.Errorf("%s was not replayed", m.Scenario)
		}
	}
	var table bytes.Buffer
	Table{Outcomes: replayed}.Write(&table)
	if !strings.Contains(table.String(), "null-spike-5.csv") {
		t.Errorf("the table does not list the file:\n%s", table.String())
	}
}

const wide = `time,side,pod,requests,errors
0,stable,s1,100,1
0,candidate,c1,100,1
30,stable,s1,200,2
30,candidate,c1,210,5
`

func TestFormsOfCSV(t *testing.T) {
	read := func(text string, increments bool) []Tick {
		t.Helper()
		rec, err := ReadCSV("x.csv", strings.NewReader(text), 0, increments)
		if err != nil {
			t.Fatal(err)
		}
		var out []Tick
		for tick, ok := rec.Next(); ok; tick, ok = rec.Next() {
			tick.Percent = 0
			for i, s := range tick.Scrapes {
				tick.Scrapes[i].Reading = append(Reading(nil), s.Reading...)
			}
			tick.Scrapes = append([]Scrape(nil), tick.Scrapes...)
			out = append(out, tick)
		}
		return out
	}
	want := read(wide, false)
	if len(want) != 2 || len(want[1].Scrapes) != 2 || want[1].Scrapes[1].Reading[atGood] != 205 || want[1].Scrapes[1].Reading[atFailed] != 5 {
		t.Fatalf("read %+v", want)
	}
	for name, text := range map[string]string{
		"long": `time,side,pod,metric,value
0,stable,s1,requests,100
0,stable,s1,errors,1
0,candidate,c1,requests,100
0,candidate,c1,errors,1
30,stable,s1,requests,200
30,stable,s1,errors,2
30,candidate,c1,errors,5
30,candidate,c1,requests,210
`,
		"other order, comment": "# ours\nerrors,pod,requests,side,time\n1,s1,100,stable,0\n1,c1,100,candidate,0\n2,s1,200,stable,30\n5,c1,210,candidate,30\n",
	} {
		if got := read(text, false); !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n%+v\nwant\n%+v", name, got, want)
		}
	}
	grown := strings.NewReplacer("30,stable,s1,200,2", "30,stable,s1,100,1", "30,candidate,c1,210,5", "30,candidate,c1,110,4").Replace(wide)
	if got := read(grown, true); !reflect.DeepEqual(got, want) {
		t.Errorf("increments:\n%+v\nwant\n%+v", got, want)
	}
	dated := strings.NewReplacer("\n0,", "\n2026-01-05T12:00:00Z,", "\n30,", "\n2026-01-05T12:00:30Z,").Replace(wide)
	if got := read(dated, false); !reflect.DeepEqual(got, want) {
		t.Errorf("dates:\n%+v\nwant\n%+v", got, want)
	}
}

func TestCSVErrorsNameFileAndLine(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":             {"", "x.csv:1: read header"},
		"no pod":            {"time,side,requests\n", `x.csv:1: column "pod" is missing`},
		"twice":             {"time,side,pod,pod\n", `x.csv:1: column "pod" is there twice`},
		"no rows":           {"time,side,pod,requests\n", "x.csv: no rows"},
		"side":              {"time,side,pod,requests\n0,left,a,1\n", `x.csv:2: side: "left" is neither`},
		"time":              {"time,side,pod,requests\n0,stable,a,1\nnoon,stable,a,1\n", `x.csv:3: time: "noon" is neither seconds nor RFC 3339`},
		"count":             {"time,side,pod,requests\n0,stable,a,-1\n", `x.csv:2: requests: "-1" is no count`},
		"cells":             {"time,side,pod,requests\n0,stable,a\n", "line 2: wrong number of fields"},
		"one side":          {"time,side,pod,requests\n0,stable,a,1\n", "rows of both sides are wanted"},
		"hole":              {"time,side,pod,requests,errors\n0,stable,a,1,\n0,candidate,b,1,0\n", "x.csv:2: errors is missing"},
		"more errors":       {"time,side,pod,requests,errors\n0,stable,a,1,2\n0,candidate,b,1,0\n", "x.csv:2: errors: 2 of 1 requests"},
		"unknown":           {"time,side,pod,requests,speed\n0,stable,a,1,2\n", `x.csv:1: columns: "speed" is none of`},
		"pair":              {"time,side,pod,requests,trials\n0,stable,a,1,2\n", "trials and successes belong together"},
		"no end of buckets": {"time,side,pod,requests,latency:0.1\n0,stable,a,1,2\n", "latency:+Inf is missing"},
		"no value":          {"time,side,pod,metric\n0,stable,a,requests\n", `x.csv:1: column "value" is missing`},
	} {
		if _, err := ReadCSV("x.csv", strings.NewReader(c.text), 0, false); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestTruthErrorsNameFileAndLine(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"column": {"file,kind,colour\n", `truth.csv:1: column "colour"`},
		"kind":   {"file,kind\na.csv,ugly\n", `truth.csv:2: kind: "ugly" is none of`},
		"onset":  {"file,kind,onset\na.csv,good,\na.csv,bad,soon\n", "truth.csv:3: onset of a bad release"},
		"counts": {"file,kind,counts\na.csv,good,both\n", "truth.csv:2: counts"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "truth.csv"), []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Replay(dir, 0, false); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := Replay(t.TempDir(), 0, false); err == nil {
		t.Error("an empty folder is no error")
	}
}
