package rules

import "sync"

// asked keeps the questions about the releases in flight, which are the same at every alert
// and every poll: parsing them takes as long as Prometheus takes to answer some. The zero
// value is ready, and safe for several goroutines.
type asked struct {
	mu    sync.Mutex
	known map[string]Expr
}

// mostAsked bounds what is kept: it is emptied when it is full, since releases come and go.
const mostAsked = 300

func (a *asked) get(text string) (Expr, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e, ok := a.known[text]
	return e, ok
}

func (a *asked) keep(text string, e Expr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known == nil || len(a.known) >= mostAsked {
		a.known = map[string]Expr{}
	}
	a.known[text] = e
}
