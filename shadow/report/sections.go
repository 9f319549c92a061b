package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/shadow/diff"
)

// A section is a heading with a table, as both the Markdown and the HTML page show it.
// Its cells are text as found, to be escaped by whoever writes it.
type section struct {
	Title string
	Text  string
	Head  []string
	Rows  [][]string
	More  int // rows that are left out
}

// Headed reports whether a column has a heading.
func (s section) Headed() bool {
	return slices.ContainsFunc(s.Head, func(h string) bool { return h != "" })
}

const maxRows = 60

// top keeps the first n rows.
func (s section) top(n int) section {
	if len(s.Rows) > n {
		s.More, s.Rows = len(s.Rows)-n, s.Rows[:n]
	}
	return s
}

// sections returns everything that the pages say in tables.
func (r page) sections() []section {
	all := []section{r.factSection(), r.findingSection(), r.fieldSection(), r.scoreSection(), r.sliceSection()}
	for _, m := range r.Flips {
		all = append(all, flipSection(m))
	}
	all = append(all, r.worstSection())
	out := all[:0]
	for _, s := range all {
		if len(s.Rows) > 0 {
			out = append(out, s.top(maxRows))
		}
	}
	return out
}

func (r page) factSection() section {
	c := r.Counts
	s := section{Title: "What was compared", Head: []string{"", ""}}
	add := func(name, value string) {
		if value != "" {
			s.Rows = append(s.Rows, []string{name, value})
		}
	}
	add("Service", r.Service)
	add("Candidate bundle", r.Candidate)
	add("Stable bundle", r.Stable)
	add("Window", r.Window.String())
	add("Requests", fmt.Sprintf("%d, of which %d could be compared and %d have stable's second answer", c.Pairs, c.Compared, c.Again))
	add("Unreadable records", nonZero(c.Bad.Count+c.Run.Bad))
	add("Not sent, as not allowed", nonZero(c.Run.Refused))
	add("Only in stable's log", nonZero(c.Run.OnlyStable))
	add("Only in the candidate's log", nonZero(c.Run.OnlyCandidate))
	add("False alarms", fmt.Sprintf("at most %s over all %d tests together (Holm)", diff.Percent(r.Method.Alpha), r.Method.Tests))
	return s
}

func nonZero(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func (r page) findingSection() section {
	s := section{Title: "Findings", Text: "The first one decided.", Head: []string{"Verdict", "Rule", "Finding", "p (Holm)"}}
	for _, f := range r.Findings {
		s.Rows = append(s.Rows, []string{string(f.Verdict), f.Rule, f.Text, pText(f.P)})
	}
	return s
}

func pText(p *float64) string {
	if p == nil {
		return "–"
	}
	if *p < 1e-9 {
		return "< 1e-9"
	}
	return fmt.Sprintf("%.2g", *p)
}

func (r page) fieldSection() section {
	s := section{Title: "Fields", Text: "Over all traffic. Bounds are 95 %.", Head: []string{"Field", "n", "Mismatch", "Noise", "Excess", "from", "to", "mean |Δ|", "p95", "p99", "p (Holm)"}}
	for _, f := range r.Fields {
		if f.Raw == 0 && f.Noise == 0 && f.Delta == nil {
			continue
		}
		row := []string{f.Path, fmt.Sprint(f.N), diff.Percent(f.RawRate), diff.Percent(f.NoiseRate), diff.Percent(f.Excess), diff.Percent(f.Low), diff.Percent(f.High), "–", "–", "–", pText(f.P)}
		if f.NoiseN == 0 {
			row[3] = "not known"
		}
		if d := f.Delta; d != nil && d.P95 != nil {
			row[7], row[8], row[9] = short(d.Mean), short(*d.P95), short(*d.P99)
		}
		s.Rows = append(s.Rows, row)
	}
	return s
}

func short(v float64) string { return fmt.Sprintf("%.3g", v) }

func (r page) scoreSection() section {
	s := section{Title: "Scores", Text: "Drift of each watched score, where it is greatest first.", Head: []string{"Score", "Where", "n", "PSI", "p (Holm)", "Shift", "p (Holm)"}}
	type row struct {
		diff.ScoreResult
		where string
	}
	var rows []row
	for _, slice := range r.Slices {
		for _, one := range slice.Scores {
			if one.PSIP != nil || slice.Where() == "all traffic" {
				rows = append(rows, row{one, slice.Where()})
			}
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(orOne(a.ShiftP), orOne(b.ShiftP)), cmp.Compare(orOne(a.PSIP), orOne(b.PSIP)), cmp.Compare(b.PSI, a.PSI))
	})
	for _, one := range rows {
		s.Rows = append(s.Rows, []string{one.Path, one.where, fmt.Sprint(one.N), fmt.Sprintf("%.3f", one.PSI), pText(one.PSIP), fmt.Sprintf("%+.3f σ", one.Shift), pText(one.ShiftP)})
	}
	return s.top(24)
}

func orOne(p *float64) float64 {
	if p == nil {
		return 1
	}
	return *p
}

func (r page) sliceSection() section {
	s := section{Title: "Segments and hours", Text: "Hours are " + r.Method.Timezone + ". The field named is the one that differs most beyond its noise.", Head: []string{"Where", "Requests", "Worst field", "Excess", "from", "to", "Errors stable", "Errors candidate", "p50", "p95", "p99 (stable → candidate, ms)"}}
	for _, one := range r.Slices {
		if one.Segment != "" && one.Hour != nil {
			continue
		}
		row := []string{one.Where(), fmt.Sprint(one.Pairs), "–", "–", "–", "–", fmt.Sprint(one.Errors.Stable), fmt.Sprint(one.Errors.Candidate), "–", "–", "–"}
		if f := worstField(one.Fields); f != nil {
			row[2], row[3], row[4], row[5] = f.Path, diff.Percent(f.Excess), diff.Percent(f.Low), diff.Percent(f.High)
		}
		if a, b := one.Stable, one.Candidate; a != nil && b != nil {
			row[8], row[9], row[10] = short(a.P50)+" → "+short(b.P50), short(a.P95)+" → "+short(b.P95), short(a.P99)+" → "+short(b.P99)
		}
		s.Rows = append(s.Rows, row)
	}
	return s
}

func worstField(list []diff.FieldResult) (worst *diff.FieldResult) {
	for i := range list {
		if worst == nil || list[i].Excess > worst.Excess {
			worst = &list[i]
		}
	}
	return worst
}

func flipSection(m diff.Matrix) section {
	s := section{Title: "Classes of " + m.Path, Text: "Stable's class down, the candidate's across.", Head: append([]string{""}, m.Labels...)}
	for i, from := range m.Labels {
		row := []string{from}
		for _, n := range m.Counts[i] {
			row = append(row, fmt.Sprint(n))
		}
		s.Rows = append(s.Rows, row)
	}
	return s
}

func (r page) worstSection() section {
	s := section{Title: "Worst samples", Text: "Ids are hashes (FNV-1a). Values are shown only of fields that the plan allows.", Head: []string{"Id", "Segment", "Field", "Kind", "Stable", "Candidate", "|Δ|"}}
	for _, one := range r.Worst {
		id, segment := one.ID, segmentText(one.Segment)
		for _, f := range one.Fields[:min(3, len(one.Fields))] {
			delta := "–"
			if f.Delta > 0 {
				delta = short(f.Delta)
			}
			s.Rows = append(s.Rows, []string{id, segment, f.Path, f.Kind, f.Stable, f.Candidate, delta})
			id, segment = "", ""
		}
	}
	return s
}

func segmentText(segment map[string]string) string {
	var parts []string
	for k, v := range segment {
		parts = append(parts, k+"="+v)
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}
