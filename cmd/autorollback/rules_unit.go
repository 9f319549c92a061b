package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// writeTests writes the unit tests of the runbooks next to, or apart from, their rules.
func writeTests(c console, file, rulesFile string, paths []string) error {
	if file == "" {
		return nil
	}
	if rulesFile == "" {
		return usage{fmt.Errorf("--tests needs --rules-file: the tests name it")}
	}
	runbooks, err := loadRunbooks(paths...)
	if err != nil {
		return err
	}
	from, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return fmt.Errorf("find tests: %w", err)
	}
	to, err := filepath.Abs(rulesFile)
	if err != nil {
		return fmt.Errorf("find rules: %w", err)
	}
	if to, err = filepath.Rel(from, to); err != nil {
		return fmt.Errorf("find rules from tests: %w", err)
	}
	return testFile(c, file, filepath.ToSlash(to), runbooks)
}

func testFile(c console, file, rulesFile string, runbooks []*runbook.Runbook) error {
	var suites []rules.Suite
	tests := 0
	for _, rb := range runbooks {
		s, err := rules.UnitTests(rb)
		if err != nil {
			return err
		}
		tests += s.Len()
		for _, u := range s.Untested {
			fmt.Fprintf(c.err, "not tested: %s/%s: %s\n", rb.Service, u.Trigger, u.Why)
		}
		suites = append(suites, s)
	}
	text, err := rules.MarshalTests([]string{rulesFile}, suites...)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return fmt.Errorf("write tests: %w", err)
	}
	fmt.Fprintf(c.err, "%s: %d tests\n", file, tests)
	return nil
}

// unitCommand is rules test.
func unitCommand(parent *kingpin.CmdClause, c console) map[string]action {
	cmd := parent.Command("test", "Generate rules and their unit tests, and run them with promtool. Exit code 3 on a failure. Example: autorollback rules test runbooks/ranker.yaml --promtool /usr/bin/promtool")
	path := cmd.Arg("runbook", "A runbook file.").Required().String()
	promtool := cmd.Flag("promtool", "The promtool to run.").Default("promtool").String()
	return map[string]action{cmd.FullCommand(): func(ctx context.Context) error { return testRules(ctx, c, *path, *promtool) }}
}

func testRules(ctx context.Context, c console, path, promtool string) error {
	groups, err := compile([]string{path})
	if err != nil {
		return err
	}
	text, err := rules.Marshal(groups)
	if err != nil {
		return err
	}
	runbooks, err := loadRunbooks(path)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "autorollback-rules-")
	if err != nil {
		return fmt.Errorf("make folder for tests: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "rules.yml"), text, 0o600); err != nil {
		return fmt.Errorf("write rules: %w", err)
	}
	tests := filepath.Join(dir, "tests.yml")
	if err := testFile(c, tests, "rules.yml", runbooks); err != nil {
		return err
	}
	run := exec.CommandContext(ctx, promtool, "test", "rules", tests)
	run.Stdout, run.Stderr = c.out, c.err
	if err := run.Run(); err != nil {
		if run.ProcessState != nil && ctx.Err() == nil {
			return wanting("the generated tests do not pass")
		}
		return fmt.Errorf("run promtool: %w", err)
	}
	return nil
}
