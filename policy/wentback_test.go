package policy

import (
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// came is a release of the tests at a point of its way.
func came(id string, epoch int, phase record.ReleasePhase, change ...func(*record.Release)) *record.Release {
	r := &record.Release{ID: id, Service: "ranker", Region: "default", Epoch: epoch, Phase: phase, Weight: 5,
		Stable: record.Side{Version: "v1", Backend: "a", Bundle: "sha256:1"}, Candidate: record.Side{Version: "v2", Backend: "b", Bundle: "sha256:2"}}
	if phase == record.RolledBack {
		r.Weight = 0
	}
	for _, c := range change {
		c(r)
	}
	return r
}

func harmed(incident string) func(*record.Release) {
	return func(r *record.Release) { r.Incident = incident }
}

func halted(r *record.Release) { r.Stopped = &record.HumanStop{By: "ada"} }

func TestWentBack(t *testing.T) {
	for name, c := range map[string]struct {
		known, stored *record.Release
		index         uint64 // of the store; what is known is at 10
		want          string // empty: nothing is lost
	}{
		"nothing is known":                  {nil, came("r1", 1, record.Open), 5, ""},
		"a fresh store":                     {nil, nil, 0, ""},
		"the same":                          {came("r1", 1, record.Open), came("r1", 1, record.Open), 10, ""},
		"the same after an import":          {came("r1", 1, record.Open), came("r1", 1, record.Open), 3, ""},
		"newer":                             {came("r1", 1, record.Open), came("r1", 2, record.RolledBack), 12, ""},
		"proved since":                      {came("r1", 3, record.Open, harmed("i1")), came("r1", 3, record.Closed), 12, ""},
		"the next release":                  {came("r1", 2, record.RolledBack), came("r2", 3, record.Open), 12, ""},
		"an incident since":                 {came("r1", 1, record.Open), came("r1", 1, record.Open, harmed("i1")), 12, ""},
		"resumed since":                     {came("r1", 1, record.Open, halted), came("r1", 1, record.Open), 12, ""},
		"gone":                              {came("r1", 1, record.Open), nil, 0, "r1 (open at 5 %, epoch 1) is missing"},
		"a lower epoch":                     {came("r1", 3, record.Open), came("r1", 2, record.Open), 5, "open at 5 %, epoch 2 again"},
		"open again":                        {came("r1", 2, record.RolledBack), came("r1", 1, record.Open), 5, "was rolled_back, epoch 2"},
		"open again, and went on":           {came("r1", 2, record.RolledBack), came("r1", 4, record.Open), 20, "was rolled_back, epoch 2"},
		"open again in the same epoch":      {came("r1", 3, record.Closed), came("r1", 3, record.Open), 5, "was closed, epoch 3"},
		"the release before":                {came("r2", 3, record.Open), came("r1", 2, record.RolledBack), 5, "the store has r1"},
		"another release of that epoch":     {came("r2", 3, record.Open), came("r3", 3, record.Open), 20, "the store has r3"},
		"its incident is gone":              {came("r1", 1, record.Open, harmed("i1")), came("r1", 1, record.Open), 5, "incident i1"},
		"the stop is gone":                  {came("r1", 1, record.Open, halted), came("r1", 1, record.Open), 5, "was stopped or held"},
		"the stop is gone after a rollback": {came("r1", 1, record.Open, halted), came("r1", 2, record.RolledBack), 12, ""},
	} {
		h := History{Known: record.Known{Release: c.known, Index: 10}, Release: c.stored, Index: c.index}
		if got := WentBack(h); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	bars := map[string]record.Quarantine{"sha256:2": {Bundle: "sha256:2", Incident: "i1"}, "sha256:3": {Bundle: "sha256:3", Lifted: "by ada: fixed"}}
	if got := WentBack(History{Known: record.Known{Quarantined: bars}}); !strings.Contains(got, "sha256:2 (incident i1) is missing") || strings.Contains(got, "sha256:3") {
		t.Errorf("quarantines: %q", got)
	}
	if got := WentBack(History{Known: record.Known{Installation: "x"}}); !strings.Contains(got, "no longer knows installation x") {
		t.Errorf("a wiped store: %q", got)
	}
}

func TestOtherStore(t *testing.T) {
	for name, c := range map[string]struct {
		known string
		now   record.Installation
		other bool
	}{
		"nobody knows better":      {"", record.Installation{ID: "y"}, false},
		"the same":                 {"x", record.Installation{ID: "x"}, false},
		"wiped, which is no other": {"x", record.Installation{}, false},
		"another":                  {"x", record.Installation{ID: "y"}, true},
		"another in its place":     {"x", record.Installation{ID: "y", Before: []string{"z", "x"}}, false},
	} {
		h := History{Known: record.Known{Installation: c.known}, Installation: c.now}
		if got := OtherStore(h); (got != "") != c.other {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// Whatever was lost: no share is raised, no epoch that is known is used again, and what was over
// stays over.
func TestRecoverNeverRaisesAShare(t *testing.T) {
	splits := []record.Split{nil, {"a": 100}, {"a": 95, "b": 5}, {"a": 50, "b": 50}, {"b": 100}, {"a": 60, "c": 40}}
	phases := []record.ReleasePhase{record.Open, record.RolledBack, record.Closed}
	for _, known := range phases {
		for _, stored := range []*record.Release{nil, came("r1", 1, record.Open), came("r0", 1, record.Closed), came("r1", 1, record.RolledBack)} {
			for _, split := range splits {
				for _, other := range []string{"", "This is a different store"} {
					k := came("r1", 4, known)
					in := Damage{Behind: record.Behind{Release: k, Bundles: make([]runbook.Bundle, 2)}, Release: stored, Split: split, Other: other}
					r := Recover(in, "ada", "restored", noon)
					switch got := r.Release; {
					case got == nil:
						t.Errorf("%s over %+v: nothing is brought back", known, stored)
					case got.Epoch <= k.Epoch:
						t.Errorf("%s: epoch %d is used again", known, got.Epoch)
					case other != "" && stored != nil:
						if got.ID != stored.ID || r.Shift {
							t.Errorf("what another store has was replaced: %+v", got)
						}
					case known == record.RolledBack && split["b"] > 0 != r.Shift:
						t.Errorf("split %v, shift %t", split, r.Shift)
					case known == record.Open && got.Stopped == nil, known == record.Open && split != nil && split["c"] == 0 && got.Weight != split["b"]:
						t.Errorf("split %v: open at %v %%, stopped %v", split, got.Weight, got.Stopped)
					case known == record.Closed && (got.Phase != record.Closed || r.Shift):
						t.Errorf("what was proved is %s", got.Phase)
					}
				}
			}
		}
	}
}

func TestPlanDigestIsOfAllThatIsShown(t *testing.T) {
	in := Damage{Behind: record.Behind{Release: came("r1", 2, record.RolledBack)}, Release: came("r1", 1, record.Open), Split: record.Split{"a": 95, "b": 5}}
	one := Recover(in, "ada", "restored", noon).PlanDigest("sha256:change")
	if again := Recover(in, "bob", "for another reason", noon.Add(time.Hour)).PlanDigest("sha256:change"); again != one {
		t.Error("the same is another plan to somebody else")
	}
	if other := Recover(in, "ada", "restored", noon).PlanDigest("sha256:another"); other == one {
		t.Error("another change of the router's keys is the same plan")
	}
	in.Split = record.Split{"a": 90, "b": 10}
	if other := Recover(in, "ada", "restored", noon).PlanDigest("sha256:change"); other == one {
		t.Error("another split is the same plan")
	}
}

// Nothing is done automatically for a target that went back, but for what follows a rollback that a
// human ordered since: one of before is what the store may have lost more of.
func TestHoldsBack(t *testing.T) {
	since := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	behind := &record.Behind{Since: since, Why: "it went back"}
	rolledBack := func(at time.Time) *record.Release {
		return &record.Release{Phase: record.RolledBack, WeightChangedAt: at}
	}
	for name, c := range map[string]struct {
		behind *record.Behind
		other  string
		rel    *record.Release
		want   string
	}{
		"nothing is lost":                       {nil, "", rolledBack(since), ""},
		"a release that is open":                {behind, "", &record.Release{Phase: record.Open, WeightChangedAt: since.Add(time.Minute)}, "it went back"},
		"rolled back before it was noticed":     {behind, "", rolledBack(since.Add(-time.Minute)), "it went back"},
		"rolled back since":                     {behind, "", rolledBack(since.Add(time.Minute)), ""},
		"no release":                            {behind, "", nil, "it went back"},
		"another store, whatever else is known": {nil, "another", rolledBack(since.Add(time.Minute)), "another"},
	} {
		if got := HoldsBack(c.behind, c.other, c.rel); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
