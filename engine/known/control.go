package known

import (
	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
)

// A control is what was last seen of the stop switch: its value, its index in the store, and the id of
// the order that it was written or noticed by, which sorts by time. A store that went back has an
// older order; who writes or deletes the switch alone leaves it as it is, until a daemon notices.
type control struct {
	value record.Control
	index uint64
	order string
}

// InForce is the stop switch that holds where it was just read at an index; 0: there is none. Where that is
// older than what is known, it does not let anything happen that the known one stops.
func (m *Memory) InForce(found record.Control, index uint64) record.Control {
	m.mu.Lock()
	defer m.mu.Unlock()
	if index < m.control.index && policy.StopsLess(found, m.control.value) {
		return m.control.value
	}
	return found
}

// LearnControl takes the stop switch as it was just read, and returns what is to be written down.
// lost is the known one, where the store went back in time and stops less: then nothing is taken.
func (m *Memory) LearnControl(found record.Control, index uint64, order string) (news *record.Seen, lost *record.Control) {
	m.mu.Lock()
	defer m.mu.Unlock()
	was := m.control
	if order < was.order && policy.StopsLess(found, was.value) {
		return nil, &was.value
	}
	m.control = control{found, index, order}
	if m.control == was || index == 0 && was.index == 0 {
		return nil, nil
	}
	return &record.Seen{Region: m.region, Control: &found, Index: index, Order: order}, nil
}
