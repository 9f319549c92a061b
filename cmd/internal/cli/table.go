package cli

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// states are the columns whose words say how something stands.
var states = []string{"STATE", "PHASE", "VERDICT", "STANDBY"}

// Table prints rows in columns, one line each. What people or alerts wrote stays in its cell.
func (c Console) Table(header string, rows [][]string) error {
	names := strings.Fields(header)
	all := append([][]string{names}, rows...)
	widths := make([]int, len(names))
	for r, row := range all {
		all[r] = slices.Clone(row)
		for n, cell := range row {
			all[r][n] = strings.Join(strings.Fields(cell), " ")
			widths[n] = max(widths[n], utf8.RuneCountInString(all[r][n]))
		}
	}
	for r, row := range all {
		var line strings.Builder
		for n, cell := range row {
			gap := strings.Repeat(" ", widths[n]-utf8.RuneCountInString(cell)+2)
			if r > 0 && slices.Contains(states, names[n]) {
				cell = c.State(cell)
			}
			line.WriteString(cell + gap)
		}
		if _, err := fmt.Fprintln(c.Out, strings.TrimRight(line.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}
