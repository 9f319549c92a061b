package shadow

// halves joins requests and answers that stand apart in a stream, by id. It holds at
// most limit that wait for their other half; of more, the oldest goes on without.
type halves struct {
	limit   int
	waiting map[string]*half
	order   []string // as they came; ids that are gone stay until they are passed
}

type half struct {
	record   Record
	asked    bool
	answered bool
}

func newHalves(limit int) *halves { return &halves{limit: limit, waiting: map[string]*half{}} }

// add fills in one half by set and hands over what is now complete or too old.
func (h *halves) add(id string, set func(*half), yield func(Record, error) bool) bool {
	one, ok := h.waiting[id]
	if !ok {
		one = &half{record: Record{ID: id}}
		h.waiting[id] = one
		h.order = append(h.order, id)
	}
	set(one)
	if one.asked && one.answered {
		delete(h.waiting, id)
		h.tidy()
		return yield(one.record, nil)
	}
	for len(h.waiting) > h.limit {
		if !h.oldest(yield) {
			return false
		}
	}
	return true
}

// oldest hands over the one that waited longest.
func (h *halves) oldest(yield func(Record, error) bool) bool {
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
func (h *halves) tidy() {
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
func (h *halves) rest(yield func(Record, error) bool) bool {
	for len(h.waiting) > 0 {
		if !h.oldest(yield) {
			return false
		}
	}
	return true
}
