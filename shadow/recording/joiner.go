package recording

import "github.com/autorollback/autorollback/shadow"

// A joiner joins requests and answers that stand apart in a stream, by id. It holds at
// most limit that wait for the other part; of more, the oldest goes on without.
type joiner struct {
	limit   int
	waiting map[string]*exchange
	order   []string // as they came; ids that are gone stay until they are passed
}

type exchange struct {
	record      shadow.Record
	hasRequest  bool
	hasResponse bool
}

func newJoiner(limit int) *joiner { return &joiner{limit: limit, waiting: map[string]*exchange{}} }

// add fills in one part by set and hands over what is now complete or too old.
func (j *joiner) add(id string, set func(*exchange), yield func(shadow.Record, error) bool) bool {
	one, ok := j.waiting[id]
	if !ok {
		one = &exchange{record: shadow.Record{ID: id}}
		j.waiting[id] = one
		j.order = append(j.order, id)
	}
	set(one)
	if one.hasRequest && one.hasResponse {
		delete(j.waiting, id)
		j.compact()
		return yield(one.record, nil)
	}
	for len(j.waiting) > j.limit {
		if !j.evictOldest(yield) {
			return false
		}
	}
	return true
}

// evictOldest hands over the one that waited longest.
func (j *joiner) evictOldest(yield func(shadow.Record, error) bool) bool {
	for len(j.order) > 0 {
		id := j.order[0]
		j.order = j.order[1:]
		if one, ok := j.waiting[id]; ok {
			delete(j.waiting, id)
			return yield(one.record, nil)
		}
	}
	return true
}

// compact forgets the order of what is gone, once that is most of it.
func (j *joiner) compact() {
	if len(j.order) < 64 || len(j.order) < 4*len(j.waiting) {
		return
	}
	kept := make([]string, 0, len(j.waiting))
	for _, id := range j.order {
		if _, ok := j.waiting[id]; ok {
			kept = append(kept, id)
		}
	}
	j.order = kept
}

// flush hands over all that wait, the oldest first.
func (j *joiner) flush(yield func(shadow.Record, error) bool) bool {
	for len(j.waiting) > 0 {
		if !j.evictOldest(yield) {
			return false
		}
	}
	return true
}
