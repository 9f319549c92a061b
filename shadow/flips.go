package shadow

import (
	"cmp"
	"slices"
)

// flips counts from which class to which answers went. It tells 20 classes apart;
// further ones are one.
type flips struct {
	labels []string
	counts map[[2]string]int64
	n      int64
}

const (
	maxClasses  = 20
	otherLabels = "(others)"
)

func (f *flips) add(stable, candidate []string) {
	if f.counts == nil {
		f.counts = map[[2]string]int64{}
	}
	for i := range min(len(stable), len(candidate)) {
		f.counts[[2]string{f.known(stable[i]), f.known(candidate[i])}]++
		f.n++
	}
}

func (f *flips) known(label string) string {
	if slices.Contains(f.labels, label) {
		return label
	}
	if len(f.labels) >= maxClasses {
		return otherLabels
	}
	f.labels = append(f.labels, label)
	return label
}

// matrix returns the labels in order and the counts, stable down, candidate across.
func (f *flips) matrix() (labels []string, counts [][]int64) {
	used := map[string]bool{}
	for pair := range f.counts {
		used[pair[0]], used[pair[1]] = true, true
	}
	for l := range used {
		labels = append(labels, l)
	}
	slices.SortFunc(labels, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	for _, from := range labels {
		row := make([]int64, len(labels))
		for i, to := range labels {
			row[i] = f.counts[[2]string{from, to}]
		}
		counts = append(counts, row)
	}
	return labels, counts
}
