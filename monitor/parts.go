package monitor

import (
	"slices"
	"strings"
)

// mostParts bounds the parts of a measure; those met after that many are not counted.
const mostParts = 1000

// unplaced is the place of a part of which no interval has counted a sample yet.
const unplaced = -1

// partOf is the index of a part in names. False if there are too many.
func (m *measure) partOf(value string) (int, bool) {
	if at, ok := m.parts[value]; ok {
		return at, true
	}
	if len(m.names) == mostParts {
		return 0, false
	}
	value = strings.Clone(value)
	m.parts[value] = len(m.names)
	m.names, m.place = append(m.names, value), append(m.place, unplaced)
	return len(m.names) - 1, true
}

// settle gives a place to the parts that have a sample up to now for the first time: those
// of one interval by name, after those of earlier ones. So a place never changes, and does
// not depend on the order in which samples were added.
func (m *measure) settle(seen []int) {
	slices.SortFunc(seen, func(a, b int) int { return strings.Compare(m.names[a], m.names[b]) })
	for _, at := range seen {
		if m.place[at] == unplaced {
			m.place[at] = m.known
			m.known++
		}
	}
}

// placed are the parts by their place.
func (m *measure) placed() []string {
	out := make([]string, m.known)
	for at, place := range m.place {
		if place != unplaced {
			out[place] = m.names[at]
		}
	}
	return out
}
