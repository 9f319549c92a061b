package rules

import (
	"fmt"
	"slices"

	"github.com/autorollback/autorollback/runbook"
)

// Compile turns a runbook into its rules: who plays which part, one recording rule for
// each level that alerts read, exactly one alert for each trigger in the runbook's order,
// and one Blind companion. The same runbook always gives the same rules. An error names
// what of the runbook is no PromQL.
//
// While no release is in flight nothing is recorded.
func Compile(rb *runbook.Runbook) (Group, error) {
	b, err := open(rb)
	if err != nil {
		return Group{}, fmt.Errorf("compile runbook %s: %w", rb.Service, err)
	}
	g := Group{Name: groupName(rb.Service), Interval: rb.Metrics.Interval, Region: rb.RulesRegion}
	for _, d := range b.unparsed() {
		r, err := b.finish(d)
		if err != nil {
			return Group{}, fmt.Errorf("compile runbook %s: %w", rb.Service, err)
		}
		g.Rules = append(g.Rules, r)
	}
	return g, nil
}

// CompileAll does what [Compile] does for many runbooks. The groups are in their order.
func CompileAll(rbs []*runbook.Runbook) ([]Group, error) {
	out := make([]Group, 0, len(rbs))
	for _, rb := range rbs {
		g, err := Compile(rb)
		if err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return out, nil
}

func (b *compiler) unparsed() []unparsedRule {
	out := []unparsedRule{b.roleRule()}
	for _, l := range b.allLevels() {
		out = append(out, b.recorded(l))
	}
	for _, t := range b.Triggers {
		out = append(out, b.alert(t))
	}
	return append(out, b.blind())
}

// allLevels are those of the triggers, and of the Blind companion alone.
func (b *compiler) allLevels() []level {
	out := b.levels()
	for _, l := range b.received() {
		if !slices.ContainsFunc(out, func(o level) bool { return o.series() == l.series() }) {
			out = append(out, l)
		}
	}
	return out
}

// checkTriggers refuses what would break the one-to-one map, or has no series.
func (b *compiler) checkTriggers() error {
	seen := map[string]bool{WatchdogTrigger: true, BlindTrigger: true, DoctorTrigger: true}
	for _, t := range b.Triggers {
		if seen[t.Name] {
			return fmt.Errorf("trigger name %q is taken", t.Name)
		}
		seen[t.Name] = true
		if t.For <= 0 {
			return fmt.Errorf("trigger %q has no window", t.Name)
		}
		if _, ok := kinds[t.Type]; !ok {
			return fmt.Errorf("trigger %q: no rules are known for type %q", t.Name, t.Type)
		}
		if what := b.Undeclared(t); what != "" {
			return fmt.Errorf("trigger %q: %s", t.Name, what)
		}
	}
	return nil
}

// A Group is all rules of one runbook. They are evaluated in order, so that a rule
// sees what the rules before it recorded at the same moment.
type Group struct {
	Name     string
	Interval runbook.Duration
	Region   string // the only one that it is for; empty: for all
	Rules    []Rule
}

// A Rule is a recording rule or an alert: exactly one of Record and Alert is set.
type Rule struct {
	Record, Alert       string
	Expr                Expr
	For, KeepFiringFor  runbook.Duration
	Labels, Annotations map[string]string
	Comment             string // lines for the reader, without "#"
}

// An unparsedRule is a rule whose expression has not been parsed.
type unparsedRule struct {
	record, alert       string
	text                string
	wait, keep          runbook.Duration
	labels, annotations map[string]string
	comment             string
}

// finish parses the unparsedRule. Every rule carries its service.
func (b *compiler) finish(d unparsedRule) (Rule, error) {
	e, err := b.parse(d.text)
	if err != nil {
		return Rule{}, err
	}
	labels := map[string]string{"service": b.Service}
	for k, v := range d.labels {
		labels[k] = v
	}
	return Rule{Record: d.record, Alert: d.alert, Expr: e, For: d.wait, KeepFiringFor: d.keep,
		Labels: labels, Annotations: d.annotations, Comment: d.comment}, nil
}

func labelsOf(pairs ...string) map[string]string {
	out := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return out
}

// condition is what a trigger's alert asks: its gate, and that the daemon found it
// significant; or an absolute limit.
func (b *compiler) condition(t runbook.Trigger) string {
	if t.Absolute() {
		return b.limit(t, "")
	}
	gate := b.gate(t, alerts{b})
	if !t.Comparative() {
		return gate
	}
	return fmt.Sprintf("%s and %s %s >= 1", gate, same, b.ours(SignificanceSeries, match("trigger", t.Name)))
}

func (b *compiler) alert(t runbook.Trigger) unparsedRule {
	words := b.wording(t)
	d := unparsedRule{
		alert: alertName(b.Service, t.Name), text: b.condition(t),
		keep: 4 * b.Metrics.Step(), comment: words.sentence,
		labels:      b.alertLabels(t.Name, string(b.severity(t))),
		annotations: b.annotations(words.sentence, words.value, words.threshold),
	}
	if t.Lasting() {
		d.wait = t.For
	}
	return d
}

func (b *compiler) severity(t runbook.Trigger) runbook.Severity {
	if t.Absolute() {
		return runbook.Page
	}
	return t.Severity
}

// alertLabels are constant: a value or a version here would make a new alert of it.
func (b *compiler) alertLabels(trigger, severity string) map[string]string {
	labels := labelsOf("autorollback", "true", "runbook", b.Service, "trigger", trigger, "severity", severity)
	if b.RulesRegion != "" { // that of a limit on all traffic would have none
		labels["region"] = b.RulesRegion
	}
	return labels
}

// AlertLabels are the labels that a runbook's alerts come with in any case: of each trigger
// in turn, and of the Blind companion. Where they are in a region or about a release, these
// are labels too.
func AlertLabels(rb *runbook.Runbook) []map[string]string {
	b := &compiler{Runbook: rb}
	var all []map[string]string
	add := func(word, trigger string, severity runbook.Severity) {
		labels := b.alertLabels(trigger, string(severity))
		labels["alertname"], labels["service"] = alertName(rb.Service, word), rb.Service
		all = append(all, labels)
	}
	for _, t := range rb.Triggers {
		add(t.Name, t.Name, b.severity(t))
	}
	add("Blind", BlindTrigger, runbook.Page)
	return all
}

func (b *compiler) annotations(sentence, value, threshold string) map[string]string {
	all := map[string]string{
		"summary":                     b.Service + ": " + sentence,
		"description":                 value,
		"autorollback_runbook_digest": b.Digest,
		"autorollback_threshold":      threshold,
	}
	if b.Communication.RunbookURL != "" {
		all["runbook_url"] = b.Communication.RunbookURL
	}
	return all
}
