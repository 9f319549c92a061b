package authoring

import (
	"fmt"
	"path/filepath"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/rules/promtest"
	"github.com/autorollback/autorollback/runbook"
)

// writeTests writes the unit tests of the runbooks next to, or apart from, their rules.
func writeTests(c cli.Console, file, rulesFile string, paths []string) error {
	if file == "" {
		return nil
	}
	if rulesFile == "" {
		return cli.Usage(fmt.Errorf("--tests needs --rules-file: the tests name it"))
	}
	runbooks, err := runbook.LoadAll(paths...)
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

func testFile(c cli.Console, file, rulesFile string, runbooks []*runbook.Runbook) error {
	var suites []promtest.Suite
	tests := 0
	for _, rb := range runbooks {
		s, err := promtest.New(rb)
		if err != nil {
			return err
		}
		tests += s.Len()
		for _, u := range s.Untested {
			fmt.Fprintf(c.Err, "not tested: %s/%s: %s\n", rb.Service, u.Trigger, u.Why)
		}
		suites = append(suites, s)
	}
	text, err := promtest.Marshal([]string{rulesFile}, suites...)
	if err != nil {
		return err
	}
	if err := cli.WriteFile(file, text); err != nil {
		return fmt.Errorf("write tests: %w", err)
	}
	fmt.Fprintf(c.Err, "%s: %d tests\n", file, tests)
	return nil
}
