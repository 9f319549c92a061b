package runbook_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/autorollback/autorollback/runbook"
)

const (
	second = runbook.Duration(time.Second)
	minute = 60 * second
	hour   = 60 * minute
)

// Every default that a field's comment promises.
func TestDefaults(t *testing.T) {
	rb, err := runbook.Load("testdata/good/minimal.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ got, want any }{
		"regions":                   {rb.Regions, []string{"default"}},
		"metrics.interval":          {rb.Metrics.Interval, 15 * second},
		"metrics.warmup":            {rb.Metrics.Warmup, 2 * minute},
		"metrics.version_label":     {rb.Metrics.VersionLabel, "version"},
		"metrics.pod_label":         {rb.Metrics.PodLabel, "instance"},
		"rollback":                  {rb.Rollback, runbook.Rollback{Action: "shift_traffic", Quarantine: true}},
		"last_known_good":           {rb.LastKnownGood, runbook.LastKnownGood{MinPods: 1, MaxAge: minute}},
		"policy.mode":               {rb.Policy.Mode, runbook.Observe},
		"policy.approval_ttl":       {rb.Policy.ApprovalTTL, 30 * minute},
		"policy.on_expiry":          {rb.Policy.OnExpiry, "page"},
		"policy.cooldown":           {rb.Policy.Cooldown, hour},
		"policy.max_rollbacks":      {rb.Policy.MaxRollbacks, 2},
		"policy.min_candidate_pods": {rb.Policy.MinCandidatePods, 2},
		"verification.within":       {rb.Verification.Within, 10 * minute},
		"verification.every":        {rb.Verification.Every, 5 * second},
		"verification.polls":        {rb.Verification.Polls, 3},
		"verification.window":       {rb.Verification.Window, minute},
		"verification.min_requests": {rb.Verification.MinRequests, 100},
		"error rate":                {rb.Verification.System.ErrorRate, runbook.ErrorRateCheck{Below: 0.02, Tolerance: 0.005}},
		"latency":                   {*rb.Verification.System.Latency, runbook.LatencyCheck{Quantile: 0.95, Tolerance: 0.15}},
		"business":                  {rb.Verification.Business, []runbook.BusinessCheck{{KPI: "conversion", Tolerance: 0.05}}},
		"communication.channel":     {rb.Communication.Channel, "#ranking-oncall"},
		"evidence.keep":             {rb.Evidence.Keep, 90 * 24 * hour},
		"follow_up.due":             {rb.FollowUp.Due, 48 * hour},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%s is %v, want %v", name, c.got, c.want)
		}
	}
}

func TestAWrittenZeroIsNoDefault(t *testing.T) {
	text := strings.Replace(string(read(t, "testdata/good/minimal.yaml")), "below: 2%", "below: 2%\n      tolerance: 0%", 1)
	rb, err := runbook.Parse("x.yaml", []byte(text))
	if err != nil || rb.Verification.System.ErrorRate.Tolerance != 0 {
		t.Errorf("tolerance is %v (%v), want the 0%% that was written", rb.Verification.System.ErrorRate.Tolerance, err)
	}
}

func TestTracksReplaceTheVersionLabel(t *testing.T) {
	rb, err := runbook.Load("testdata/good/track.yaml")
	if err != nil || rb.Metrics.VersionLabel != "" || *rb.Metrics.Track != (runbook.Track{Label: "track", Stable: "stable", Candidate: "canary"}) {
		t.Errorf("got %+v (%v)", rb, err)
	}
}

func TestMergedKeysYieldToWrittenOnes(t *testing.T) {
	rb, err := runbook.Load("testdata/good/merge.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, ok := rb.Trigger("slower")
	want := runbook.Trigger{Name: "slower", Type: runbook.AbsoluteSLO, Severity: runbook.Page, For: 5 * minute, Quantile: 0.99, Ceiling: 4 * second, Line: got.Line}
	if !ok || got != want || got.Line == 0 {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// What is loaded, written and loaded again is the same.
func TestGoodRunbooksSurviveYAML(t *testing.T) {
	each(t, "good", func(t *testing.T, path string) {
		rb, err := runbook.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		same(t, rb)
	})
}

func same(t *testing.T, rb *runbook.Runbook) {
	t.Helper()
	text, err := yaml.Marshal(rb)
	if err != nil {
		t.Fatal(err)
	}
	again, err := runbook.Parse(rb.File, text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if a, b := content(rb), content(again); !reflect.DeepEqual(a, b) {
		t.Fatalf("first  %+v\nsecond %+v\n%s", a, b, text)
	}
}

// content is the runbook without what depends on where its words stand: exported
// fields only, no lines, no digest of the text.
func content(rb *runbook.Runbook) []any {
	triggers := slices.Clone(rb.Triggers)
	for i := range triggers {
		triggers[i].Line = 0
	}
	evidence, err := json.Marshal(rb.Evidence) // its sources know where the runbook is
	if err != nil {
		return []any{err}
	}
	return []any{rb.Schema, rb.Service, rb.Regions, rb.Owner, rb.Metrics, triggers, rb.Routing, rb.Rollback,
		rb.LastKnownGood, rb.Policy, rb.Verification, rb.Communication, string(evidence), rb.FollowUp}
}

func TestAliasesCannotMultiplyForEver(t *testing.T) {
	var text bytes.Buffer
	text.WriteString("schema: 1\npolicy:\n  approvers:\n    - &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := range 9 {
		prior := "*a" + string(rune('0'+i))
		text.WriteString("    - &a" + string(rune('1'+i)) + " [" + strings.Repeat(prior+", ", 9) + prior + "]\n")
	}
	_, err := runbook.Parse("bomb.yaml", text.Bytes())
	if err == nil {
		t.Fatal("accepted")
	}
}

func TestProblemsAreAnErrorOneCanLookInto(t *testing.T) {
	_, err := runbook.Parse("several.yaml", read(t, "testdata/bad/several.yaml"))
	var problems runbook.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("error is a %T", err)
	}
	want := runbook.Problem{File: "several.yaml", Line: 38, Field: "routing.router", What: `"jsn" is unknown`, Fix: `did you mean "json"?`}
	if got := problems[len(problems)-1]; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if !slices.IsSortedFunc(problems, func(a, b runbook.Problem) int { return a.Line - b.Line }) {
		t.Errorf("not sorted by line:\n%v", problems)
	}
}

func TestDigestIsOfTheText(t *testing.T) {
	text := read(t, "testdata/good/minimal.yaml")
	a, _ := runbook.Parse("a.yaml", text)
	b, _ := runbook.Parse("b.yaml", text)
	c, _ := runbook.Parse("a.yaml", append(text, "# a word\n"...))
	if a.Digest != b.Digest || a.Digest == c.Digest || !strings.HasPrefix(a.Digest, "sha256:") {
		t.Errorf("digests are %s, %s, %s", a.Digest, b.Digest, c.Digest)
	}
}

func TestLoadDir(t *testing.T) {
	good := read(t, "testdata/good/minimal.yaml")
	other := bytes.Replace(good, []byte("service: ranker"), []byte("service: search"), 1)
	for _, c := range []struct {
		name  string
		files map[string][]byte
		want  []string // services
		says  []string // parts of the error
	}{
		{name: "sorted, both endings, nothing else", files: map[string][]byte{"b.yaml": good, "a.yml": other, "notes.txt": []byte("x"), "c.yaml.bak": good}, want: []string{"search", "ranker"}},
		{name: "empty", files: nil},
		{name: "two of one service", files: map[string][]byte{"a.yaml": good, "b.yaml": good}, says: []string{"b.yaml:2: service: ranker already has a runbook in", "a.yaml"}},
		{name: "all mistakes of all files", files: map[string][]byte{"a.yaml": {}, "b.yaml": []byte("schema: 3\n")}, says: []string{"a.yaml:1: the file is empty", "b.yaml:1: schema: 3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range c.files {
				if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			all, err := runbook.LoadDir(dir)
			var got []string
			for _, rb := range all {
				got = append(got, rb.Service)
			}
			if (err != nil) != (c.says != nil) || !slices.Equal(got, c.want) {
				t.Fatalf("got %v, %v", got, err)
			}
			for _, part := range c.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error\n%v\nlacks %q", err, part)
				}
			}
		})
	}
	if _, err := runbook.LoadDir(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
	if _, err := runbook.Load("testdata/none.yaml"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}
