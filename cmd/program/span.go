package program

import "github.com/autorollback/autorollback/runbook"

// span is a flag's value: a time as in runbooks, which may be in days.
type span runbook.Duration

// Set implements kingpin.Value.
func (s *span) Set(text string) error {
	d, err := runbook.ParseDuration(text)
	*s = span(d)
	return err
}

// String implements kingpin.Value.
func (s *span) String() string {
	if *s == 0 {
		return ""
	}
	return runbook.Duration(*s).String()
}
