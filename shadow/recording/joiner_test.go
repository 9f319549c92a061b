package recording

import (
	"fmt"
	"testing"

	"github.com/autorollback/autorollback/shadow"
)

// Requests without answers do not pile up.
func TestWaitingHalvesAreBounded(t *testing.T) {
	h, out := newJoiner(100), 0
	yield := func(shadow.Record, error) bool { out++; return true }
	h.add("stuck", func(h *exchange) { h.hasRequest = true }, yield)
	for i := range 50_000 {
		id := fmt.Sprint(i)
		h.add(id, func(h *exchange) { h.hasRequest = true }, yield)
		if i%2 == 0 {
			h.add(id, func(h *exchange) { h.hasResponse = true }, yield)
		}
		if len(h.waiting) > 100 || h.order.Len() != len(h.waiting) {
			t.Fatalf("%d wait, %d in order", len(h.waiting), h.order.Len())
		}
	}
	if h.flush(yield); out != 50_001 {
		t.Errorf("%d came out", out)
	}
}
