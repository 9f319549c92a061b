package followup

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
)

// The files of a follow-up.
const (
	ReviewName  = "review.md"    // the post-incident review
	TriggerName = "trigger.yaml" // the trigger that would have been earlier; none where nothing would
	RampName    = "ramp.yaml"    // the section rollout for the next try; none without a ramp
)

// Names are the files that a follow-up may have.
func Names() []string { return []string{ReviewName, TriggerName, RampName} }

// Files are the follow-up of an incident by name. rb is the runbook that it was decided by.
func Files(inc record.Incident, rb *runbook.Runbook, d Draft, r Ramp) (map[string][]byte, error) {
	files := map[string][]byte{ReviewName: report.Review(inc, rb, triggerPart(d), rampPart(r))}
	if len(d.Found) > 0 {
		text, err := section("triggers", []runbook.Trigger{d.Found[0].Trigger})
		if err != nil {
			return nil, err
		}
		files[TriggerName] = append([]byte("# "+d.headline(d.Found[0])+"\n"+d.howOften()), text...)
	}
	if r.Rollout != nil {
		text, err := section("rollout", r.Rollout)
		if err != nil {
			return nil, err
		}
		files[RampName] = append(fmt.Appendf(nil, "# The ramp for the next try of %s, after %s: instead of the runbook's section rollout.\n", inc.Service, inc.ID), text...)
	}
	return files, nil
}

// section writes a section of a runbook.
func section(name string, v any) ([]byte, error) {
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(map[string]any{name: v}); err != nil {
		return nil, fmt.Errorf("write section %s: %w", name, err)
	}
	return out.Bytes(), e.Close()
}

// headline says what a trigger is, and how much earlier it would have fired.
func (d Draft) headline(f Found) string {
	how := "a new trigger"
	if f.Instead != "" {
		how = "instead of the runbook's"
	}
	return fmt.Sprintf("%s: %s (%s) would have fired at %s, %s earlier.", f.Trigger.Name, f.Trigger, how, at(f.At), runbook.Span(d.Early(f)))
}

// howOften says as a comment what the releases before say of the best trigger.
func (d Draft) howOften() string {
	return "# " + d.often(d.Found[0]) + "\n# Put it into the runbook, and try it on more history: autorollback-lab backtest RUNBOOK --prometheus.url URL\n"
}

// often says in how many releases before a trigger would have fired, and of how many that is.
func (d Draft) often(f Found) string {
	if d.Looked == 0 {
		return "How often it would have fired before is not known: " + d.window() + " no other release could be counted."
	}
	text := fmt.Sprintf("It would have fired in %d of %s %s", len(f.Fired), many(d.Looked, "release", "releases"), d.window())
	if n := len(f.Fired); n > 0 {
		var names []string
		for _, one := range f.Fired {
			name := one.Release
			if one.RolledBack {
				name += " (was rolled back)"
			}
			names = append(names, name)
		}
		text += ": " + strings.Join(names, ", ")
	}
	return text + fmt.Sprintf("; false alarms: %d.", f.False())
}

func (d Draft) window() string {
	text := fmt.Sprintf("between %s and %s", at(d.From), at(d.To))
	if d.Least > 0 {
		text += fmt.Sprintf(" (those shorter than %s are not seen)", runbook.Span(d.Least))
	}
	return text
}

func at(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func many(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// mostShown is how many triggers a review lists.
const mostShown = 8

// triggerPart says which trigger would have been earlier, or that none would.
func triggerPart(d Draft) report.Part {
	p := report.Part{Title: "A trigger that would have been earlier", Items: d.Problems}
	tried := fmt.Sprintf("%d changes of the runbook's triggers, and triggers on what else it measures, were tried on the samples of this release.", d.Tried)
	switch {
	case len(d.Found) == 0 && len(d.Problems) > 0:
		p.Text = []string{tried + " Not all of it could be counted, and nothing was found."}
	case len(d.Found) == 0:
		p.Text = []string{tried + " None would have fired earlier: at this share of the traffic the proof took the time, not the threshold. More traffic for the candidate, or a later step of a safer ramp, proves the same harm sooner."}
	default:
		p.Text = []string{tried + " " + d.headline(d.Found[0]), d.often(d.Found[0]), "The draft is in " + TriggerName + ". The analysis is the daemon's own, over the samples that Prometheus has; whoever takes the trigger decides."}
		p.Head, p.Rows = []string{"Trigger", "In words", "Would have fired", "Earlier by", "Fired before", "Of these false"}, d.rows()
	}
	return p
}

func (d Draft) rows() (rows [][]string) {
	for _, f := range d.Found[:min(len(d.Found), mostShown)] {
		rows = append(rows, []string{f.Trigger.Name, f.Trigger.String(), at(f.At), runbook.Span(d.Early(f)),
			fmt.Sprintf("%d of %d", len(f.Fired), d.Looked), fmt.Sprint(f.False())})
	}
	return rows
}

// rampPart says at which share and after how long the harm would be proved.
func rampPart(r Ramp) report.Part {
	p := report.Part{Title: "A safer ramp for the next try"}
	if r.Rollout == nil {
		p.Text = []string{"None: " + r.Problem + "."}
		return p
	}
	p.Text = []string{fmt.Sprintf("The release broke at %v %% of the traffic. Each step is at least twice as long, and half of that share comes before it. The draft is in %s: put it into the runbook. Without the waits for the proof, \"autorollback release start -f FILE --safer\" takes it for one release.", r.Broke, RampName)}
	if r.Problem != "" {
		p.Text = append(p.Text, upper(r.Problem)+".")
		return p
	}
	p.Text = append(p.Text, fmt.Sprintf("The harm of this incident (%s) is proved at each share after the time below, by the planning formulas and at the traffic of then: at a lower share later, and fewer requests meet it.", r.Effect))
	p.Head = []string{"Share", "Doubled", "Proposed", "Proved after", "Candidate's requests until then"}
	for _, s := range r.Steps {
		proves, requests := "not within 26 h", "–"
		if s.Proves > 0 {
			proves, requests = runbook.Span(s.Proves), runbook.Figure(s.Requests)
		}
		p.Rows = append(p.Rows, []string{s.Weight.String() + " %", s.Was.String(), s.For.String(), proves, requests})
	}
	return p
}

func upper(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
