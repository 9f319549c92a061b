package quality

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// aim is the share of good releases that may be rolled back.
const aim = 0.01

// others are the judges beside ours, in the order of the table.
var others = []string{"naive", "naive-nokpi", "flagger", "flagger-nokpi", "argo", "argo-nokpi", "kayenta", "kayenta-tuned"}

// A Table is a run, ready to be read.
type Table struct{ Outcomes []Outcome }

// Write writes the whole table as text.
func (t Table) Write(to io.Writer) {
	t.good(to)
	t.limits(to)
	t.bad(to)
	t.byRate(to)
	t.ablations(to)
	t.files(to)
}

func (t Table) of(names ...string) []Outcome {
	var out []Outcome
	for _, o := range t.Outcomes {
		if slices.Contains(names, o.Scenario) {
			out = append(out, o)
		}
	}
	return out
}

// kind lists the scenarios of one kind in the order of the outcomes.
func (t Table) kind(bad bool) (names []string) {
	for _, o := range t.Outcomes {
		if o.Kind != "" && !o.Limit && o.Truth.Bad == bad && !slices.Contains(names, o.Scenario) {
			names = append(names, o.Scenario)
		}
	}
	return names
}

func tabs(to io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(to, 0, 0, 2, ' ', 0) }

func row(w io.Writer, cells ...string) { fmt.Fprintln(w, strings.Join(cells, "\t")) }

func share(k, n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(k)/float64(n))
}

func (t Table) good(to io.Writer) {
	names := t.kind(false)
	if len(names) == 0 {
		return
	}
	fmt.Fprintf(to, "Good releases: how many were rolled back. For %s: rolled back of all, and the exact 95 %% bound.\n\n", Ours)
	w := tabs(to)
	row(w, append([]string{"scenario", Ours, "at most", "alpha 1 %"}, others...)...)
	line := func(name string, of []Outcome, verdict func(Score) string) {
		s := ScoreOf(Ours, of)
		cells := []string{name, fmt.Sprintf("%d/%d", s.False, s.Traces), fmt.Sprintf("%.2f %%", 100*s.FalseAtMost), verdict(s)}
		for _, j := range others {
			o := ScoreOf(j, of)
			cells = append(cells, share(o.False, o.Traces))
		}
		row(w, cells...)
	}
	for _, name := range names {
		line(name, t.of(name), held)
	}
	line("ALL GOOD", t.of(names...), aimed)
	w.Flush()
	s := ScoreOf(Ours, t.of(names...))
	fmt.Fprintf(to, "\nAim: at most 1 %% of all good releases with 95 %% confidence: %s (%d of %d, at most %.2f %%).\n", aimed(s), s.False, s.Traces, 100*s.FalseAtMost)
	fmt.Fprintf(to, "alpha: \"held\" where the data allow a rate of 1 %%; \"BROKEN\" where they exclude it with 95 %% confidence.\n")
	if s.False > 0 {
		fmt.Fprintf(to, "Who rolled good releases back: %s.\n", counted(s.Triggers))
	}
	fmt.Fprintln(to)
}

// limits are good releases that no rule on metrics can tell from bad ones.
func (t Table) limits(to io.Writer) {
	var names []string
	for _, o := range t.Outcomes {
		if o.Limit && !slices.Contains(names, o.Scenario) {
			names = append(names, o.Scenario)
		}
	}
	if len(names) == 0 {
		return
	}
	fmt.Fprint(to, "Known limits: good releases that look bad on every metric. They do not count for the aim.\n\n")
	w := tabs(to)
	row(w, append([]string{"scenario", Ours, "by", fullWindow}, others...)...)
	for _, name := range names {
		of := t.of(name)
		s, full := ScoreOf(Ours, of), ScoreOf(fullWindow, of)
		cells := []string{name, fmt.Sprintf("%d/%d", s.False, s.Traces), counted(s.Triggers), share(full.False, full.Traces)}
		for _, j := range others {
			o := ScoreOf(j, of)
			cells = append(cells, share(o.False, o.Traces))
		}
		row(w, cells...)
	}
	w.Flush()
	fmt.Fprintln(to)
}

// held says whether the stated alpha can be true.
func held(s Score) string {
	if s.FalseAtLeast > aim {
		return "BROKEN"
	}
	return "held"
}

func aimed(s Score) string {
	switch {
	case s.FalseAtMost <= aim:
		return "reached"
	case float64(s.False) > aim*float64(s.Traces):
		return "MISSED"
	}
	return "too few releases to say"
}

func counted(of map[string]int) string {
	var out []string
	for name, n := range of {
		out = append(out, fmt.Sprintf("%s %d", name, n))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func (t Table) bad(to io.Writer) {
	names := t.kind(true)
	if len(names) == 0 {
		return
	}
	fmt.Fprint(to, "Bad releases: median and 90th percentile of the delay from the onset to the rollback, missed to the end,\nand rolled back before the onset (early). Others: median, and missed or early.\n\n")
	w := tabs(to)
	row(w, append([]string{"scenario", "median", "p90", "missed", "early"}, others...)...)
	line := func(name string, of []Outcome) {
		s := ScoreOf(Ours, of)
		cells := []string{name, duration(s.Median), duration(s.P90), fmt.Sprintf("%d/%d", s.Missed, s.Traces), fmt.Sprint(s.False)}
		for _, j := range others {
			o := ScoreOf(j, of)
			cells = append(cells, duration(o.Median)+", "+share(o.Missed+o.False, o.Traces))
		}
		row(w, cells...)
	}
	for _, name := range names {
		line(name, t.of(name))
	}
	line("ALL BAD", t.of(names...))
	w.Flush()
	fmt.Fprintln(to)
}

// byRate parts the bad releases by traffic, on which a delay depends most.
func (t Table) byRate(to io.Writer) {
	names := t.kind(true)
	var rates []float64
	for _, o := range t.of(names...) {
		if !slices.Contains(rates, o.Rate) {
			rates = append(rates, o.Rate)
		}
	}
	slices.Sort(rates)
	if len(rates) < 2 || len(rates) > 6 {
		return
	}
	fmt.Fprintf(to, "Bad releases by traffic, %s: median, p90, missed.\n\n", Ours)
	w := tabs(to)
	head := []string{"scenario"}
	for _, r := range rates {
		head = append(head, fmt.Sprintf("%g req/s", r))
	}
	row(w, head...)
	for _, name := range names {
		cells := []string{name}
		for _, r := range rates {
			of := slices.DeleteFunc(t.of(name), func(o Outcome) bool { return o.Rate != r })
			s := ScoreOf(Ours, of)
			cells = append(cells, fmt.Sprintf("%s, %s, %d/%d", duration(s.Median), duration(s.P90), s.Missed, s.Traces))
		}
		row(w, cells...)
	}
	w.Flush()
	fmt.Fprintln(to)
}

func (t Table) ablations(to io.Writer) {
	good, bad := t.of(t.kind(false)...), t.of(t.kind(true)...)
	first := func(of []Outcome) []Outcome { // those in which all took part
		return slices.DeleteFunc(slices.Clone(of), func(o Outcome) bool { _, took := o.By[withoutAny]; return !took })
	}
	good, bad = first(good), first(bad)
	if len(good)+len(bad) == 0 {
		return
	}
	fmt.Fprintf(to, "What each part is good for: the decisions without it, on %d good and %d bad releases.\n\n", len(good), len(bad))
	w := tabs(to)
	row(w, "decisions", "false", "early", "missed", "median", "p90", "good scenarios that break (more than 5 % rolled back)")
	for _, judge := range append([]string{Ours}, ablated...) {
		g, b := ScoreOf(judge, good), ScoreOf(judge, bad)
		row(w, judge, fmt.Sprintf("%d/%d", g.False, g.Traces), fmt.Sprintf("%d/%d", b.False, b.Traces), fmt.Sprintf("%d/%d", b.Missed, b.Traces),
			duration(b.Median), duration(b.P90), t.broken(judge, good))
	}
	w.Flush()
	fmt.Fprintln(to)
}

// broken lists the good scenarios of which a judge rolls back more than one in twenty.
func (t Table) broken(judge string, good []Outcome) string {
	var out []string
	for _, name := range t.kind(false) {
		of := slices.DeleteFunc(slices.Clone(good), func(o Outcome) bool { return o.Scenario != name })
		if s := ScoreOf(judge, of); s.Traces > 0 && 20*s.False > s.Traces {
			out = append(out, fmt.Sprintf("%s %s", name, share(s.False, s.Traces)))
		}
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}

// files lists replayed traces one by one.
func (t Table) files(to io.Writer) {
	w := tabs(to)
	said := false
	for _, o := range t.Outcomes {
		if o.File == "" {
			continue
		}
		if !said {
			fmt.Fprint(to, "Replayed files: who rolled back when, after the file's begin.\n\n")
			row(w, append([]string{"file", "truth", "onset", Ours}, others...)...)
			said = true
		}
		truth, onset := o.Kind, "-"
		if truth == "" {
			truth = "unknown"
		}
		if o.Truth.Bad {
			onset = o.Truth.Onset.String()
		}
		cells := []string{o.File, truth, onset}
		for _, j := range append([]string{Ours}, others...) {
			if d := o.By[j]; d.Trigger != "" {
				cells = append(cells, d.At.String()+" "+d.Trigger)
			} else {
				cells = append(cells, "-")
			}
		}
		row(w, cells...)
	}
	if said {
		w.Flush()
		fmt.Fprintln(to)
	}
}
