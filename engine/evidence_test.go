package engine

import (
	"errors"
	"io/fs"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
)

// A folder is an archive in memory.
type folder struct {
	mu     sync.Mutex
	stages map[string]map[string][]byte
	sealed bool
}

func (f *folder) Capture(_ record.Incident, stage string, parts map[string][]byte) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stages[stage] = maps.Clone(parts)
	return "sha256:" + stage, nil
}

func (f *folder) Seal(record.Incident, *runbook.Runbook) (string, string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sealed = true
	return "folder", "sha256:sealed", nil
}

func (f *folder) Read(_ record.Incident, part string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, stage := range []string{"followup", "after", "before"} {
		if text, ok := f.stages[stage][part]; ok {
			return text, nil
		}
	}
	return nil, fs.ErrNotExist
}

// The counts that a decision's significance was computed from are kept with it, once.
func TestCountsAreKept(t *testing.T) {
	for _, c := range []struct {
		name, trigger, control string
		lost                   error
		sealed                 bool
		stage                  string // that has the counts, or why it has none
		kept                   string
	}{
		{name: "rolled back", trigger: "errors", sealed: true, stage: "after", kept: monitor.RecordName},
		{name: "held", trigger: "errors", control: "paused", stage: "before", kept: monitor.RecordName},
		{name: "an absolute limit", trigger: "slo"},
		{name: "not to be had", trigger: "errors", lost: errors.New("history is gone"), sealed: true, stage: "after", kept: "counts.json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				kept := &folder{stages: map[string]map[string][]byte{}}
				e, st, f := solo(t, func(p *Parts) { p.Archive, p.Monitor = kept, &proofs{lost: c.lost} })
				if c.control != "" {
					must(t, put(st, store.ControlKey, c.control))
				}
				f.breaking[c.trigger] = true
				must(t, hears(t, e, fixture.Alert(c.trigger, record.Webhook)))
				f.set(func(f *facts) { f.traffic = 0 })
				runs(t, e, 5*time.Minute)
				if kept.sealed != c.sealed {
					t.Errorf("incident is %s, sealed: %v", incidentOf(t, st).Phase, kept.sealed)
				}
				for stage, parts := range kept.stages {
					for _, name := range []string{monitor.RecordName, "counts.json"} {
						if _, there := parts[name]; there != (stage == c.stage && name == c.kept) {
							t.Errorf("%s of stage %s: %v", name, stage, there)
						}
					}
				}
				if text := string(kept.stages[c.stage][c.kept]); c.kept != "" && !strings.Contains(text, map[bool]string{true: "history is gone", false: "counts"}[c.lost != nil]) {
					t.Errorf("kept %q", text)
				}
			})
		})
	}
}
