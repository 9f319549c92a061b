package known

import (
	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
)

// A control is what was last seen of the stop switch, with the indexes of its key and of what was
// noted of it. A store that went back has less of both; who writes or deletes the switch alone
// leaves the note as it is, until a daemon notices.
type control struct {
	value        record.Control
	index, noted uint64
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
func (m *Memory) LearnControl(found record.Control, index, noted uint64) (news *record.Seen, lost *record.Control) {
	m.mu.Lock()
	defer m.mu.Unlock()
	was := m.control
	if noted < was.noted && policy.StopsLess(found, was.value) {
		return nil, &was.value
	}
	m.control = control{found, index, noted}
	if m.control == was || index == 0 && was.index == 0 {
		return nil, nil
	}
	return &record.Seen{Region: m.region, Control: &found, Index: index, Noted: noted}, nil
}

// ControlIsBack says that what was lost of the stop switch was written again, at whatever index.
func (m *Memory) ControlIsBack() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.control.index, m.control.noted = 0, 0
}
