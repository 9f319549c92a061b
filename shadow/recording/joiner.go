package recording

import (
	"container/list"

	"github.com/autorollback/autorollback/shadow"
)

// A joiner joins requests and answers that stand apart in a stream, by id. It holds at
// most limit that wait for the other part; of more, the oldest goes on without.
type joiner struct {
	limit   int
	waiting map[string]*list.Element
	order   list.List // of *exchange, as they came
}

type exchange struct {
	record      shadow.Record
	hasRequest  bool
	hasResponse bool
}

func newJoiner(limit int) *joiner { return &joiner{limit: limit, waiting: map[string]*list.Element{}} }

// add fills in one part by set and hands over what is now complete or too old.
func (j *joiner) add(id string, set func(*exchange), yield func(shadow.Record, error) bool) bool {
	at, ok := j.waiting[id]
	if !ok {
		at = j.order.PushBack(&exchange{record: shadow.Record{ID: id}})
		j.waiting[id] = at
	}
	one := at.Value.(*exchange)
	set(one)
	if one.hasRequest && one.hasResponse {
		return j.release(at, yield)
	}
	return j.order.Len() <= j.limit || j.release(j.order.Front(), yield)
}

func (j *joiner) release(at *list.Element, yield func(shadow.Record, error) bool) bool {
	one := j.order.Remove(at).(*exchange)
	delete(j.waiting, one.record.ID)
	return yield(one.record, nil)
}

// flush hands over all that wait, the oldest first.
func (j *joiner) flush(yield func(shadow.Record, error) bool) bool {
	for j.order.Len() > 0 {
		if !j.release(j.order.Front(), yield) {
			return false
		}
	}
	return true
}
