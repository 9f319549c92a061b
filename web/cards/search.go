package cards

import (
	"cmp"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/view"
)

// PerPage is how many cards a page has.
const PerPage = 24

// A Query says which targets are looked for. The zero value: all of them, the first page.
type Query struct {
	Text string // part of the service's or the region's name
	Team string
	Kind Kind
	Page int // from 1
}

// An Entry is a target with its state, as it is searched for and sorted.
type Entry struct {
	view.Standing
	Kind Kind
}

// A Screen is one page of what was looked for.
type Screen struct {
	Entries []*Entry // what needs a human first, then by name
	Found   int
	Page    int
	Pages   int
	Counts  map[Kind]int // of all that the other fields look for, whatever the kind
}

// Sorted are the targets with their states, what needs a human first.
func Sorted(all []view.Standing) []*Entry {
	rank := map[Kind]int{}
	for n, k := range Kinds() {
		rank[k] = n
	}
	entries := make([]*Entry, len(all))
	for n, t := range all {
		entries[n] = &Entry{t, KindOf(&t)}
	}
	slices.SortFunc(entries, func(a, b *Entry) int {
		switch {
		case a.Kind != b.Kind:
			return rank[a.Kind] - rank[b.Kind]
		case a.Open() != b.Open(): // where automation is off everywhere, what is under way comes first
			return openFirst(a)
		}
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Region, b.Region))
	})
	return entries
}

// Look is the page of sorted entries that is asked for; one behind the last is the last.
func (q Query) Look(sorted []*Entry) Screen {
	s := Screen{Counts: map[Kind]int{}}
	text := strings.ToLower(strings.TrimSpace(q.Text))
	var found []int
	for n := range sorted {
		e := sorted[n]
		if q.Team != "" && e.Team() != q.Team || text != "" && !strings.Contains(e.Service, text) && !strings.Contains(strings.ToLower(e.Region), text) {
			continue
		}
		s.Counts[e.Kind]++
		if q.Kind == "" || e.Kind == q.Kind {
			found = append(found, n)
		}
	}
	s.Found, s.Pages = len(found), max(1, (len(found)+PerPage-1)/PerPage)
	s.Page = min(max(1, q.Page), s.Pages)
	for _, n := range found[(s.Page-1)*PerPage : min(s.Page*PerPage, len(found))] {
		s.Entries = append(s.Entries, sorted[n])
	}
	return s
}

// Teams are the owners of the targets, each once, by name.
func Teams(all []*Entry) []string {
	seen := map[string]bool{}
	for _, e := range all {
		if team := e.Team(); team != "" {
			seen[team] = true
		}
	}
	names := make([]string, 0, len(seen))
	for name := range seen {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func openFirst(e *Entry) int {
	if e.Open() {
		return -1
	}
	return 1
}
