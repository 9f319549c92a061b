package known

import (
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
)

var ranker = Target{"ranker", "default"}

// history draws what a target's records are at one index after another: as the lifecycle writes
// them, the epoch never falls, and what is over never opens again.
func history(t *rapid.T) (all []record.Release) {
	r := record.Release{ID: "r1", Service: "ranker", Region: "default", Epoch: 1, Phase: record.Open}
	for n := range rapid.IntRange(2, 30).Draw(t, "length") {
		switch what := rapid.IntRange(0, 5).Draw(t, "what"); {
		case r.Phase != record.Open:
			r = record.Release{ID: fmt.Sprint("r", n+2), Service: "ranker", Region: "default", Epoch: r.Epoch + 1, Phase: record.Open}
		case what == 0:
			r.Phase, r.Epoch = record.RolledBack, r.Epoch+1
		case what == 1:
			r.Phase, r.Incident = record.Closed, ""
		case what == 2:
			r.Epoch, r.Incident = r.Epoch+1, ""
		case what == 3 && r.Incident == "":
			r.Incident = record.IncidentID("ranker", "default", r.ID, r.Epoch)
		case what == 4 && r.Stopped == nil:
			r.Stopped = &record.HumanStop{By: "ada"}
		case what == 4:
			r.Stopped = nil
		default:
			r.Waiting = fmt.Sprint("because of ", n)
		}
		all = append(all, r)
	}
	return all
}

// Whoever learns a history, in any order in which reads may be late, raises no alarm at its newest
// record, and after a restart neither. Set back to an older record it does, unless nothing that
// matters was lost.
func TestMemoryOfAHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := history(t)
		m, lines := New("", nil), []record.Seen{}
		newest := 0
		for range rapid.IntRange(1, 40).Draw(t, "reads") {
			n := rapid.IntRange(0, len(all)-1).Draw(t, "read") // a late one may be old
			newest = max(newest, n)
			lines = append(lines, m.Learn(ranker, &all[n], uint64(n+1), nil)...)
		}
		lines = append(lines, m.Learn(ranker, &all[newest], uint64(newest+1), nil)...)
		back := rapid.IntRange(0, newest).Draw(t, "set back to")
		for name, memory := range map[string]*Memory{"the process": m, "after a restart": New("", lines)} {
			says := func(n int) string {
				return policy.WentBack(policy.History{Known: memory.Of(ranker), Release: &all[n], Index: uint64(n + 1)})
			}
			if why := says(newest); why != "" {
				t.Fatalf("%s: a false alarm at the newest record: %s", name, why)
			}
			lost := all[back].Epoch != all[newest].Epoch || all[back].Phase != all[newest].Phase || all[back].Incident != all[newest].Incident ||
				all[newest].Stopped != nil && all[back].Stopped == nil && all[newest].Phase == record.Open
			if why := says(back); (why != "") != lost {
				t.Fatalf("%s: set back from %+v to %+v, it says %q", name, all[newest], all[back], why)
			}
		}
	})
}

func TestMemoryIsSafeForConcurrentUse(t *testing.T) {
	m := New("", nil)
	var g sync.WaitGroup
	for n := range 8 {
		g.Go(func() {
			for epoch := range 100 {
				r := record.Release{ID: "r1", Service: "ranker", Region: "default", Epoch: epoch, Phase: record.Open}
				m.Learn(ranker, &r, uint64(epoch+1), map[string]record.Quarantine{fmt.Sprint(n): {Bundle: fmt.Sprint(n), Service: "ranker", Region: "default"}})
				m.Install(record.Installation{ID: "x"})
				_, _ = m.Of(ranker), m.Targets()
			}
		})
	}
	g.Wait()
	if k := m.Of(ranker); k.Release.Epoch != 99 || len(k.Quarantined) != 8 || k.Installation != "x" {
		t.Errorf("known: %+v", k)
	}
}
