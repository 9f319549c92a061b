package receiver

import (
	"net/http"
	"sync"
	"time"
)

const (
	maxInFlight = 48
	maxFromOne  = 32 // of them from one address
	largeBody   = 64 << 10
	maxLarge    = 2 // requests in flight whose body is larger, or of unknown length
	largeWait   = time.Second
)

// A gate bounds the requests in flight. What is large waits for its turn, and what is small
// passes it.
type gate struct {
	large chan struct{}

	mu    sync.Mutex
	all   int
	holds map[string]int // how many of all, by address
}

func newGate() *gate {
	return &gate{large: make(chan struct{}, maxLarge), holds: map[string]int{}}
}

// enter admits a request until leave is called; a nil leave says that there is no room.
func (g *gate) enter(host string) (leave func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all >= maxInFlight || g.holds[host] >= maxFromOne {
		return nil
	}
	g.all++
	g.holds[host]++
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.all--
		if g.holds[host]--; g.holds[host] == 0 {
			delete(g.holds, host)
		}
	}
}

// turn waits for a large body's turn.
func (g *gate) turn(req *http.Request) (leave func()) {
	if req.ContentLength >= 0 && req.ContentLength <= largeBody {
		return func() {}
	}
	select {
	case g.large <- struct{}{}:
		return func() { <-g.large }
	case <-time.After(largeWait):
		return nil
	}
}
