package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/gameday"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/test/servers"
)

// quickRollout is proved within seconds, once v2 takes the step to 100 %.
const quickRollout = `
rollout: {strategy: canary, steps: [{weight: 5, for: 5s}, {weight: 100}], promote: automatic, bake: 5s}
`

// The pipeline's deploy step ends as the release ends, with the real program, against a real daemon.
func TestReleaseScript(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it runs a whole world")
	}
	build := servers.Daemon()
	defer build.Remove()
	p := pipeline{program: build.File(t)}
	var out output
	tell := func(d *show, ctx context.Context) error { p.show = d; return p.play(ctx) }
	d, err := newShow(cli.Console{Out: &out, Err: &out}, t.TempDir(), scenario{tell: tell, busy: true, rollout: quickRollout}, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.run(t.Context()); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// A pipeline runs examples/release.sh in a folder with the release's file.
type pipeline struct {
	*show
	program string
}

// play lets the script end in each way.
func (p pipeline) play(ctx context.Context) error {
	impatient, err := p.impatient()
	if err != nil {
		return err
	}
	const script = "../../examples/release.sh"
	for _, s := range []struct {
		name, script, url string
		rollBackAt        string // what the script says when a human has enough
		code              int
		says              string
		lift              bool // afterwards the release is rolled back, and the bundle's quarantine lifted
	}{
		{"no daemon", script, "http://127.0.0.1:1", "", cli.ExitError, "connection refused", false},
		{"no time to wait", impatient, p.client.URL, "", cli.ExitUnclear, "not proved within 5s", false},
		{"another one is open", script, p.client.URL, "", cli.ExitRefused, "open", true},
		{"rolled back by a human", script, p.client.URL, " % to v2", cli.ExitWanting, "rolled back to v1", true},
		{"a good release", script, p.client.URL, "", cli.ExitOK, "v2 is proved", false},
	} {
		out, code, err := p.run(ctx, s.script, s.url, s.rollBackAt)
		if err != nil || code != s.code || !strings.Contains(out, s.says) {
			return fmt.Errorf("%s: exit code %d (%v), want %d and %q in\n%s", s.name, code, err, s.code, s.says, out)
		}
		if s.lift {
			if err := p.lift(ctx); err != nil {
				return fmt.Errorf("after %q: %w", s.name, err)
			}
		}
	}
	return nil
}

// impatient is the script with a time in which no release is proved.
func (p pipeline) impatient() (string, error) {
	text, err := os.ReadFile("../../examples/release.sh")
	if err != nil {
		return "", err
	}
	changed := bytes.Replace(text, []byte("--timeout=26h"), []byte("--timeout=5s"), 1)
	if bytes.Equal(text, changed) {
		return "", errors.New("the script does not wait 26h")
	}
	path := filepath.Join(p.dir, "impatient.sh")
	return path, os.WriteFile(path, changed, 0o700)
}

// run runs the script, and rolls the release back once the script has said a text.
func (p pipeline) run(ctx context.Context, script, url, rollBackAt string) (string, int, error) {
	cmd := exec.CommandContext(ctx, script, "ranker", filepath.Join(p.dir, "release.yaml"))
	cmd.Env = append(os.Environ(), "AUTOROLLBACK_URL="+url, "PATH="+filepath.Dir(p.program)+":"+os.Getenv("PATH"))
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return "", 0, err
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return "", 0, err
	}
	var out strings.Builder
	var bad error
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		fmt.Fprintln(&out, lines.Text())
		if rollBackAt != "" && strings.Contains(lines.Text(), rollBackAt) {
			rollBackAt, bad = "", p.rollBack(ctx)
		}
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		return out.String(), 0, err
	}
	return out.String(), cmd.ProcessState.ExitCode(), bad
}

func (p pipeline) autorollback(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, p.program, append(args, "--url", p.client.URL)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%v: %w\n%s", args, err, out)
	}
	return nil
}

func (p pipeline) rollBack(ctx context.Context) error {
	return p.autorollback(ctx, "rollback", "ranker", "--reason", "users complain")
}

// lift makes the release possible again.
func (p pipeline) lift(ctx context.Context) error {
	rel, err := p.client.Release(ctx, "ranker", "default")
	if err == nil && rel.Phase == record.Open {
		err = p.rollBack(ctx)
	}
	if err == nil {
		err = p.judged(ctx)
	}
	if err != nil {
		return err
	}
	return p.autorollback(ctx, "release", "lift", rel.Candidate.Bundle, "--reason", "it was no fault of v2")
}

// judged waits until the rollback has its verdict, and the evidence is sealed: before, no release may start.
func (p pipeline) judged(ctx context.Context) error {
	for {
		all, err := p.client.Incidents(ctx)
		if err != nil || len(all) > 0 && !slices.ContainsFunc(all, func(i record.Incident) bool { return i.EvidenceAt.IsZero() }) {
			return err
		}
		if err := gameday.Pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}
