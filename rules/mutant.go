package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/runbook"
)

// A Mutant is the rules of a runbook with one thing changed in one rule.
type Mutant struct {
	Rule   string     `json:"rule"` // what it records, with its fixed labels, or the alert
	Kind   MutantKind `json:"kind"`
	Change string     `json:"change"` // what was there => what is there instead
	// Caught is the first test that fails, empty for a survivor.
	Caught string `json:"caught,omitempty"`
	// Equal says why no test of the suite could tell this survivor from the rule.
	Equal string `json:"equal,omitempty"`

	index int    // of the rule
	text  string // its expression
	rule  Rule   // with changed labels or times
}

// Survived reports whether no test fails.
func (m Mutant) Survived() bool { return m.Caught == "" }

// mutantsOf are all mutants of a group, in the order of its rules.
func mutantsOf(g Group) ([]Mutant, error) {
	var out []Mutant
	for i, r := range g.Rules {
		some, err := cuttings(r.Expr.String())
		if err != nil {
			return nil, err
		}
		for _, c := range some {
			out = append(out, Mutant{Rule: r.title(), Kind: c.kind, Change: change(r.Expr.String(), c.text), index: i, text: c.text, rule: r})
		}
		out = append(out, r.labelled(i)...)
	}
	tellApart(out)
	return out, nil
}

// tellApart numbers changes of one rule that read the same.
func tellApart(all []Mutant) {
	seen := map[string]int{}
	for i, m := range all {
		key := m.Rule + m.Change
		if seen[key]++; seen[key] > 1 {
			all[i].Change = fmt.Sprintf("%s (#%d)", m.Change, seen[key])
		}
	}
}

// labelled are the mutants of what stands beside the expression: the side that a rule
// records, and how long an alert keeps firing.
func (r Rule) labelled(index int) []Mutant {
	var out []Mutant
	if side, ok := r.Labels["role"]; ok {
		changed := r
		changed.Labels = map[string]string{}
		for k, v := range r.Labels {
			changed.Labels[k] = v
		}
		changed.Labels["role"] = string(other(runbook.Role(side)))
		out = append(out, Mutant{Rule: r.title(), Kind: MutantSide, Change: "label role: " + side + " => " + changed.Labels["role"], index: index, text: r.Expr.String(), rule: changed})
	}
	if r.KeepFiringFor > 0 {
		for _, d := range []int64{2 * int64(r.KeepFiringFor), int64(r.KeepFiringFor) / 2} {
			changed := r
			changed.KeepFiringFor = runbook.Duration(d)
			out = append(out, Mutant{Rule: r.title(), Kind: MutantWindow, index: index, text: r.Expr.String(), rule: changed,
				Change: "keep_firing_for: " + r.KeepFiringFor.String() + " => " + changed.KeepFiringFor.String()})
		}
	}
	return out
}

// change shows where two expressions differ, with a little of what stands around it.
func change(old, now string) string {
	a, b := scan(old), scan(now)
	from := 0
	for from < len(a) && from < len(b) && a[from] == b[from] {
		from++
	}
	to := 0
	for to < len(a)-from && to < len(b)-from && a[len(a)-1-to] == b[len(b)-1-to] {
		to++
	}
	around := func(tokens []string, before, after int) string {
		start, end := max(0, from-before), min(len(tokens), len(tokens)-to+after)
		return shorten(strings.Join(tokens[start:end], " "))
	}
	return around(a, 3, 1) + " => " + around(b, 3, 1)
}

// mostShown is how much of an expression a report shows.
const mostShown = 150

func shorten(text string) string {
	if len(text) <= mostShown {
		return text
	}
	return text[:mostShown*2/3] + " … " + text[len(text)-mostShown/3:]
}

// sampleOf picks n mutants, evenly spread; all of them if n is 0 or there are no more.
func sampleOf(all []Mutant, n int) []Mutant {
	if n <= 0 || n >= len(all) {
		return all
	}
	out := make([]Mutant, 0, n)
	for i := range n {
		out = append(out, all[i*len(all)/n])
	}
	return slices.Clip(out)
}
