package quality

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func scenarios(t *testing.T) []Scenario {
	t.Helper()
	all, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func named(t *testing.T, name string) Scenario {
	t.Helper()
	for _, s := range scenarios(t) {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no scenario %s", name)
	return Scenario{}
}

func TestTwelveFamiliesOfEachKind(t *testing.T) {
	good, bad := 0, 0
	for _, s := range scenarios(t) {
		switch {
		case s.About == "":
			t.Errorf("%s says nothing about itself", s.Name)
		case s.Limit != "":
		case s.Bad():
			bad++
		default:
			good++
		}
	}
	if good < 12 || bad < 12 {
		t.Errorf("%d good and %d bad families, want 12 of each at least", good, bad)
	}
}

func TestScenarioErrorsNameFileAndLine(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown field":   {"name: x\nkind: good\nlantency: 3\n", "s.yaml:3: lantency: unknown key"},
		"no kind":         {"name: x\n", `s.yaml:1: kind: "" is neither good nor bad`},
		"bad range":       {"name: x\nkind: good\nloss: 3..1\n", `s.yaml:3: loss: "3..1" is neither a value nor a range low..high`},
		"no onset":        {"name: x\nkind: bad\n", "onset: a bad scenario has one"},
		"good with harm":  {"name: x\nkind: good\nchanges: [{side: both, harm: true}]\n", "a good scenario has no onset and no harm"},
		"side":            {"name: x\nkind: good\nchanges: [{side: left}]\n", `changes[0].side: "left" is no side`},
		"two documents":   {"name: x\nkind: good\n---\nname: y\n", "s.yaml:3: a second YAML document"},
		"burst for ever":  {"name: x\nkind: good\nchanges: [{side: both, per_hour: 2}]\n", "changes[0].lasts: is missing"},
		"name with blank": {"name: x y\nkind: good\n", "blanks"},
	} {
		if _, err := ParseScenario("s.yaml", []byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := LoadDir(t.TempDir()); err == nil {
		t.Error("an empty folder is no error")
	}
}

func TestSameSeedSameTrace(t *testing.T) {
	shape := GeneratedShape(30 * time.Second)
	read := func(s Scenario, seed uint64) (out []Tick, truth Truth) {
		trace, truth := Generate(s, shape, seed, time.Hour)
		for tick, ok := trace.Next(); ok; tick, ok = trace.Next() {
			scrapes := make([]Scrape, 0, len(tick.Scrapes))
			for _, s := range tick.Scrapes {
				s.Reading = append(Reading(nil), s.Reading...)
				scrapes = append(scrapes, s)
			}
			tick.Scrapes = scrapes
			out = append(out, tick)
		}
		return out, truth
	}
	for _, s := range scenarios(t) {
		one, truth := read(s, 7)
		two, _ := read(s, 7)
		other, _ := read(s, 8)
		if !reflect.DeepEqual(one, two) {
			t.Errorf("%s: the same seed gives two traces", s.Name)
		}
		if reflect.DeepEqual(one, other) {
			t.Errorf("%s: two seeds give the same trace", s.Name)
		}
		if len(one) != int((lead+time.Hour)/shape.Interval) || truth.Bad != s.Bad() || truth.Bad && (truth.Onset <= 0 || truth.Onset >= time.Hour) {
			t.Errorf("%s: %d ticks, truth %+v", s.Name, len(one), truth)
		}
	}
}

// What a scenario says is what its pods count.
func TestGeneratedCountsFollowTheScenario(t *testing.T) {
	s, err := ParseScenario("s.yaml", []byte(`
name: s
kind: bad
hours: 4
onset: 2h
rates: [300]
weights: [{percent: 25}]
changes:
  - {side: candidate, harm: true, errors: 0.04, latency: 2, conversion: 0.5, nulls: 0.1, mismatches: 0.02, traffic: 0.5}
`))
	if err != nil {
		t.Fatal(err)
	}
	shape := GeneratedShape(30 * time.Second)
	trace, truth := Generate(s, shape, 3, 4*time.Hour)
	tr := newTracker(shape)
	var before, after look
	for tick, ok := trace.Next(); ok; tick, ok = trace.Next() {
		f := tr.take(tick)
		if f.Now == truth.Onset {
			before = f.Past.over(time.Hour, 0)
		}
		after = f.Past.over(time.Hour, 0)
	}
	near := func(name string, got, want, off float64) {
		t.Helper()
		if !(got > want*(1-off) && got < want*(1+off)) {
			t.Errorf("%s is %g, want %g", name, got, want)
		}
	}
	near("rate", (requests(before.candidate)+requests(before.stable))/3600, 300, 0.01)
	near("share", requests(before.candidate)/before.due, 1, 0.01)
	near("share after", requests(after.candidate)/after.due, 0.5/(0.75+0.125), 0.02)
	near("errors", errorRate(before.candidate), 0.001, 0.2)
	near("errors after", errorRate(after.candidate), 0.041, 0.03)
	near("errors of stable after", errorRate(after.stable), 0.001, 0.2)
	near("latency", before.quantile(0.95, before.candidate), 0.2276, 0.04) // read from buckets, and pods wander
	near("latency after", after.quantile(0.95, after.candidate), 0.4552, 0.03)
	near("conversion after", conversion(after.candidate), 0.025*0.96, 0.05)
	near("nulls after", after.missing(), 0.1, 0.03)
	near("mismatches after", mismatches(after.candidate), 0.02, 0.04)
}
