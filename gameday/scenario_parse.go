package gameday

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// ParseScenario reads a scenario, strictly: every mistake is a [runbook.Problem] with
// its file and line, all of them at once.
func ParseScenario(file string, text []byte) (Scenario, error) {
	s := Scenario{File: file}
	err := runbook.Decode(file, text, &s, "see `autorollback gameday show errors`", func(c runbook.Check) {
		checker{c}.scenario(&s)
	})
	return s, err
}

// checker looks at what was read.
type checker struct{ runbook.Check }

var scenarioName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

func (c checker) scenario(s *Scenario) {
	c.Want(s.Schema == runbook.Schema, "schema", "must be 1", "write `schema: 1`")
	c.Want(scenarioName.MatchString(s.Name), "name", fmt.Sprintf("%q is no name", s.Name), "use lower-case letters, digits and dashes")
	c.Want(s.Says != "", "says", "is missing", "say in one sentence what breaks")
	c.Want(s.Share >= 1 && s.Share <= 99, "share", fmt.Sprintf("%d is not between 1 and 99", s.Share), "both versions need traffic when it breaks")
	c.Want(s.Watch > 0, "watch", "is missing", "say how long to watch at most, e.g. 90s")
	c.Want(len(s.Break) > 0, "break", "is missing", "name at least one thing that breaks")
	for i, b := range s.Break {
		c.broken(b, fmt.Sprintf("break[%d]", i))
	}
	for i, b := range s.Fix {
		c.Want(b.Call != nil && b.Fault == "", fmt.Sprintf("fix[%d]", i), "fixing is a call", "name a call; the embedded world needs none")
	}
	c.expect(s.Expect)
	for _, b := range s.Break {
		c.Want(s.Watch > b.After, "watch", fmt.Sprintf("%s ends before something breaks at %s", s.Watch, b.After), "watch longer")
	}
}

func (c checker) expect(e Expect) {
	actions := []record.Action{record.RollBack, record.Ask, record.Freeze, record.Hold, None}
	c.Want(slices.Contains(actions, e.Action), "expect.action", fmt.Sprintf("%q is no action", e.Action), "one of rollback, ask, freeze, hold, none")
	outcomes := []record.Outcome{"", record.Recovered, record.NotRecovered, record.WrongCause, record.CannotTell}
	c.Want(slices.Contains(outcomes, e.Verdict), "expect.verdict", fmt.Sprintf("%q is no verdict", e.Verdict), "one of recovered, not_recovered, wrong_cause, cannot_tell, or none at all")
	c.Want(e.Action != record.RollBack || e.Verdict != "", "expect.action", "a rollback ends with a verdict", "add `verdict: recovered`")
}

func (c checker) broken(b Break, at string) {
	switch {
	case b.Call != nil:
		u, err := url.Parse(b.Call.URL)
		c.Want(err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "", at+".call.url", fmt.Sprintf("%q is no address", b.Call.URL), "write http://HOST/… or https://HOST/…")
		c.Want(b.Fault == "", at+".fault", "a call and a fault at once", "write two breaks")
		return
	case b.Fault == "":
		c.Want(false, at, "neither a fault nor a call", "name one of: "+Faults())
		return
	}
	kind, ok := faults[b.Fault]
	if c.Want(ok, at+".fault", fmt.Sprintf("%q is no fault", b.Fault), "one of: "+Faults()); !ok {
		return
	}
	c.Want(slices.Contains([]string{"", "candidate", "stable", "both"}, b.Of), at+".of", fmt.Sprintf("%q is nobody", b.Of), "one of candidate, stable, both")
	if err := kind.check(b.To); err != nil {
		c.Want(false, at+".to", err.Error(), kind.fix())
	}
}

func (k valueKind) check(text string) (err error) {
	switch k {
	case aDuration:
		_, err = runbook.ParseDuration(text)
	case aShare:
		_, err = runbook.ParseRatio(text)
	case aNumber:
		var n int
		if n, err = strconv.Atoi(text); err == nil && (n < 1 || n > 10_000) {
			err = fmt.Errorf("%d is not between 1 and 10000", n)
		}
	case aWord:
		if text == "" {
			err = errors.New("is missing")
		}
	case noValue:
		if text != "" {
			err = fmt.Errorf("%q has no meaning here", text)
		}
	}
	return err
}

func (k valueKind) fix() string {
	return [...]string{"leave `to` out", "a time, e.g. 175ms", "a share, e.g. 40%", "a number, e.g. 300", "a name, e.g. v4"}[k]
}
