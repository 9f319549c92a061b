package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/cmd/program"
	"github.com/autorollback/autorollback/gameday"
)

// A step runs the examples of one command, in this order, against the demo's daemon.
type step struct {
	command string
	codes   []int  // each example ends with one of them
	until   string // it runs until it has printed this, and Ctrl-C
}

var (
	works   = []int{cli.ExitOK}
	refused = []int{cli.ExitRefused}
	checks  = []int{cli.ExitOK, cli.ExitWanting} // what it finds depends on the machine
)

// examplesInOrder are those that run as they stand in the help: a release is started, held and rolled back.
var examplesInOrder = []step{
	{command: "runbook new", codes: works}, {command: "runbook check", codes: checks}, {command: "runbook render", codes: works}, {command: "runbook schema", codes: works},
	{command: "rules generate", codes: works}, {command: "rules verify", codes: checks}, {command: "rules plan", codes: checks},
	{command: "gameday list", codes: works}, {command: "gameday show", codes: works}, {command: "gameday rules", codes: works},
	{command: "healthy", codes: works}, {command: "doctor", codes: checks}, {command: "control show", codes: works},
	{command: "release start", codes: works}, {command: "release status", codes: works}, {command: "release plan", codes: works},
	{command: "status", codes: works, until: "ranker"}, {command: "watch", codes: works, until: "ranker"}, {command: "flags export", codes: works},
	{command: "release hold", codes: works}, {command: "release promote", codes: refused}, {command: "release resume", codes: works},
	{command: "release accept-split", codes: refused}, {command: "release flip", codes: refused}, {command: "release wait", codes: []int{cli.ExitError}, until: " % to v2"},
	{command: "recover", codes: works}, {command: "shadow status", codes: works},
	{command: "rollback", codes: works}, {command: "incident list", codes: works}, {command: "incident show", codes: works}, {command: "why", codes: works},
	{command: "incident check", codes: works}, {command: "incident export", codes: works}, {command: "incident followup", codes: works}, {command: "observe report", codes: works}, {command: "audit list", codes: works}, {command: "audit verify", codes: works},
	{command: "approve", codes: []int{cli.ExitError}}, {command: "reject", codes: []int{cli.ExitError}}, // there is no such approval
	{command: "release lift", codes: works}, {command: "control set", codes: works},
}

// onlyParsed are the examples that need what the demo's world does not have, and what runs them instead.
var onlyParsed = map[string]string{
	"serve":         "it needs Consul: the README's commands run in test/e2e",
	"rules test":    "it needs promtool: TestRulesTest",
	"shadow replay": "two versions that can be asked: the demo's story shadow", "shadow join": "the same", "shadow report": "the same", "shadow record": "the same",
	"shadow start": "a router that mirrors: the same", "shadow stop": "the same",
	"gameday run": "minutes: TestGameday", "demo": "TestDemo", "backtest": "days of history: TestBacktest", "calibrate": "the same",
}

// slowRollout has not ended before the examples have.
const slowRollout = `
rollout: {strategy: canary, steps: [{weight: 5, for: 2h}, {weight: 100}], promote: automatic, bake: 1h}
`

// helpOf are the examples in the help of each command of both programs.
func helpOf(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, p := range []cli.Program{program.New("test"), labProgram()} {
		app, _ := p.Application(cli.Console{})
		for _, c := range app.Model().FlattenedCommands() {
			if !c.Hidden && c.FullCommand != "help" {
				all[c.FullCommand] = cli.Examples(c.Help)
			}
		}
	}
	return all
}

// Every example in a help runs against a real daemon as it stands there, or is on the list of those that are
// only parsed.
func TestExamplesRun(t *testing.T) {
	t.Parallel()
	examples := helpOf(t)
	for name, lines := range examples {
		inOrder := slices.ContainsFunc(examplesInOrder, func(s step) bool { return s.command == name })
		if _, parsed := onlyParsed[name]; inOrder == parsed || len(lines) == 0 {
			t.Errorf("%s: %d examples, run: %v, only parsed: %v", name, len(lines), inOrder, parsed)
		}
		for _, line := range lines {
			word, rest, _ := strings.Cut(line, " ")
			if err := (printed{"help", word, unredirected(rest)}).parse(); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
	if testing.Short() {
		t.Skip("it runs a whole world")
	}
	var out output
	tell := func(d *show, ctx context.Context) error {
		player := examplePlayer{d, map[string]string{}}
		if err := player.layOut(); err != nil {
			return err
		}
		for _, s := range examplesInOrder {
			if len(examples[s.command]) == 0 {
				t.Errorf("%s: there is no such command", s.command)
			}
			for _, line := range examples[s.command] {
				if err := player.play(ctx, s, line); err != nil {
					t.Errorf("%s: %v", line, err)
				}
			}
			if err := player.after(ctx, s); err != nil {
				return fmt.Errorf("after %s: %w", s.command, err)
			}
		}
		return nil
	}
	d, err := newShow(cli.Console{Out: &out, Err: &out}, filepath.Join(t.TempDir(), "made", "for", "it"), scenario{tell: tell, busy: true, rollout: slowRollout}, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.run(t.Context()); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// An examplePlayer types the examples as a person would, in the demo's folder.
type examplePlayer struct {
	*show
	known map[string]string // what stands for something in an example, and what it is here
}

func (p examplePlayer) layOut() error {
	text, err := os.ReadFile(filepath.Join(p.dir, "ranker.yaml"))
	if err != nil {
		return err
	}
	p.known["http://localhost:9095"] = p.client.URL
	p.known["http://localhost:9090"] = p.world.Prometheus.URL()
	for _, path := range []string{"runbooks/", "runbooks/ranker.yaml", "release.yaml", "autorollback.rules.yml", "alertmanager.yml", "incidents/journal.jsonl", "incident.html", "followup/"} {
		p.known[path] = filepath.Join(p.dir, path)
	}
	return cli.WriteFile(filepath.Join(p.dir, "runbooks", "ranker.yaml"), text)
}

// play runs one example.
func (p examplePlayer) play(ctx context.Context, s step, line string) error {
	_, rest, _ := strings.Cut(line, " ")
	args, err := words(unredirected(rest))
	if err != nil {
		return err
	}
	for n, arg := range args {
		if known, ok := p.known[arg]; ok {
			args[n] = known
		}
	}
	if !slices.Contains(args, "--url") && usesDaemon(s.command) {
		args = append(args, "--url", p.client.URL)
	}
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	var out, errs io.Writer = new(bytes.Buffer), new(bytes.Buffer)
	said := &untilSaid{text: s.until, said: make(chan struct{})}
	if s.until != "" {
		out, errs = said, said
		ended := make(chan struct{})
		defer close(ended)
		go func() {
			select {
			case <-said.said:
				stop()
			case <-ended:
			}
		}()
	}
	err = program.New("test").Run(ctx, args, strings.NewReader(""), out, errs)
	if code := cli.ExitCode(err); !slices.Contains(s.codes, code) || err != nil && errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("exit code %d: %v\n%v%v", code, err, out, errs)
	}
	return nil
}

// after learns what later examples are about.
func (p examplePlayer) after(ctx context.Context, s step) error {
	switch s.command {
	case "release start":
		rel, err := p.client.Release(ctx, "ranker", "default")
		p.known["sha256:…"] = rel.Candidate.Bundle
		return err
	case "incident list":
		for {
			all, err := p.client.Incidents(ctx)
			if err != nil || len(all) == 1 && !all[0].EvidenceAt.IsZero() {
				if err == nil {
					p.known["inc-0123456789ab"], p.known["incidents/inc-0123456789ab"] = all[0].ID, all[0].Evidence
				}
				return err
			}
			if err := gameday.Pause(ctx, 100*time.Millisecond); err != nil {
				return err
			}
		}
	}
	return nil
}

// usesDaemon reports whether a command has --url.
func usesDaemon(command string) bool {
	app, _ := program.New("test").Application(cli.Console{})
	for _, c := range app.Model().FlattenedCommands() {
		if c.FullCommand == command {
			for _, f := range c.Flags {
				if f.Name == "url" {
					return true
				}
			}
		}
	}
	return false
}

// unredirected leaves out where a shell would put the output.
func unredirected(line string) string {
	line, _, _ = strings.Cut(line, " > ")
	return line
}
