package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/cmd/program"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/test/sim"
)

// output is a buffer that can be read while it is written.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// The stories of the demo, whole, as `make demo` tells them. The severe one goes by the
// alert alone, as the watcher is off.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("whole stories in real time: run without -short")
	}
	t.Parallel()
	tests := []struct {
		breach  string
		without string
		want    []string
		never   []string
	}{
		{"severe", "watcher", []string{"received by webhook", "acted", "ranker-v1 100, ranker-v2 0 in one transaction", "Each named router instance (1) serves ranker-v1 100, ranker-v2 0", "drained", "verdict: recovered", "incident page: "}, []string{"found by the watcher"}},
		{"both", "", []string{"verdict: wrong_cause", "follows ranker-v1 95, ranker-v2 5"}, []string{"acted"}},
		{"none", "", []string{"no incident: the good release was left alone", "follows ranker-v1 95, ranker-v2 5"}, []string{"acted", "decided"}},
	}
	for _, tt := range tests {
		t.Run(tt.breach, func(t *testing.T) {
			if tt.breach != "severe" {
				wholeStory(t)
			}
			t.Parallel()
			var out output
			args := []string{"demo", "--exit", "--busy", "--breach=" + tt.breach, "--dir=" + t.TempDir()}
			if tt.without != "" {
				args = append(args, "--without="+tt.without)
			}
			if err := run(t.Context(), args, strings.NewReader(""), &out, &out); err != nil {
				t.Errorf("demo: %v", err)
			}
			check(t, out.String(), tt.want, tt.never)
			if tt.breach != "none" {
				plantedIsFound(t, out.String())
			}
		})
	}
}

var approveCommand = regexp.MustCompile(`(?m)^  echo (\S+) \| bin/autorollback (approve .*)$`)

// The mild story: a human is asked, and the printed command approves.
func TestDemoMild(t *testing.T) {
	wholeStory(t)
	t.Parallel()
	var out output
	ended := make(chan error, 1)
	go func() {
		ended <- run(t.Context(), []string{"demo", "--exit", "--busy", "--breach=mild", "--dir=" + t.TempDir()}, strings.NewReader(""), &out, &out)
	}()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var token string
	var command []string
	for command == nil {
		select {
		case err := <-ended:
			t.Fatalf("ended before a human was asked: %v\n%s", err, out.String())
		case <-tick.C:
			if m := approveCommand.FindStringSubmatch(out.String()); m != nil {
				token, command = m[1], strings.Fields(m[2])
			}
		}
	}
	if strings.Contains(out.String(), "acted") {
		t.Errorf("acted before anybody approved:\n%s", out.String())
	}
	if err := program.New("test").Run(t.Context(), command, strings.NewReader(token+"\n"), &out, &out); err != nil {
		t.Errorf("approve: %v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("demo: %v", err)
	}
	check(t, out.String(), []string{"approved by", "link_only", "acted", "verdict: recovered"}, nil)
	plantedIsFound(t, out.String())
}

var (
	plantedLine = regexp.MustCompile(`(?m)^a bad request was planted, .*: (.+)$`)
	pageLine    = regexp.MustCompile(`(?m)^incident page: (.*)$`)
)

// plantedIsFound checks that each request which the story made fail is in the sealed folder of the
// incident: among the samples, in the logs, and on the page.
func plantedIsFound(t *testing.T, story string) {
	t.Helper()
	planted, page := plantedLine.FindStringSubmatch(story), pageLine.FindStringSubmatch(story)
	if planted == nil || page == nil {
		t.Fatalf("the story names no planted request, or no page:\n%s", story)
	}
	dir := filepath.Dir(page[1])
	if problems := audit.Check(dir).Problems; len(problems) > 0 {
		t.Errorf("evidence: %v", problems)
	}
	text := func(pattern string) (all string) {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(paths) == 0 {
			t.Errorf("the folder has no %s: %v", pattern, err)
		}
		for _, path := range paths {
			one, err := os.ReadFile(path)
			if err != nil {
				t.Error(err)
			}
			all += string(one)
		}
		return all
	}
	samples, logs, html := text("*-dir/"+record.SamplesName), text("*-logs-dir/"+record.LogName), text("incident.html")
	for id := range strings.SplitSeq(planted[1], ", ") {
		for where, has := range map[string]bool{
			"samples": strings.Contains(samples, `"id": "`+id+`"`), "logs": strings.Contains(logs, `\"request_id\":\"`+id+`\"`), "page": strings.Contains(html, ">"+id+"<"),
		} {
			if !has {
				t.Errorf("the %s do not have the planted request %s", where, id)
			}
		}
	}
	if !strings.Contains(samples, `"good"`) {
		t.Error("no good request is beside the harmful ones")
	}
}

func check(t *testing.T, out string, want, never []string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(out, w) {
			t.Errorf("the story does not say %q", w)
		}
	}
	for _, n := range never {
		if strings.Contains(out, n) {
			t.Errorf("the story says %q", n)
		}
	}
	if t.Failed() {
		t.Logf("the story:\n%s", out)
	}
}

// wholeStory skips a story of a minute in real time under -short, and under the race
// detector: a world with its Prometheus in one process is then slower than its own time,
// and one story is enough for it, the severe one.
func wholeStory(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("a whole story in real time: run without -short")
	}
	sim.Bulk(t)
}
