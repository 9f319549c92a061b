package authoring

import (
	"fmt"
	"path/filepath"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/rules/promtest"
	"github.com/autorollback/autorollback/runbook"
)

// unitTests makes the unit tests of the runbooks, for a file next to, or apart from, their rules.
func unitTests(c cli.Console, file, rulesFile string, paths []string) (text []byte, tests int, err error) {
	runbooks, err := runbook.LoadAll(paths...)
	if err != nil {
		return nil, 0, err
	}
	from, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return nil, 0, fmt.Errorf("find tests: %w", err)
	}
	to, err := filepath.Abs(rulesFile)
	if err != nil {
		return nil, 0, fmt.Errorf("find rules: %w", err)
	}
	if to, err = filepath.Rel(from, to); err != nil {
		return nil, 0, fmt.Errorf("find rules from tests: %w", err)
	}
	return testFile(c, filepath.ToSlash(to), runbooks)
}

func testFile(c cli.Console, rulesFile string, runbooks []*runbook.Runbook) (text []byte, tests int, err error) {
	var suites []promtest.Suite
	for _, rb := range runbooks {
		s, err := promtest.New(rb)
		if err != nil {
			return nil, 0, err
		}
		tests += s.Len()
		for _, u := range s.Untested {
			fmt.Fprintf(c.Err, "not tested: %s/%s: %s\n", rb.Service, u.Trigger, u.Why)
		}
		suites = append(suites, s)
	}
	text, err = promtest.Marshal([]string{rulesFile}, suites...)
	return text, tests, err
}
