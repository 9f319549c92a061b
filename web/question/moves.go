package question

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A Share is one backend's part of the traffic before and after.
type Share struct {
	Backend, Version string
	From, To         runbook.Weight
}

// Split lists what a yes moves, the candidate's share first. Letting a release continue moves nothing.
func (q Question) Split() []Share {
	if !q.Rollback() && !q.Promotion() {
		return nil
	}
	stable, candidate := q.sides()
	return shares(q.Live.Plan, stable, candidate)
}

func shares(c record.Change, stable, candidate record.Side) []Share {
	versions := map[string]string{stable.Backend: stable.Version, candidate.Backend: candidate.Version}
	backends := record.Split{}
	maps.Copy(backends, c.From)
	maps.Copy(backends, c.To)
	var all []Share
	for _, b := range slices.Sorted(maps.Keys(backends)) {
		all = append(all, Share{b, cmp.Or(versions[b], b), c.From[b], c.To[b]})
	}
	if i := slices.IndexFunc(all, func(s Share) bool { return s.Backend == candidate.Backend }); i > 0 {
		mine := all[i]
		all = slices.Insert(slices.Delete(all, i, i+1), 0, mine)
	}
	return all
}

// Moves is the same on one line: v2 5 % → 0 %, v1 95 % → 100 %.
func (q Question) Moves() string { return moves(q.Split()) }

// Moves is what a change moves, on one line, the candidate's share first.
func Moves(c record.Change, stable, candidate record.Side) string {
	return moves(shares(c, stable, candidate))
}

func moves(all []Share) string {
	var out []string
	for _, s := range all {
		out = append(out, fmt.Sprintf("%s %v %% → %v %%", s.Version, s.From, s.To))
	}
	return strings.Join(out, ", ")
}
