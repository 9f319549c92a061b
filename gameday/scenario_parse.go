package gameday

import (
	"embed"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

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
	c.Want(scenarioName.MatchString(s.Name), "name",
		fmt.Sprintf("%q is no name", s.Name), "use lower-case letters, digits and dashes")
	c.Want(s.Says != "", "says", "is missing", "say in one sentence what breaks")
	c.Want(s.Share > 0 && s.Share < 100, "share",
		fmt.Sprintf("%v is not above 0 and below 100", s.Share), "both versions need traffic when it breaks")
	c.Want(s.Watch > 0, "watch", "is missing", "say how long to watch at most, e.g. 90s")
	c.Want(len(s.Break) > 0, "break", "is missing", "name at least one thing that breaks")
	for i, b := range s.Break {
		c.broken(b, fmt.Sprintf("break[%d]", i))
	}
	for i, b := range s.Fix {
		c.Want(b.Call != nil && b.Fault == "", fmt.Sprintf("fix[%d]", i),
			"fixing is a call", "name a call; the embedded world needs none")
	}
	c.expect(s.Expect)
	for _, b := range s.Break {
		c.Want(s.Watch > b.After, "watch",
			fmt.Sprintf("%s ends before something breaks at %s", s.Watch, b.After), "watch longer")
	}
}

func (c checker) expect(e Expect) {
	actions := []record.Action{record.RollBack, record.Ask, record.Freeze, record.Hold, None}
	c.Want(slices.Contains(actions, e.Action), "expect.action",
		fmt.Sprintf("%q is no action", e.Action), "one of rollback, ask, freeze, hold, none")
	outcomes := []record.Outcome{"", record.Recovered, record.NotRecovered, record.WrongCause, record.CannotTell}
	c.Want(slices.Contains(outcomes, e.Verdict), "expect.verdict",
		fmt.Sprintf("%q is no verdict", e.Verdict), "one of recovered, not_recovered, wrong_cause, cannot_tell, or none at all")
	c.Want(e.Action != record.RollBack || e.Verdict != "", "expect.action",
		"a rollback ends with a verdict", "add `verdict: recovered`")
}

func (c checker) broken(b Break, at string) {
	switch {
	case b.Call != nil:
		u, err := url.Parse(b.Call.URL)
		c.Want(err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "", at+".call.url",
			fmt.Sprintf("%q is no address", b.Call.URL), "write http://HOST/… or https://HOST/…")
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
	c.Want(slices.Contains([]string{"", "candidate", "stable", "both"}, b.Of), at+".of",
		fmt.Sprintf("%q is nobody", b.Of), "one of candidate, stable, both")
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

//go:embed scenarios/*.yaml
var scenarioFiles embed.FS

// Scenarios are the scenarios of the embedded world, in the order of their names.
func Scenarios() ([]Scenario, error) {
	entries, err := scenarioFiles.ReadDir("scenarios")
	if err != nil {
		return nil, fmt.Errorf("list scenarios: %w", err)
	}
	var all []Scenario
	for _, e := range entries {
		s, err := EmbeddedScenario(strings.TrimSuffix(e.Name(), ".yaml"))
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// EmbeddedScenario is the scenario of that name.
func EmbeddedScenario(name string) (Scenario, error) {
	text, err := ScenarioText(name)
	if err != nil {
		return Scenario{}, err
	}
	return ParseScenario(name+".yaml", text)
}

// ScenarioText is the file of the scenario of that name.
func ScenarioText(name string) ([]byte, error) {
	text, err := scenarioFiles.ReadFile(path.Join("scenarios", name+".yaml"))
	if err != nil {
		return nil, fmt.Errorf("no scenario %q: see autorollback gameday list", name)
	}
	return text, nil
}

// Faults names every fault.
func Faults() string {
	var all []string
	for _, f := range slices.Sorted(maps.Keys(faults)) {
		all = append(all, string(f))
	}
	return strings.Join(all, ", ")
}
