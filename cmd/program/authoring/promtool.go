package authoring

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/rules/promtest"
	"github.com/autorollback/autorollback/runbook"
)

// A testRun is rules test as it was called.
type testRun struct {
	c        cli.Console
	out      *cli.Output
	promtool string
	workers  int
}

// A TestResult is what rules test says about one runbook.
type TestResult struct {
	Service  string              `json:"service"`
	File     string              `json:"file"`
	Tests    int                 `json:"tests"`
	Untested []promtest.Untested `json:"untested"`
	Seconds  float64             `json:"seconds"`
	Failures []string            `json:"failures"` // what promtool said
}

// testCommand is rules test.
func testCommand(parent *kingpin.CmdClause, c cli.Console) map[string]cli.Action {
	cmd := parent.Command("test", "Generate rules and their unit tests, and run them with promtool. Exit code 3 on a failure. Example: autorollback rules test runbooks/ranker.yaml --promtool /usr/bin/promtool")
	paths := cmd.Arg("path", "Runbook files or folders.").Required().Strings()
	t := &testRun{c: c}
	cmd.Flag("promtool", "The promtool to run.").Default("promtool").StringVar(&t.promtool)
	cmd.Flag("workers", "How many tests run at once.").Default(strconv.Itoa(runtime.NumCPU())).IntVar(&t.workers)
	t.out = cli.OutputFlag(cmd)
	return map[string]cli.Action{cmd.FullCommand(): func(ctx context.Context) error {
		t.workers = max(1, t.workers)
		return t.run(ctx, *paths)
	}}
}

func (t *testRun) run(ctx context.Context, paths []string) error {
	var results []TestResult
	wants := 0
	for _, path := range paths { // one by one: templates share a service
		runbooks, err := runbook.LoadAll(path)
		if err != nil {
			return err
		}
		for _, rb := range runbooks {
			r, err := t.test(ctx, rb)
			if err != nil {
				return err
			}
			results = append(results, r)
			wants += len(r.Failures)
			if t.out.Text() { // each as soon as it is known
				r.print(t.c)
			}
		}
	}
	err := t.out.Print(t.c.Out, results, func() error { return nil })
	return cli.Join(err, cli.Found(wants, "failure", "failures"))
}

func (t *testRun) test(ctx context.Context, rb *runbook.Runbook) (TestResult, error) {
	suite, err := promtest.New(rb)
	if err != nil {
		return TestResult{}, err
	}
	r := TestResult{Service: rb.Service, File: rb.File, Tests: suite.Len(), Untested: suite.Untested}
	began := time.Now()
	if r.Failures, err = t.promtoolRuns(ctx, rb, suite); err != nil {
		return r, err
	}
	r.Seconds = time.Since(began).Seconds()
	return r, nil
}

// promtoolRuns runs the tests of each trigger against the whole rule file, several at
// once, and returns what was said about those that fail.
func (t *testRun) promtoolRuns(ctx context.Context, rb *runbook.Runbook, suite promtest.Suite) ([]string, error) {
	g, err := compileOne(rb)
	if err != nil {
		return nil, err
	}
	text, err := rules.Marshal([]rules.Group{g})
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "autorollback-rules-")
	if err != nil {
		return nil, fmt.Errorf("make folder for tests: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "rules.yml"), text, 0o600); err != nil {
		return nil, fmt.Errorf("write rules: %w", err)
	}
	calls := [][]string{{"check", "rules", "--lint=all", "--lint-fatal", filepath.Join(dir, "rules.yml")}}
	for _, name := range suite.Triggers() {
		text, err := promtest.Marshal([]string{"rules.yml"}, suite.Of(name))
		if err != nil {
			return nil, err
		}
		file := filepath.Join(dir, name+".tests.yml")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			return nil, fmt.Errorf("write tests: %w", err)
		}
		calls = append(calls, []string{"test", "rules", file})
	}
	return t.call(ctx, calls)
}

// call runs promtool with each list of arguments.
func (t *testRun) call(ctx context.Context, calls [][]string) ([]string, error) {
	said, errs := make([]string, len(calls)), make([]error, len(calls))
	free := make(chan struct{}, t.workers)
	var wg sync.WaitGroup
	for i, args := range calls {
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			said[i], errs[i] = t.one(ctx, args)
		})
	}
	wg.Wait()
	var out []string
	for i, err := range errs {
		if err != nil {
			return nil, err
		}
		if said[i] != "" {
			out = append(out, said[i])
		}
	}
	return out, nil
}

func (t *testRun) one(ctx context.Context, args []string) (string, error) {
	cmd := exec.CommandContext(ctx, t.promtool, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	switch {
	case err == nil:
		return "", nil
	case cmd.ProcessState == nil || ctx.Err() != nil:
		return "", fmt.Errorf("run promtool: %w", err)
	}
	return fmt.Sprintf("promtool %s: %v\n%s", strings.Join(args[:2], " "), err, strings.TrimSpace(out.String())), nil
}

func (r TestResult) print(c cli.Console) {
	for _, u := range r.Untested {
		fmt.Fprintf(c.Err, "not tested: %s/%s: %s\n", r.Service, u.Trigger, u.Why)
	}
	for _, f := range r.Failures {
		fmt.Fprintln(c.Out, f)
	}
	verdict := "pass"
	if len(r.Failures) > 0 {
		verdict = fmt.Sprintf("do not pass: %d of promtool's runs fail", len(r.Failures))
	}
	fmt.Fprintf(c.Out, "%s (%s): %d tests in %.1f s with promtool: %s\n", r.Service, r.File, r.Tests, r.Seconds, verdict)
}
