package rules

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// WriteText writes the table, then each survivor that nothing explains, then the
// explanations, each with its number of survivors.
func (r MutantReport) WriteText(w io.Writer) error {
	var out strings.Builder
	fmt.Fprintf(&out, "%-12s %8s %8s %10s %10s\n", "mutants", "total", "caught", "explained", "survive")
	sum := MutantCount{Kind: "all"}
	row := func(c MutantCount) {
		fmt.Fprintf(&out, "%-12s %8d %8d %10d %10d\n", c.Kind, c.Total, c.Caught, c.Explained, c.Total-c.Caught-c.Explained)
	}
	for _, c := range r.Kinds {
		row(c)
		sum.Total, sum.Caught, sum.Explained = sum.Total+c.Total, sum.Caught+c.Caught, sum.Explained+c.Explained
	}
	row(sum)
	because := map[string]int{}
	for _, m := range r.Survivors {
		if m.Equal == "" {
			fmt.Fprintf(&out, "survives: %s: %s: %s\n", m.Rule, m.Kind, m.Change)
			continue
		}
		because[m.Equal]++
	}
	for _, why := range slices.Sorted(maps.Keys(because)) {
		fmt.Fprintf(&out, "explained: %d: %s\n", because[why], why)
	}
	_, err := io.WriteString(w, out.String())
	return err
}
