package recording

import "github.com/autorollback/autorollback/shadow"

// halves joins requests and answers that stand apart in a stream, by id. It holds at
// most limit that wait for their other half; of more, the oldest goes on without.
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

// add fills in one half by set and hands over what is now complete or too old.
func (h *joiner) add(id string, set func(*exchange), yield func(shadow.Record, error) bool) bool {
	one, ok := h.waiting[id]
	if !ok {
		one = &exchange{record: shadow.Record{ID: id}}
		h.waiting[id] = one
		h.order = append(h.order, id)
	}
	set(one)
	if one.hasRequest && one.hasResponse {
		delete(h.waiting, id)
		h.compact()
		return yield(one.record, nil)
	}
	for len(h.waiting) > h.limit {
		if !h.evictOldest(yield) {
			return false
		}
	}
	return true
}

// oldest hands over the one that waited longest.
func (h *joiner) evictOldest(yield func(shadow.Record, error) bool) bool {
	for len(h.order) > 0 {
		id := h.order[0]
		h.order = h.order[1:]
		if one, ok := h.waiting[id]; ok {
			delete(h.waiting, id)
			return yield(one.record, nil)
		}
	}
	return true
}

// tidy forgets the order of what is gone, once that is most of it.
func (h *joiner) compact() {
	if len(h.order) < 64 || len(h.order) < 4*len(h.waiting) {
		return
	}
	kept := make([]string, 0, len(h.waiting))
	for _, id := range h.order {
		if _, ok := h.waiting[id]; ok {
			kept = append(kept, id)
		}
	}
	h.order = kept
}

// rest hands over all that wait, the oldest first.
func (h *joiner) flush(yield func(shadow.Record, error) bool) bool {
	for len(h.waiting) > 0 {
		if !h.evictOldest(yield) {
			return false
		}
	}
	return true
}
