package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/test/servers"
)

// A server of v2 asks OpenFeature's SDK for its encoder, and a feature service does: v5 while v2
// is released, v4 once it was rolled back, and v4 again after somebody wrote v5 by hand.
func TestFlagsOfARolledBackBundle(t *testing.T) {
	t.Parallel()
	flags, file := servers.FreeAddr(t), filepath.Join(t.TempDir(), "ofrep.token")
	s := start(t, options{args: []string{"--ofrep.listen-address=" + flags, "--ofrep.token-file=" + file}})
	made, err := os.ReadFile(file) // by the daemon
	if err != nil {
		t.Fatal(err)
	}
	sdk := servers.ReadFlags(t, "ofrep", "http://"+flags, strings.TrimSpace(string(made)))
	encoder := func(want string) func() error {
		return func() error {
			got := sdk.Evaluate("encoder", "none", map[string]any{"service": "ranker", "version": "v2"})
			if got.Value != want || got.Error != "" {
				return fmt.Errorf("the SDK reads %+v, want %s", got, want)
			}
			return nil
		}
	}
	s.await("v2 to read its own encoder", 20*time.Second, encoder("v5"))
	if _, err := s.client().Rollback(t.Context(), "ranker", "default", "users complain"); err != nil {
		t.Fatal(err)
	}
	s.await("the encoder to be off", 20*time.Second, encoder("v4"))

	s.encoderByHand()
	s.await("the page about it", 30*time.Second, func() error { return s.posted("kind", report.KindFlagsOn) })
	s.await("the encoder to be off again", 20*time.Second, encoder("v4"))
	var out bytes.Buffer
	export := exec.Command(s.daemons[0].cmd.Path, "flags", "export", "ranker", "--format=flagd", "--url=http://"+s.daemons[0].web)
	export.Stdout = &out
	if err := export.Run(); err != nil {
		t.Fatal(err)
	}
	if file := s.write("flagd.json", out.String()); !strings.Contains(out.String(), `"variants"`) {
		t.Errorf("exported: %s", out.String())
	} else if got := servers.ReadFlags(t, "flagd", file).Evaluate("encoder", "none", map[string]any{"version": "v2"}); got.Value != "v4" {
		t.Errorf("flagd reads %+v", got)
	}
}

// encoderByHand writes v2's own encoder as a human does: a plain PUT.
func (s *stack) encoderByHand() {
	s.t.Helper()
	key := s.rb.Routing.Flags + "v2"
	en, _ := s.snapshot().Get(key)
	s.put(key, strings.Replace(string(en.Value), `"encoder":"v4"`, `"encoder":"v5"`, 1))
}

// Flags that wait: the daemon is killed around the second step of a rollback, and continues. No
// request reaches v2 once its flags are off, so that even a server which looks at nothing but a
// flag's value never worked with v1's encoder.
func TestFlagsOnceTheTrafficIsGone(t *testing.T) {
	t.Parallel()
	boundaries := []string{"after-act", "before-written-back", "after-written-back"}
	s := start(t, options{fault: strings.Join(boundaries, ","), runbook: func(text string) string {
		return edit(t, text, "flags: features/ranker/", "flags: features/ranker/\n  flags_after: drained")
	}})
	atOff := make(chan int64, 1)
	go func() { atOff <- s.servedWhenOff() }()
	s.breakCandidate()
	inc := s.incident("a closed incident", 150*time.Second, settled)
	s.recovered(inc)
	s.risen(len(boundaries))
	select {
	case then := <-atOff:
		if now := s.servedByCandidate(); then != now || then == 0 {
			t.Errorf("v2 had answered %d requests when its flags went off, and %d in the end", then, now)
		}
	case <-time.After(slack * 20 * time.Second):
		t.Error("the flags never went off")
	}
	if mixed := s.service.Mixed(); mixed != 0 {
		t.Errorf("%d mixed answers of %s", mixed, demo.SayPairs(s.service.Pairs()))
	}
}

// servedWhenOff waits until v2's document is off, and says how many requests v2 had answered.
func (s *stack) servedWhenOff() int64 {
	key := s.rb.Routing.Flags + "v2"
	for after := uint64(0); ; {
		snap, err := s.kv.Watch(s.t.Context(), key, after)
		if err != nil {
			return -1
		}
		if en, _ := snap.Get(key); strings.Contains(string(en.Value), `"quarantined":true`) {
			return s.servedByCandidate()
		}
		after = snap.Index
	}
}

func (s *stack) servedByCandidate() (n int64) {
	for pair, served := range s.service.Pairs() {
		if pair.Version == "v2" {
			n += served
		}
	}
	return n
}
