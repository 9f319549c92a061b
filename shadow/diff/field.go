package diff

import "github.com/autorollback/autorollback/shadow"

// A difference of one field between two answers; several may be set.
type difference uint8

const (
	differs   difference = 1 << iota // another value, or no value (null)
	otherType                        // a string where a number was
	missing                          // not there
	extra                            // there, where it was not
)

// schema says whether the answer's form changed, not only its values.
func (d difference) schema() bool { return d&(otherType|missing|extra) != 0 }

func (d difference) word() string {
	switch {
	case d&missing != 0:
		return "missing"
	case d&extra != 0:
		return "extra"
	case d&otherType != 0:
		return "type"
	}
	return "value"
}

// A field is one path in a body, list indexes aside, with how it is compared.
type field struct {
	path      string
	steps     []string
	compare   string
	tolerance shadow.Tolerance
	ruled     bool // the tolerance was written for this field
	allowed   difference
	shown     bool
	score     int // its number among the scores, -1 if none
	element   int // which element is the score

	index     int // among the comparison's fields
	children  map[string]*field
	confusion *confusion
	seen      observation // of the pair at hand
}

// An observation is what one pair says about a field.
type observation struct {
	pair              int64 // 1-based number of the pair, to tell old ones
	raw, noise        difference
	numeric           bool
	delta             float64 // the greatest |candidate − stable| of its elements
	severity          float64
	elements          int
	scored            bool
	scoreS, scoreC    float64
	stable, candidate any // the first elements that differ
}

// fields is the tree of all paths seen so far.
type fields struct {
	plan   shadow.Plan
	allow  map[difference][]shadow.Path
	show   []shadow.Path
	rules  []shadow.Path
	scores []shadow.Path

	list   []*field
	root   *field
	others *field // of what does not fit into plan.MaxFields
	auto   int    // scores chosen by themselves
}

const maxAutoScores = 4

func newFields(plan shadow.Plan) *fields {
	all := &fields{plan: plan, allow: map[difference][]shadow.Path{missing: patterns(plan.AllowMissing), extra: patterns(plan.AllowExtra)}, show: patterns(plan.Show)}
	for _, r := range plan.Fields {
		all.rules = append(all.rules, patterns([]string{r.Path})...)
	}
	for _, s := range plan.Scores {
		all.scores = append(all.scores, patterns([]string{s.Path})...)
	}
	all.root = all.add(nil)
	all.root.path = "(body)"
	return all
}

// patterns reads what [ParsePlan] has checked; what is no pattern matches nothing.
func patterns(texts []string) []shadow.Path {
	out := make([]shadow.Path, 0, len(texts))
	for _, t := range texts {
		p, err := shadow.ParsePath(t)
		if err != nil {
			p.Steps = []string{"\x00"}
		}
		out = append(out, p)
	}
	return out
}

// add makes the field of those steps.
func (all *fields) add(steps []string) *field {
	f := &field{path: shadow.FormatPath(steps), steps: steps, compare: shadow.ByTolerance, tolerance: all.plan.Default, score: -1, index: len(all.list)}
	for i, p := range all.rules {
		if p.Matches(steps) {
			f.apply(all.plan.Fields[i])
			break
		}
	}
	for i, p := range all.scores {
		if p.Matches(steps) {
			f.score, f.element = i, all.plan.Scores[i].Element
			break
		}
	}
	for kind, list := range all.allow {
		if anyMatches(list, steps) {
			f.allowed |= kind
		}
	}
	f.shown = anyMatches(all.show, steps)
	if f.compare == shadow.ByClass {
		f.confusion = &confusion{}
	}
	all.list = append(all.list, f)
	return f
}

func (f *field) apply(r shadow.FieldRule) {
	if r.Compare != "" {
		f.compare = r.Compare
	}
	if f.compare == shadow.ByTopK {
		f.element = r.K
	}
	if r.Absolute != nil || r.Relative != nil {
		f.tolerance, f.ruled = shadow.Tolerance{}, true
	}
	if r.Absolute != nil {
		f.tolerance.Absolute = *r.Absolute
	}
	if r.Relative != nil {
		f.tolerance.Relative = *r.Relative
	}
}

func anyMatches(list []shadow.Path, steps []string) bool {
	for _, p := range list {
		if p.Matches(steps) {
			return true
		}
	}
	return false
}

// child returns the field one step below f.
func (all *fields) child(f *field, step string) *field {
	if next, ok := f.children[step]; ok {
		return next
	}
	if f == all.others || len(all.list) >= all.plan.MaxFields {
		if all.others == nil {
			all.others = all.add([]string{"(others)"})
			all.others.path = "(others)"
		}
		return all.others
	}
	if f.children == nil {
		f.children = map[string]*field{}
	}
	next := all.add(append(f.steps[:len(f.steps):len(f.steps)], step))
	f.children[step] = next
	return next
}
