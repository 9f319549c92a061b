package rules

import "sync"

// memory keeps expressions that were parsed: the questions about one release are the
// same at every alert and every poll, and parsing and laying them out takes as long as
// a round trip. The zero value is ready, and safe for several goroutines.
type memory struct {
	mu    sync.Mutex
	known map[string]Expr
}

// mostKept bounds a memory, which is emptied when it is full: releases come and go.
const mostKept = 1000

func (m *memory) get(text string, parse func() (Expr, error)) (Expr, error) {
	m.mu.Lock()
	e, ok := m.known[text]
	m.mu.Unlock()
	if ok {
		return e, nil
	}
	e, err := parse()
	if err != nil {
		return e, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil || len(m.known) >= mostKept {
		m.known = map[string]Expr{}
	}
	m.known[text] = e
	return e, nil
}
