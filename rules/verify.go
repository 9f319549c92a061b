package rules

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
)

// A Kind says how rules differ from what the runbooks ask for.
type Kind string

const (
	Missing   Kind = "missing"   // a trigger has no alert, or a supporting rule is gone
	Extra     Kind = "extra"     // a rule of ours that no runbook asks for
	Edited    Kind = "edited"    // expression, labels, digest or timing differ
	Duplicate Kind = "duplicate" // two alerts for one trigger, or two rules for one series
	Failing   Kind = "failing"   // it does not parse, or Prometheus cannot evaluate it
	Stale     Kind = "stale"     // Prometheus has not evaluated it lately
)

// A Drift is one difference, and how to mend it.
type Drift struct {
	Kind             Kind
	Service, Trigger string // Trigger is empty for recording rules
	File, Group      string
	What, Mend       string
}

// String is one line for people.
func (d Drift) String() string {
	where := strings.Trim(d.File+" "+d.Group, " ")
	who := strings.Trim(d.Service+"/"+d.Trigger, "/")
	return strings.TrimSpace(fmt.Sprintf("%s: %s: %s: %s; %s", where, d.Kind, who, d.What, d.Mend))
}

const (
	mendGenerate = "run `autorollback rules generate`, and reload Prometheus"
	mendRemove   = "remove it, or add the trigger to the runbook"
)

// Verify compares rule files with what the runbooks ask for: each trigger has exactly
// one alert and each alert of ours exactly one trigger, by service, trigger, digest
// and expression; the supporting rules and the watchdog are there, too. Rules of
// others are left alone. Nil means one to one.
func Verify(want []Group, files [][]byte) []Drift {
	var found []loaded
	var out []Drift
	for i, text := range files {
		name := fmt.Sprintf("file %d", i+1)
		rules, err := readFile(name, text)
		if err != nil {
			out = append(out, Drift{Kind: Failing, File: name, What: err.Error(), Mend: mendGenerate})
		}
		found = append(found, rules...)
	}
	return append(out, compare(append(slices.Clone(want), watchdog(want)), found)...)
}

// A loaded rule is one that we found, in a file or in Prometheus.
type loaded struct {
	Rule
	text        string // the expression as written
	file, group string
	interval    string
	timed       bool // keep and interval are known
}

func (l loaded) ours() bool {
	return recordedByUs(l.Record) || l.Labels["autorollback"] == "true"
}

func (l loaded) drift(kind Kind, what, mend string) Drift {
	return Drift{Kind: kind, Service: l.Labels["service"], Trigger: l.Labels["trigger"], File: l.file, Group: l.group, What: what, Mend: mend}
}

// key is what may exist only once: an alert's trigger, a recorded series.
func (r Rule) key() string {
	if r.Alert != "" {
		return fmt.Sprintf("alert %s/%s", r.Labels["service"], r.Labels["trigger"])
	}
	return fmt.Sprintf("record %s %s", r.Record, labelText(r.Labels))
}

func labelText(m map[string]string) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, match(k, m[k]))
	}
	return "{" + strings.Join(out, ",") + "}"
}

func (r Rule) name() string {
	if r.Alert != "" {
		return "alert " + r.Alert
	}
	return "rule " + r.key()
}

func compare(want []Group, found []loaded) []Drift {
	var out []Drift
	have := map[string][]loaded{}
	for _, l := range found {
		if l.ours() {
			have[l.key()] = append(have[l.key()], l)
		}
	}
	for _, g := range want {
		for _, r := range g.Rules {
			out = append(out, matchUp(g, r, have[r.key()])...)
			delete(have, r.key())
		}
	}
	for _, k := range slices.Sorted(maps.Keys(have)) {
		for _, l := range have[k] {
			out = append(out, l.drift(Extra, l.name()+" is asked for by no runbook", mendRemove))
		}
	}
	return out
}

// matchUp compares one wanted rule with what was found under its key.
func matchUp(g Group, r Rule, have []loaded) []Drift {
	if len(have) == 0 {
		return []Drift{{Kind: Missing, Service: r.Labels["service"], Trigger: r.Labels["trigger"], Group: g.Name, What: r.name() + " is missing", Mend: mendGenerate}}
	}
	var out []Drift
	for _, l := range have[1:] {
		out = append(out, l.drift(Duplicate, fmt.Sprintf("%s exists %d times", l.name(), len(have)), "remove all but the one in group "+g.Name))
	}
	l := have[0]
	if edits := l.edits(g, r); len(edits) > 0 {
		out = append(out, l.drift(Edited, l.name()+": "+strings.Join(edits, ", "), mendGenerate))
	}
	return out
}

// edits names what differs.
func (l loaded) edits(g Group, r Rule) []string {
	var out []string
	if !sameExpr(l.text, r.Expr.String()) {
		out = append(out, "the expression differs")
	}
	if l.Alert != r.Alert || l.Record != r.Record {
		out = append(out, fmt.Sprintf("it is named %q", cmp.Or(l.Alert, l.Record)))
	}
	if !maps.Equal(l.Labels, r.Labels) {
		out = append(out, fmt.Sprintf("its labels are %s, not %s", labelText(l.Labels), labelText(r.Labels)))
	}
	if key := "autorollback_runbook_digest"; l.Annotations[key] != r.Annotations[key] {
		out = append(out, "it was made from another version of the runbook")
	} else if !maps.Equal(l.Annotations, r.Annotations) {
		out = append(out, "its annotations differ")
	}
	if l.For != r.For {
		out = append(out, fmt.Sprintf("for is %s, not %s", l.For, r.For))
	}
	if l.timed && l.KeepFiringFor != r.KeepFiringFor {
		out = append(out, fmt.Sprintf("keep_firing_for is %s, not %s", l.KeepFiringFor, r.KeepFiringFor))
	}
	if l.group != g.Name {
		out = append(out, fmt.Sprintf("it is in group %q, where its order is not kept", l.group))
	}
	if l.interval != "" && l.interval != g.Interval.String() {
		out = append(out, fmt.Sprintf("its group is evaluated every %s, not %s", l.interval, g.Interval))
	}
	return out
}

// sameExpr compares an expression with one that is written as Prometheus writes it,
// whatever the white space. What Prometheus tells need not be parsed.
func sameExpr(a, b string) bool { return a == b || canonical(a) == b }

// canonical writes an expression as Prometheus does; text that does not parse stays.
func canonical(text string) string {
	e, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		return text
	}
	return e.String()
}
