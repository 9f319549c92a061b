package runbook

import (
	"bytes"
	_ "embed"
	"fmt"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed page.md.tmpl
var pageTemplate string

// Render makes the one page of Markdown that a human follows at 3 a.m.: what counts
// as a breach, what to do with and without the daemon, how to see that users
// recovered, whom to tell, what to keep and what to do afterwards.
func Render(r *Runbook) []byte {
	words := template.FuncMap{"join": func(list []string) string { return strings.Join(list, ", ") }, "cell": cell, "then": then}
	page := template.Must(template.New("page").Funcs(words).Parse(pageTemplate))
	var out bytes.Buffer
	if err := page.Execute(&out, rendered{r, page}); err != nil {
		// Every field the template names exists; a test renders each template.
		panic(err)
	}
	return out.Bytes()
}

// rendered is what the page's template sees.
type rendered struct {
	R    *Runbook
	page *template.Template
}

// Breach is the PromQL that shows a trigger's number for both versions.
func (p rendered) Breach(t Trigger) string { return kinds[t.Type].query(p.R, t) }

func (p rendered) File() string { return filepath.Base(p.R.File) }

func (p rendered) Recovery() []looked { return p.R.recovery() }

// Weights is the prefix of all keys that hold the weights.
func (p rendered) Weights() string { return routerKinds[p.R.Routing.Router].weights(p.R.Routing) }

// ByHand is how a human moves the traffic to stable on the router's keys, in each region.
func (p rendered) ByHand() (string, error) {
	var out strings.Builder
	for _, region := range p.R.Regions {
		if p.Region(region) != "" {
			fmt.Fprintf(&out, "# In region %s, in its store:\n", region)
		}
		one := rendered{p.R.In(region), p.page}
		if err := p.page.ExecuteTemplate(&out, string(p.R.Routing.Router), one); err != nil {
			return "", err
		}
	}
	return out.String(), nil
}

// Region is the flag that names a region, where there is more than one.
func (p rendered) Region(name string) string {
	return strings.TrimPrefix(p.R.Named(name), p.R.Service)
}

func (p rendered) Labels() string {
	var all []string
	for _, name := range sortedKeys(p.R.Communication.Labels) {
		all = append(all, fmt.Sprintf("`%s=%q`", name, p.R.Communication.Labels[name]))
	}
	return strings.Join(all, ", ")
}

func then(s Severity) string {
	switch s {
	case Severe:
		return "**roll back at once**"
	case Mild:
		return "an approver decides"
	default:
		return "page; stop promotion; **never** move traffic"
	}
}

// cell keeps a text inside one cell of a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// A climb is one row of the page's ramp.
type climb struct{ Share, Stay, Next string }

// Strategy says in a sentence how the candidate comes to all of the traffic, and who
// takes the steps.
func (p rendered) Strategy() string {
	o := p.R.Rollout
	who := map[string]string{
		PromoteAutomatic: "The daemon takes each next step automatically.",
		PromoteAsk:       fmt.Sprintf("An approver (%s) is asked before each next step; silence is never a yes.", strings.Join(p.R.Policy.Approvers, ", ")),
		PromoteManual:    "A human takes each next step with `release promote`.",
	}[o.Promote]
	if o.Strategy == BlueGreen {
		return "Blue and green: start the release with `weight: 0`; `release flip`, always a human's word, moves the traffic once green is warm. " + who
	}
	return "Canary: its first share is in the release file, and always a human's word. " + who
}

// Steps are the rows of the ramp.
func (p rendered) Steps() []climb {
	o, r := p.R.Rollout, p.R
	var rows []climb
	if o.Strategy == BlueGreen {
		rows = append(rows, climb{"0 %", "until it is warm", p.pods(max(r.Policy.MinCandidatePods, r.LastKnownGood.MinPods))})
	}
	ramp := o.Ramp()
	for n, step := range ramp {
		row := climb{fmt.Sprintf("%v %%", step.Weight), step.For.String(), ""}
		switch {
		case n == len(ramp)-1:
			row.Next = "it counts as proved: the last known good"
		case ramp[n+1].Weight == 100 || o.Strategy == BlueGreen:
			row.Next = p.pods(max(r.Policy.MinCandidatePods, r.LastKnownGood.MinPods))
		default:
			row.Next = p.pods(r.Policy.MinCandidatePods)
		}
		if n == len(ramp)-1 && step.For == 0 {
			row.Stay = "-"
		}
		rows = append(rows, row)
	}
	return rows
}

func (p rendered) pods(n int) string {
	if n = max(1, n); n > 1 {
		return fmt.Sprintf("%d pods of the candidate ready", n)
	}
	return "1 pod of the candidate ready"
}
