package quality

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// aim is the share of good releases that may be rolled back.
const aim = 0.01

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
	return only(t.Outcomes, func(o Outcome) bool { return slices.Contains(names, o.Scenario) })
}

func only(all []Outcome, want func(Outcome) bool) []Outcome {
	return slices.DeleteFunc(slices.Clone(all), func(o Outcome) bool { return !want(o) })
}

// names lists the scenarios that are wanted, in the order of the outcomes.
func (t Table) names(want func(Outcome) bool) (names []string) {
	for _, o := range t.Outcomes {
		if want(o) && !slices.Contains(names, o.Scenario) {
			names = append(names, o.Scenario)
		}
	}
	return names
}

// kind lists the scenarios of one kind.
func (t Table) kind(bad bool) []string {
	return t.names(func(o Outcome) bool { return o.Kind != "" && !o.Limit && o.Truth.Bad == bad })
}

// section writes a heading and the rows in columns, or nothing if there are none.
func section(to io.Writer, heading string, head []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprint(to, heading, "\n\n")
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, cells := range append([][]string{head}, rows...) {
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	w.Flush()
	fmt.Fprintln(to)
}

// with appends a cell for each of the other judges.
func with(cells []string, of []Outcome, cell func(Score) string) []string {
	for _, j := range others {
		cells = append(cells, cell(ScoreOf(j, of)))
	}
	return cells
}

func share(k, n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(k)/float64(n))
}

func part(k, n int) string { return fmt.Sprintf("%d/%d", k, n) }

func wrongly(s Score) string { return share(s.False, s.Traces) }

func (t Table) good(to io.Writer) {
	names := t.kind(false)
	if len(names) == 0 {
		return
	}
	var rows [][]string
	line := func(name string, of []Outcome, verdict func(Score) string) {
		s := ScoreOf(Ours, of)
		rows = append(rows, with([]string{name, part(s.False, s.Traces), fmt.Sprintf("%.2f %%", 100*s.FalseAtMost), verdict(s)}, of, wrongly))
	}
	for _, name := range names {
		line(name, t.of(name), held)
	}
	line("ALL GOOD", t.of(names...), aimed)
	section(to, "Good releases: how many were rolled back. For "+Ours+": rolled back of all, and the exact 95 % bound.",
		append([]string{"scenario", Ours, "at most", "alpha 1 %"}, others...), rows)
	s := ScoreOf(Ours, t.of(names...))
	fmt.Fprintf(to, "Aim: at most 1 %% of all good releases with 95 %% confidence: %s (%d of %d, at most %.2f %%).\n", aimed(s), s.False, s.Traces, 100*s.FalseAtMost)
	fmt.Fprintf(to, "alpha: \"held\" where the data allow a rate of 1 %%; \"BROKEN\" where they exclude it with 95 %% confidence.\n")
	if s.False > 0 {
		fmt.Fprintf(to, "Who rolled good releases back: %s.\n", counted(s.Triggers))
	}
	fmt.Fprintln(to)
}

// limits are good releases that no rule on metrics can tell from bad ones.
func (t Table) limits(to io.Writer) {
	var rows [][]string
	for _, name := range t.names(func(o Outcome) bool { return o.Limit }) {
		of := t.of(name)
		s, full := ScoreOf(Ours, of), ScoreOf(fullWindow, of)
		rows = append(rows, with([]string{name, part(s.False, s.Traces), counted(s.Triggers), wrongly(full)}, of, wrongly))
	}
	section(to, "Known limits: good releases that look bad on every metric. They do not count for the aim.",
		append([]string{"scenario", Ours, "by", fullWindow}, others...), rows)
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
	late := func(s Score) string { return duration(s.Median) + ", " + share(s.Missed+s.False, s.Traces) }
	var rows [][]string
	line := func(name string, of []Outcome) {
		s := ScoreOf(Ours, of)
		rows = append(rows, with([]string{name, duration(s.Median), duration(s.P90), part(s.Missed, s.Traces), fmt.Sprint(s.False)}, of, late))
	}
	for _, name := range names {
		line(name, t.of(name))
	}
	line("ALL BAD", t.of(names...))
	section(to, "Bad releases: median and 90th percentile of the delay from the onset to the rollback, missed to the end,\n"+
		"and rolled back before the onset (early). Others: median, and missed or early.",
		append([]string{"scenario", "median", "p90", "missed", "early"}, others...), rows)
}

// byRate parts the bad releases by traffic, on which a delay depends most.
func (t Table) byRate(to io.Writer) {
	names := t.kind(true)
	var rates []float64
	for _, o := range t.of(names...) {
		rates = append(rates, o.Rate)
	}
	slices.Sort(rates)
	if rates = slices.Compact(rates); len(rates) < 2 || len(rates) > 6 {
		return
	}
	head := []string{"scenario"}
	for _, r := range rates {
		head = append(head, fmt.Sprintf("%g req/s", r))
	}
	var rows [][]string
	for _, name := range names {
		cells := []string{name}
		for _, r := range rates {
			s := ScoreOf(Ours, only(t.of(name), func(o Outcome) bool { return o.Rate == r }))
			cells = append(cells, duration(s.Median)+", "+duration(s.P90)+", "+part(s.Missed, s.Traces))
		}
		rows = append(rows, cells)
	}
	section(to, "Bad releases by traffic, "+Ours+": median, p90, missed.", head, rows)
}

func (t Table) ablations(to io.Writer) {
	all := func(o Outcome) bool { _, took := o.By[withoutAny]; return took } // took part
	good, bad := only(t.of(t.kind(false)...), all), only(t.of(t.kind(true)...), all)
	if len(good)+len(bad) == 0 {
		return
	}
	var rows [][]string
	for _, judge := range append([]string{Ours}, ablated...) {
		g, b := ScoreOf(judge, good), ScoreOf(judge, bad)
		rows = append(rows, []string{judge, part(g.False, g.Traces), part(b.False, b.Traces), part(b.Missed, b.Traces),
			duration(b.Median), duration(b.P90), t.broken(judge, good)})
	}
	section(to, fmt.Sprintf("What each part is good for: the decisions without it, on %d good and %d bad releases.", len(good), len(bad)),
		[]string{"decisions", "false", "early", "missed", "median", "p90", "good scenarios that break (more than 5 % rolled back)"}, rows)
}

// broken lists the good scenarios of which a judge rolls back more than one in twenty.
func (t Table) broken(judge string, good []Outcome) string {
	var out []string
	for _, name := range t.kind(false) {
		s := ScoreOf(judge, only(good, func(o Outcome) bool { return o.Scenario == name }))
		if s.Traces > 0 && 20*s.False > s.Traces {
			out = append(out, name+" "+wrongly(s))
		}
	}
	return cmp.Or(strings.Join(out, ", "), "none")
}

// files lists replayed traces one by one.
func (t Table) files(to io.Writer) {
	judges := append([]string{Ours}, others...)
	var rows [][]string
	for _, o := range only(t.Outcomes, func(o Outcome) bool { return o.File != "" }) {
		cells := []string{o.File, cmp.Or(o.Kind, "unknown"), "-"}
		if o.Truth.Bad {
			cells[2] = o.Truth.Onset.String()
		}
		for _, j := range judges {
			cell := "-"
			if d := o.By[j]; d.Trigger != "" {
				cell = d.At.String() + " " + d.Trigger
			}
			cells = append(cells, cell)
		}
		rows = append(rows, cells)
	}
	section(to, "Replayed files: who rolled back when, after the file's begin.", append([]string{"file", "truth", "onset"}, judges...), rows)
}
