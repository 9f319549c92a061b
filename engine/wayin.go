package engine

import (
	"sync"
	"time"

	"github.com/autorollback/autorollback/record"
)

// A wayIn remembers what proves that alerts come all the way to this process: the watchdog,
// and the synthetic alerts by which a doctor tries the way. Its zero value is ready to use.
type wayIn struct {
	mu       sync.Mutex
	watchdog time.Time
	came     []synthetic // the newest last
}

// A synthetic is such an alert, as it came.
type synthetic struct {
	id string
	at time.Time
}

// mostSynthetic is how many are remembered: a webhook can make up any number.
const mostSynthetic = 64

// take remembers the watchdog or a synthetic alert, if it came by webhook.
func (w *wayIn) take(a record.Alert, now time.Time) {
	if a.Source != record.Webhook {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if a.Trigger == watchdog {
		w.watchdog = now
		return
	}
	w.came = append(w.came[max(0, len(w.came)-mostSynthetic+1):], synthetic{a.Labels["id"], now})
}

// WatchdogReceived is when the watchdog last came to this process by webhook; zero: never.
func (e *Engine) WatchdogReceived() time.Time {
	e.way.mu.Lock()
	defer e.way.mu.Unlock()
	return e.way.watchdog
}

// SyntheticReceived is when the synthetic alert of that id first came by webhook; zero: it did
// not, or so many came since that it is forgotten.
func (e *Engine) SyntheticReceived(id string) time.Time {
	e.way.mu.Lock()
	defer e.way.mu.Unlock()
	for _, s := range e.way.came {
		if s.id == id {
			return s.at
		}
	}
	return time.Time{}
}
