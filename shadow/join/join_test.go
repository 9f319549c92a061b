package join

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/shadow/recording"
	"github.com/autorollback/autorollback/test/ranker"
)

// logOf writes answers with the ids and hours given; a negative hour has no time.
func logOf(t *testing.T, name string, entries ...string) string {
	t.Helper()
	var b strings.Builder
	for _, e := range entries {
		id, rest, _ := strings.Cut(e, "@")
		at, score := 0, ""
		if _, err := fmt.Sscanf(rest, "%d=%s", &at, &score); err != nil {
			t.Fatal(err)
		}
		r := shadow.Record{ID: id, TS: time.Date(2026, 3, 1, at, 0, 0, 0, time.UTC), Segment: map[string]string{"log": name}}
		if score != "none" {
			r.Response = &shadow.Answer{Status: 200, Body: shadow.Body(score)}
		}
		if err := recording.WriteLine(&b, r); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), name+".jsonl")
	ranker.WriteFile(t, path, b.String())
	return path
}

func TestJoin(t *testing.T) {
	stable := logOf(t, "stable", "early@1=1", "a@3=1", "b@4=2", "b@4=3", "lone@5=1", "silent@5=none", "c@6=4", "late@9=9")
	candidate := logOf(t, "candidate", "c@6=40", "a@3=10", "b@5=20", "a@3=11", "ghost@6=1", "silent@5=5", "first@3=1")
	ranker.WriteFile(t, stable+".bad", "nonsense\n")
	for _, parts := range []int{1, 7} {
		dir := t.TempDir()
		var run shadow.Run
		var got []string
		j := Join{Stable: []string{stable, stable + ".bad"}, Candidate: []string{candidate}, Dir: dir, parts: parts}
		for p, err := range j.Pairs(t.Context(), &run) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%s %s %s %s %d", p.ID, p.Stable.Body, p.Candidate.Body, p.Segment["log"], p.TS.Hour()))
		}
		slices.Sort(got)
		if want := []string{"a 1 10 stable 3", "b 2 20 stable 4", "c 4 40 stable 6"}; !slices.Equal(got, want) {
			t.Errorf("%d parts: %q, want %q", parts, got, want)
		}
		// Both cover 3 to 6 o'clock: what is early or late in stable's log is nobody's loss.
		if run.OnlyStable != 1 || run.OnlyCandidate != 3 || run.Twice != 2 || run.Unanswered != 1 || run.Bad != 1 || !run.Ended {
			t.Errorf("%d parts: %+v", parts, run)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v %v", left, err)
		}
	}
}

func TestJoinOfOtherHoursIsRefused(t *testing.T) {
	j := Join{Stable: []string{logOf(t, "stable", "a@1=1", "b@2=1")}, Candidate: []string{logOf(t, "candidate", "a@3=1", "b@4=1")}}
	var last error
	for _, err := range j.Pairs(t.Context(), &shadow.Run{}) {
		last = err
	}
	if last == nil || !strings.Contains(last.Error(), "the logs share no time") {
		t.Error(last)
	}
}

func TestJoinCanBeLeftEarly(t *testing.T) {
	var entries []string
	for i := range 100 {
		entries = append(entries, fmt.Sprintf("r%d@1=1", i))
	}
	dir := t.TempDir()
	j := Join{Stable: []string{logOf(t, "stable", entries...)}, Candidate: []string{logOf(t, "candidate", entries...)}, Dir: dir, parts: 4}
	n := 0
	for _, err := range j.Pairs(t.Context(), &shadow.Run{}) {
		if n++; err != nil || n == 3 {
			break
		}
	}
	if left, err := os.ReadDir(dir); n != 3 || err != nil || len(left) > 0 {
		t.Errorf("after %d pairs: %v %v", n, left, err)
	}
}
