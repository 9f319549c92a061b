package quality

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/autorollback/autorollback/runbook"
)

// A Scenario is a family of traces: one release a seed. Numbers and times written as
// "a..b" are drawn anew for each seed, evenly between the two. Times that say when
// something begins are for a release of Hours, and shrink with a shorter one.
type Scenario struct {
	Name  string `yaml:"name"`  // unique; in the table
	Kind  string `yaml:"kind"`  // good or bad
	About string `yaml:"about"` // one sentence
	// Limit says why no rule on metrics can tell; the scenario is then reported on its
	// own and does not count for the aim.
	Limit string `yaml:"limit"`

	Onset   Span     `yaml:"onset"`   // bad: when the harm begins, since the release began
	Hours   float64  `yaml:"hours"`   // default 24
	Rates   []Number `yaml:"rates"`   // requests per second of the whole service, in turn by seed; default 20, 200, 1000
	Pods    Fleet    `yaml:"pods"`    // default 6 and 3
	Weights []Weight `yaml:"weights"` // default 10 %, from 2 h on 25 %, from 6 h on 50 %
	Base    Base     `yaml:"base"`    // what a good pod does
	Day     Number   `yaml:"day"`     // traffic swings by so much over 24 h, 0 to 1; default 0
	Uneven  Number   `yaml:"uneven"`  // by how much pods' shares of the traffic differ; default 0.1
	Jitter  Span     `yaml:"jitter"`  // of each scrape; default 2s
	Loss    Number   `yaml:"loss"`    // share of scrapes that are lost
	// Clump: successes come in lots of this size, as of users that buy several times.
	Clump    Number   `yaml:"clump"`
	Wander   Wander   `yaml:"wander"`   // pods differ, and change
	Restarts Number   `yaml:"restarts"` // of each pod in a day; counters begin at 0
	Scale    Scale    `yaml:"scale"`    // pods come and go with the load
	Cold     Cold     `yaml:"cold"`     // what a pod does just after it started
	Gaps     []Gap    `yaml:"gaps"`     // the daemon is silent
	Changes  []Change `yaml:"changes"`
}

// Fleet is how many pods each side has.
type Fleet struct {
	Stable    int `yaml:"stable"`
	Candidate int `yaml:"candidate"`
}

// Weight is the candidate's share of the traffic from a time on.
type Weight struct {
	At      Span    `yaml:"at"`
	Percent float64 `yaml:"percent"`
}

// Base is what a good pod does. Zero takes the default.
type Base struct {
	Errors     Number `yaml:"errors"`     // share of requests; default 0.001
	Latency    Number `yaml:"latency"`    // median in seconds; default 0.1
	Spread     Number `yaml:"spread"`     // sigma of the log-normal latency; default 0.5
	Conversion Number `yaml:"conversion"` // successes out of requests; default 0.05
	Nulls      Number `yaml:"nulls"`      // missing values of each feature; default 0.005
	Mismatches Number `yaml:"mismatches"` // of the schema; default 0.00005
	Skew       Number `yaml:"skew"`       // the share of scores at or below b is b^skew; default 1
}

// Wander redraws log-normal factors for each pod every now and then.
type Wander struct {
	Errors     Number `yaml:"errors"` // sigma
	Latency    Number `yaml:"latency"`
	Conversion Number `yaml:"conversion"`
	Lasts      Span   `yaml:"lasts"` // default 20m
}

// Scale lets the number of pods follow the day: the fleet is the most, Least is the
// share of it that is left at night.
type Scale struct {
	Least Number `yaml:"least"`
}

// Cold is what a pod does for a while after it started.
type Cold struct {
	Lasts   Span   `yaml:"lasts"`
	Latency Number `yaml:"latency"` // factor
	Errors  Number `yaml:"errors"`  // added share
}

// Gap is a time in which the daemon exports nothing.
type Gap struct {
	From  Span `yaml:"from"`
	Lasts Span `yaml:"lasts"`
}

// A Change is something that happens to pods of one side or of both.
type Change struct {
	Side  string `yaml:"side"`  // candidate, stable or both
	Pods  int    `yaml:"pods"`  // so many of each side, picked by chance; 0: all
	Harm  bool   `yaml:"harm"`  // begins at the onset
	From  Span   `yaml:"from"`  // default: the release's begin
	Lasts Span   `yaml:"lasts"` // default: to the end
	Ramp  Span   `yaml:"ramp"`  // grows evenly to its full size
	// PerHour: comes again and again, to each pod on its own, so often on average, and
	// stays for Lasts each time.
	PerHour Number `yaml:"per_hour"`

	Errors     Number `yaml:"errors"`     // added share of requests
	Latency    Number `yaml:"latency"`    // factor
	Conversion Number `yaml:"conversion"` // factor
	Nulls      Number `yaml:"nulls"`      // added share, of the first feature
	Mismatches Number `yaml:"mismatches"` // added share
	Skew       Number `yaml:"skew"`       // factor
	Traffic    Number `yaml:"traffic"`    // factor on the requests that arrive
	Loss       Number `yaml:"loss"`       // added share of scrapes
}

const (
	kindGood = "good"
	kindBad  = "bad"
)

// Bad reports whether the scenario's releases should be rolled back.
func (s Scenario) Bad() bool { return s.Kind == kindBad }

//go:embed scenarios/*.yaml
var builtin embed.FS

// Builtin are the scenarios of the repository, sorted by file name.
func Builtin() ([]Scenario, error) {
	sub, err := fs.Sub(builtin, "scenarios")
	if err != nil {
		return nil, fmt.Errorf("read built-in scenarios: %w", err)
	}
	return load(sub, "scenarios")
}

// LoadDir reads every *.yaml of a folder, sorted by name.
func LoadDir(dir string) ([]Scenario, error) { return load(os.DirFS(dir), dir) }

func load(from fs.FS, dir string) ([]Scenario, error) {
	names, err := fs.Glob(from, "*.yaml")
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("read scenarios of %s: no *.yaml there (%w)", dir, errors.Join(err, fs.ErrNotExist))
	}
	var out []Scenario
	seen := map[string]string{}
	for _, name := range names {
		text, err := fs.ReadFile(from, name)
		if err != nil {
			return nil, fmt.Errorf("read scenario: %w", err)
		}
		s, err := ParseScenario(path.Join(dir, name), text)
		if err != nil {
			return nil, err
		}
		if other, taken := seen[s.Name]; taken {
			return nil, fmt.Errorf("%s: name: %q is taken by %s", path.Join(dir, name), s.Name, other)
		}
		seen[s.Name] = name
		out = append(out, s)
	}
	return out, nil
}

// ParseScenario reads one file as strictly as a runbook.
func ParseScenario(file string, text []byte) (Scenario, error) {
	var s Scenario
	err := runbook.Decode(file, text, &s, "see docs/quality.md", func(c runbook.Check) {
		s.fill()
		s.check(c)
	})
	return s, err
}

func (s *Scenario) fill() {
	number := func(n *Number, v float64) {
		if *n == (Number{}) {
			*n = Number{v, v}
		}
	}
	span := func(n *Span, v time.Duration) {
		if *n == (Span{}) {
			*n = Span{v, v}
		}
	}
	if s.Hours == 0 {
		s.Hours = 24
	}
	if len(s.Rates) == 0 {
		s.Rates = []Number{{20, 20}, {200, 200}, {1000, 1000}}
	}
	if s.Pods == (Fleet{}) {
		s.Pods = Fleet{Stable: 6, Candidate: 3}
	}
	if len(s.Weights) == 0 {
		s.Weights = []Weight{{Percent: 10}, {At: Span{2 * time.Hour, 2 * time.Hour}, Percent: 25}, {At: Span{6 * time.Hour, 6 * time.Hour}, Percent: 50}}
	}
	b := &s.Base
	for n, v := range map[*Number]float64{&b.Errors: 0.001, &b.Latency: 0.1, &b.Spread: 0.5, &b.Conversion: 0.05, &b.Nulls: 0.005,
		&b.Mismatches: 0.00005, &b.Skew: 1, &s.Uneven: 0.1, &s.Clump: 1, &s.Cold.Latency: 1, &s.Scale.Least: 1} {
		number(n, v)
	}
	span(&s.Jitter, 2*time.Second)
	span(&s.Wander.Lasts, 20*time.Minute)
	for i := range s.Changes {
		c := &s.Changes[i]
		for _, n := range []*Number{&c.Latency, &c.Conversion, &c.Skew, &c.Traffic} {
			number(n, 1)
		}
	}
}

func (s Scenario) check(c runbook.Check) {
	harms := 0
	for i, change := range s.Changes {
		at := fmt.Sprintf("changes[%d]", i)
		sides := []string{"candidate", "stable", "both"}
		c.Want(slices.Contains(sides, change.Side), at+".side",
			fmt.Sprintf("%q is no side", change.Side), "write candidate, stable or both")
		c.Want(!change.Harm || change.From == (Span{}), at+".from", "harm begins at the onset", "leave it out")
		c.Want(change.PerHour == (Number{}) || change.Lasts != (Span{}), at+".lasts",
			"is missing", "say how long each lasts")
		if change.Harm {
			harms++
		}
	}
	c.Want(s.Name != "" && !strings.ContainsAny(s.Name, " /\t\n"), "name",
		fmt.Sprintf("%q is empty or has blanks or slashes", s.Name), "write one word")
	c.Want(s.Kind == kindGood || s.Kind == kindBad, "kind",
		fmt.Sprintf("%q is neither good nor bad", s.Kind), "write one of the two")
	c.Want(!s.Bad() || s.Onset != (Span{}) && harms > 0, "onset",
		"a bad scenario has one, and a change with harm: true", "write both")
	c.Want(s.Bad() || s.Onset == (Span{}) && harms == 0, "onset",
		"a good scenario has no onset and no harm", "leave both out")
	c.Want(s.Pods.Stable >= 1 && s.Pods.Candidate >= 1, "pods",
		"each side has at least one", "write stable and candidate")
}

// A Number is one number, or one of a range: 0.05 or 0.05..0.1.
type Number struct{ Low, High float64 }

// A Span is one duration, or one of a range: 5m or 5m..1h.
type Span struct{ Low, High time.Duration }

// UnmarshalYAML reads either form.
func (n *Number) UnmarshalYAML(node *yaml.Node) error {
	low, high, err := ends(node, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) })
	*n = Number{low, high}
	return err
}

// UnmarshalYAML reads either form.
func (s *Span) UnmarshalYAML(node *yaml.Node) error {
	low, high, err := ends(node, time.ParseDuration)
	*s = Span{low, high}
	return err
}

func ends[T float64 | time.Duration](node *yaml.Node, parse func(string) (T, error)) (low, high T, err error) {
	from, to, ranged := strings.Cut(node.Value, "..")
	if !ranged {
		to = from
	}
	if low, err = parse(strings.TrimSpace(from)); err == nil {
		high, err = parse(strings.TrimSpace(to))
	}
	if err != nil || high < low {
		return low, high, fmt.Errorf("%q is neither a value nor a range low..high", node.Value)
	}
	return low, high, nil
}

func (n Number) draw(rnd *rand.Rand) float64 { return n.Low + (n.High-n.Low)*rnd.Float64() }

func (s Span) draw(rnd *rand.Rand) time.Duration {
	return s.Low + time.Duration(float64(s.High-s.Low)*rnd.Float64())
}
