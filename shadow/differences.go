package shadow

import (
	"fmt"
	"slices"
)

// Differences compares one answer with a stored one by the plan's rules for fields, and
// returns the paths of the fields that differ, sorted; none means that they are equal.
// Values are not told: they may be somebody's.
func Differences(plan Plan, stored, got []byte) ([]string, error) {
	c, err := newComparison(plan)
	if err != nil {
		return nil, fmt.Errorf("compare answers: %w", err)
	}
	c.walk.pair++
	c.walk.compare(c.walk.fields.root, decodeBody(stored), decodeBody(got))
	var paths []string
	for _, f := range c.walk.touched {
		if f.seen.raw != 0 {
			paths = append(paths, f.path)
		}
	}
	slices.Sort(paths)
	return paths, nil
}
