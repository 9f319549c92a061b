package main

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autorollback/autorollback/cmd/program"
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
