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
