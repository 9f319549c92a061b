package diff

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/shadow"
)

// confusion counts from which class to which answers went. It tells 20 classes apart;
// further ones are one.
type confusion struct {
	labels []string
	counts map[[2]string]int64
	n      int64
}

const (
	maxClasses  = 20
	otherLabels = "(others)"
)

func (f *confusion) add(stable, candidate []string) {
	if f.counts == nil {
		f.counts = map[[2]string]int64{}
	}
	for i := range min(len(stable), len(candidate)) {
		f.counts[[2]string{f.label(stable[i]), f.label(candidate[i])}]++
		f.n++
	}
}

func (f *confusion) label(label string) string {
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
func (f *confusion) matrix() (labels []string, counts [][]int64) {
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

// compareScalar compares a value as one thing: by set, top_k or class, or exactly.
func (w *comparator) compareScalar(f *field, a, b any) {
	var as, bs []string
	switch f.compare {
	case shadow.BySet:
		as, bs = setOf(a), setOf(b)
	case shadow.ByTopK:
		as, bs = topOf(a, f.element), topOf(b, f.element)
	case shadow.ByClass:
		as, bs = classesOf(a), classesOf(b)
		if !w.noise {
			f.confusion.add(as, bs)
		}
	case shadow.ByIgnore:
		return
	default:
		as, bs = []string{canonical(a)}, []string{canonical(b)}
	}
	if slices.Equal(as, bs) {
		w.observe(f)
		return
	}
	w.difference(f, differs, severeValue, strings.Join(as, ", "), strings.Join(bs, ", "))
}

func listOf(v any) []any {
	switch v := v.(type) {
	case []any:
		return v
	case *shadow.Tensor:
		return v.Data
	}
	return []any{v}
}

// setOf returns the elements as sorted text; what is there twice counts twice.
func setOf(v any) []string {
	var out []string
	for _, one := range listOf(v) {
		out = append(out, canonical(one))
	}
	slices.Sort(out)
	return out
}

// topOf returns which k are first: of a list of numbers the ranks of the greatest, of
// any other list its first elements. Sorted, as their order among themselves is not
// asked for.
func topOf(v any, k int) []string {
	list := listOf(v)
	numbers, ok := numbersOf(list)
	if !ok {
		return setOf(list[:min(k, len(list))])
	}
	ranks := make([]int, len(numbers))
	for i := range ranks {
		ranks[i] = i
	}
	slices.SortStableFunc(ranks, func(i, j int) int { return cmp.Compare(numbers[j], numbers[i]) })
	var out []string
	for _, p := range ranks[:min(k, len(ranks))] {
		out = append(out, fmt.Sprint(p))
	}
	slices.Sort(out)
	return out
}

// classesOf returns the class of each row of scores, or the label itself.
func classesOf(v any) []string {
	rows := [][]any{listOf(v)}
	if t, ok := v.(*shadow.Tensor); ok {
		rows = t.Rows()
	}
	var out []string
	for _, row := range rows {
		if _, single := v.([]any); len(row) == 1 && !single || len(row) == 0 {
			out = append(out, label(row))
			continue
		}
		numbers, ok := numbersOf(row)
		if !ok {
			out = append(out, label(row))
			continue
		}
		best := 0
		for i, n := range numbers {
			if n > numbers[best] {
				best = i
			}
		}
		out = append(out, fmt.Sprint(best))
	}
	return out
}

func label(row []any) string {
	if len(row) == 1 {
		if text, ok := row[0].(string); ok {
			return shadow.Clip(text, 40)
		}
		return shadow.Clip(canonical(row[0]), 40)
	}
	return shadow.Clip(canonical(row), 40)
}

func numbersOf(list []any) ([]float64, bool) {
	out := make([]float64, 0, len(list))
	for _, v := range list {
		n, ok := v.(json.Number)
		if !ok {
			return nil, false
		}
		f, _ := n.Float64() // out of range is ±Inf
		out = append(out, f)
	}
	return out, len(out) > 0
}

// canonical writes a value so that equal ones are written equally: 1, 1.0 and 1e0 are.
func canonical(v any) string {
	text, err := json.Marshal(plainNumbers(v))
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

func plainNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		f, err := v.Float64()
		if err != nil || fmt.Sprint(int64(f)) != v.String() && len(v) > 17 {
			return v
		}
		return f
	case []any:
		out := make([]any, len(v))
		for i, one := range v {
			out[i] = plainNumbers(one)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, one := range v {
			out[k] = plainNumbers(one)
		}
		return out
	case *shadow.Tensor:
		return plainNumbers(v.Data)
	}
	return v
}
