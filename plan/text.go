package plan

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/autorollback/autorollback/analysis"
)

// WriteText writes the plan for people: the traffic it rests on, a table of triggers
// and steps, and for each trigger what it means.
func (p Plan) WriteText(w io.Writer) error {
	var b strings.Builder
	p.writeTraffic(&b)
	if err := p.writeTable(&b); err != nil {
		return err
	}
	for _, t := range p.Triggers {
		p.writeTrigger(&b, t)
	}
	if len(p.Lints) > 0 {
		b.WriteString("\n")
	}
	for _, l := range p.Lints {
		fmt.Fprintln(&b, l)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (p Plan) writeTraffic(b *strings.Builder) {
	t := p.Traffic
	from := func(name string) string {
		if s := t.Sources[name]; s != "" {
			return " (" + s + ")"
		}
		return ""
	}
	fmt.Fprintf(b, "%s: %s requests/s%s, error rate %s%s", p.Service, num(t.Rate), from("rate"), short(t.ErrorRate), from("error_rate"))
	for i, l := range quantiles(p.rb) {
		at, name := "", ""
		if l.Name != "" {
			at = l.Name + " "
		}
		if i > 0 {
			name = " " + l.Name
		}
		usual := t.usual(l.Name)
		fmt.Fprintf(b, ", %sP50 %s%s, P95 %s%s", at, millis(usual.P50), from("p50"+name), millis(usual.P95), from("p95"+name))
	}
	for _, k := range p.rb.Metrics.KPIs {
		v := t.KPIs[k.Name]
		fmt.Fprintf(b, ", %s %s%s", k.Name, p.level(k, v.Rate), from("kpi "+k.Name))
		if k.IsMean() {
			fmt.Fprintf(b, " with a spread of %s times that%s", num(v.Spread), from("spread "+k.Name))
		}
		fmt.Fprintf(b, " of %s trials per request%s", num(v.Trials), from("trials "+k.Name))
	}
	fmt.Fprintf(b, "; %d candidate pods%s, %d stable pods%s, dispersion %s%s; scraped every %s%s\n",
		t.CandidatePods, from("candidate_pods"), t.StablePods, from("stable_pods"), num(t.Dispersion), from("dispersion"), t.Scrape, from("scrape"))
	fmt.Fprintf(b, "Evidence needed: %s since the release's start, %s for harm that begins later (ln of the odds against chance; %s of good releases may fire, over all triggers). The first %s of the first step are warm-up.\n\n",
		num(p.release), num(p.trailing), num(analysis.Alpha*100)+"%", p.Warmup)
}

func (p Plan) writeTable(b *strings.Builder) error {
	table := tabwriter.NewWriter(b, 0, 4, 2, ' ', 0)
	header := []string{"TRIGGER"}
	for _, s := range p.Steps {
		header = append(header, fmt.Sprintf("%v%% for %s", s.Weight, s.For))
	}
	fmt.Fprintln(table, strings.Join(append(header, "IN THE WHOLE PLAN"), "\t"))
	for _, t := range p.Triggers {
		row := []string{t.Trigger}
		for _, c := range t.Cells {
			row = append(row, c.String())
		}
		fmt.Fprintln(table, strings.Join(append(row, t.carried()), "\t"))
	}
	return table.Flush()
}

// String is the cell in a table.
func (c Cell) String() string {
	switch {
	case c.State == Decides:
		return "decides in " + span2(c.Need)
	case c.State == NotYet:
		return "not yet: " + span2(c.Need)
	}
	return string(c.State)
}

func (t TriggerPlan) carried() string {
	switch {
	case t.Decided != nil:
		return fmt.Sprintf("%s, at %v%%", span2(t.Decided.After), t.Decided.Weight)
	case t.Error != "":
		return "ERROR"
	}
	return "-"
}

func (p Plan) writeTrigger(b *strings.Builder, t TriggerPlan) {
	fmt.Fprintf(b, "\n%s: %s.\n", t.Trigger, t.Says)
	for _, s := range p.sentences(t) {
		fmt.Fprintf(b, "  %s\n", s)
	}
	if t.Error != "" {
		fmt.Fprintf(b, "  ERROR: %s; %s\n", t.Error, t.Fix)
	}
}

func (p Plan) sentences(t TriggerPlan) []string {
	source, _ := p.rb.Trigger(t.Trigger)
	out := []string{}
	if t.Cells[0].State == Unknown {
		return append(out, t.Cells[0].Why+".", "Breach to alert: "+t.Lag.String())
	}
	if source.Comparative() {
		out = append(out, p.firstStep(t), p.fromStep(t))
		if late := p.lateSentence(t); late != "" {
			out = append(out, late)
		}
		return append(out, fmt.Sprintf("Breach to alert, at worst: %s; where the proof takes longer than the window, %s + the proof.", t.Lag, t.Lag.Rest))
	}
	return append(out, "It pages at any weight and never moves traffic.", "Breach to alert, at worst: "+t.Lag.String()+".")
}

// firstStep is the sentence about the first step.
func (p Plan) firstStep(t TriggerPlan) string {
	c := t.Cells[0]
	at := fmt.Sprintf("At %v%% of %s requests/s this", c.Weight, num(p.Traffic.Rate))
	if c.Need == 0 {
		return fmt.Sprintf("%s never tells %s: %s.", at, t.Effect, c.Why)
	}
	if c.State == Never {
		return fmt.Sprintf("%s cannot decide: %s.", at, c.Why)
	}
	return fmt.Sprintf("%s needs %s to tell %s.", at, span2(c.Need), t.Effect)
}

func (p Plan) fromStep(t TriggerPlan) string {
	i := slices.IndexFunc(t.Cells, func(c Cell) bool { return c.State == Decides })
	switch {
	case i == 0:
		return "It decides from the first step on."
	case i > 0:
		return fmt.Sprintf("It cannot decide before the %v%% step, and must not hold the ramp before that.", t.Cells[i].Weight)
	case t.Decided != nil:
		return fmt.Sprintf("It decides in no step alone, but with the evidence carried over: after %s, at %v%%. It must not hold the ramp.", span2(t.Decided.After), t.Decided.Weight)
	}
	return "It decides in no step, and must not hold the ramp."
}

// lateSentence names the steps in which harm that begins later is found.
func (p Plan) lateSentence(t TriggerPlan) string {
	var parts []string
	for i := 0; i < len(t.Cells); i++ {
		first := t.Cells[i]
		for i+1 < len(t.Cells) && t.Cells[i+1].Late == first.Late {
			i++
		}
		if first.Late == 0 {
			continue
		}
		at := fmt.Sprintf("%s at %v%%", span2(first.Late), first.Weight)
		if last := t.Cells[i].Weight; last > first.Weight {
			at += fmt.Sprintf(" to %v%%", last)
		}
		parts = append(parts, at)
	}
	if len(parts) == 0 {
		return "Harm of that size that begins late is not found by the trailing windows."
	}
	return "Harm that begins late is found after " + strings.Join(parts, ", ") + "."
}
