package diff

import (
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/autorollback/autorollback/shadow"
)

// A comparator compares two bodies of one pair and notes on every field what it saw.
type comparator struct {
	fields  *fields
	pair    int64
	noise   bool // stable against itself, not against the candidate
	touched []*field
}

// observe returns the field's observation of this pair.
func (w *comparator) observe(f *field) *observation {
	if f.seen.pair != w.pair {
		f.seen = observation{pair: w.pair}
		w.touched = append(w.touched, f)
	}
	return &f.seen
}

// difference adds a difference between a and b.
func (w *comparator) difference(f *field, d difference, severity float64, a, b any) {
	o := w.observe(f)
	if d &^= f.allowed; d == 0 {
		return
	}
	if w.noise {
		o.noise |= d
		return
	}
	if severity > o.severity || o.raw == 0 {
		o.severity, o.stable, o.candidate = severity, a, b
	}
	o.raw |= d
}

// How bad a difference is, to choose the worst samples by.
const (
	severeSchema = 1e9
	severeValue  = 1e6
	severeNumber = 1e5 // at most
)

func (w *comparator) compare(f *field, a, b any) {
	switch f.compare {
	case shadow.ByIgnore:
		return
	case shadow.BySet, shadow.ByTopK, shadow.ByClass:
		w.compareScalar(f, a, b)
		return
	}
	switch a := a.(type) {
	case map[string]any:
		if b, ok := b.(map[string]any); ok {
			w.compareObject(f, a, b)
			return
		}
	case []any:
		if b, ok := b.([]any); ok {
			w.compareList(f, a, b)
			return
		}
	case *shadow.Tensor:
		if b, ok := b.(*shadow.Tensor); ok {
			w.compare(w.fields.child(f, "datatype"), a.Datatype, b.Datatype)
			w.compareScalar(w.fields.child(f, "shape"), a.Shape, b.Shape)
			w.compareList(f, a.Data, b.Data)
			return
		}
	case json.Number:
		if b, ok := b.(json.Number); ok {
			w.compareNumber(f, a, b)
			return
		}
	}
	w.compareLiteral(f, a, b)
}

// compareLiteral compares text, truth, null, and what is not of one type.
func (w *comparator) compareLiteral(f *field, a, b any) {
	switch {
	case (a == nil) != (b == nil):
		w.difference(f, differs, severeValue, a, b)
	case reflect.TypeOf(a) != reflect.TypeOf(b):
		w.difference(f, otherType, severeSchema, a, b)
	case a != b:
		w.difference(f, differs, severeValue, a, b)
	default:
		w.observe(f)
	}
}

func (w *comparator) compareObject(f *field, a, b map[string]any) {
	w.observe(f)
	for _, key := range keysOf(a, b) {
		va, inA := a[key]
		vb, inB := b[key]
		child := w.fields.child(f, key)
		switch {
		case child.compare == shadow.ByIgnore:
		case inA && inB:
			w.compare(child, va, vb)
		case inA:
			w.difference(child, missing, severeSchema, va, nil)
		default:
			w.difference(child, extra, severeSchema, nil, vb)
		}
	}
}

// keysOf returns the keys of both, sorted: fields get their numbers in one order.
func keysOf(a, b map[string]any) []string {
	keys := slices.AppendSeq(make([]string, 0, len(a)+1), maps.Keys(a))
	for k := range b {
		if _, ok := a[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

func (w *comparator) compareList(f *field, a, b []any) {
	length := w.fields.child(f, shadow.StepLength)
	if len(a) != len(b) {
		w.difference(length, differs, severeValue, json.Number(strconv.Itoa(len(a))), json.Number(strconv.Itoa(len(b))))
	} else {
		w.observe(length)
	}
	element := w.fields.child(f, shadow.AnyElement)
	for i := range min(len(a), len(b)) {
		w.compare(element, a[i], b[i])
	}
}

func (w *comparator) compareNumber(f *field, a, b json.Number) {
	o := w.observe(f)
	delta, va, vb, whole := distance(a, b)
	if !w.noise {
		o.numeric, o.delta = true, math.Max(o.delta, delta)
		w.watchScore(f, o, va, vb)
	}
	if delta == 0 {
		return
	}
	allowed := math.Max(f.tolerance.Absolute, f.tolerance.Relative*math.Abs(va))
	if f.compare == shadow.ByExact || whole && !f.ruled {
		allowed = 0 // a number without a fraction may well be a name
	}
	if !(delta <= allowed) || math.IsInf(delta, 0) {
		w.difference(f, differs, math.Min(severeNumber, delta/math.Max(allowed, 1e-12)), a, b)
	}
}

// watchScore notes a watched number, and chooses what is watched if the plan does not say.
func (w *comparator) watchScore(f *field, o *observation, a, b float64) {
	if f.score < 0 && len(w.fields.plan.Scores) == 0 && w.fields.auto < maxAutoScores && f != w.fields.others {
		f.score = w.fields.auto
		w.fields.auto++
	}
	if f.score >= 0 && o.elements == f.element && !math.IsInf(a, 0) && !math.IsInf(b, 0) {
		o.scored, o.scoreS, o.scoreC = true, a, b
	}
	o.elements++
}

// distance returns |a−b|, and whether both are whole numbers; those are exact as far
// as 64 bits go.
func distance(a, b json.Number) (delta, va, vb float64, whole bool) {
	va, _ = a.Float64() // out of range is ±Inf, which is what is wanted
	whole = !strings.ContainsAny(string(a), ".eE") && !strings.ContainsAny(string(b), ".eE")
	if a == b {
		return 0, va, va, whole
	}
	vb, _ = b.Float64()
	if delta = math.Abs(va - vb); delta != 0 && !math.IsNaN(delta) {
		return delta, va, vb, whole
	}
	if whole { // too long for a float to tell them apart, or -0 and 0
		ia, errA := a.Int64()
		ib, errB := b.Int64()
		if errA != nil || errB != nil || ia != ib {
			return 1, va, vb, whole
		}
	}
	return 0, va, vb, whole
}
