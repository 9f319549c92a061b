package receiver_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/autorollback/autorollback/receiver"
	"github.com/autorollback/autorollback/record"
)

func from(addr string) func(*http.Request) {
	return func(r *http.Request) { r.RemoteAddr = addr }
}

func TestOneAddressDoesNotTakeEveryPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		land := make(chan struct{})
		d := open(t, func(_ context.Context, a []record.Alert) error { <-land; return nil }, receiver.Config{})
		codes := make(chan int, 64)
		for range 64 {
			go func() { codes <- d.serve(call(firing, from("192.0.2.1:1"))).Code }()
		}
		synctest.Wait()
		if n := len(codes); n != 32 {
			t.Errorf("%d of 64 requests of one address were sent away, want 32", n)
		}
		other := make(chan int, 1)
		go func() { other <- d.serve(call(firing, from("192.0.2.2:1"))).Code }()
		synctest.Wait()
		close(land)
		if code := <-other; code != 200 {
			t.Errorf("another address gets %d", code)
		}
		for range 64 {
			<-codes
		}
		if w := d.serve(call(firing, from("192.0.2.1:1"))); w.Code != 200 {
			t.Errorf("afterwards: %d", w.Code)
		}
	})
}

// Bodies that are large, or that do not say how large they are, and never end, keep out each
// other, and not the small ones.
func TestLargeBodiesWaitForTheirTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, accept, receiver.Config{})
		codes := make(chan int, 4)
		slow := make([]*io.PipeWriter, 4)
		for i := range slow {
			body, w := io.Pipe()
			slow[i] = w
			go func() {
				codes <- d.serve(call("", func(r *http.Request) { r.Body, r.ContentLength = body, []int64{-1, 65<<10 + 1}[i%2] })).Code
			}()
		}
		synctest.Wait()
		if w := d.serve(call(firing)); w.Code != 200 {
			t.Errorf("a small body gets %d", w.Code)
		}
		for range 2 {
			if code := <-codes; code != 503 {
				t.Errorf("a third large body gets %d", code)
			}
		}
		for _, w := range slow {
			go func() { _, _ = io.WriteString(w, firing); _ = w.Close() }()
		}
		for range 2 {
			if code := <-codes; code != 200 {
				t.Errorf("a large body gets %d", code)
			}
		}
		for _, w := range slow {
			_ = w.CloseWithError(io.ErrClosedPipe)
		}
	})
}

// What is refused is refused where it begins, not once everything was read.
func TestABodyIsReadNoFurtherThanItsMistake(t *testing.T) {
	tail := strings.Repeat("{},", 1<<20)
	for name, body := range map[string]string{
		"too many alerts": `{"version":"4","alerts":[` + tail,
		"deep":            `{"x":` + strings.Repeat("[", 1<<20),
		"no alerts":       `{"alerts":"` + `",` + tail,
		"a list as label": `{"alerts":[{"labels":{"a":[` + tail,
	} {
		t.Run(name, func(t *testing.T) {
			d, rest := open(t, accept, receiver.Config{}), strings.NewReader(body)
			w := d.serve(call("", func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(rest), -1 }))
			if read := len(body) - rest.Len(); w.Code == 200 || read > 16<<10 {
				t.Errorf("answers %d after %d bytes", w.Code, read)
			}
		})
	}
}

func TestNeededLabelsAreFoundBehindManyOthers(t *testing.T) {
	in, got := keepAll()
	d := open(t, in, receiver.Config{})
	many := strings.Repeat(`"a":"b",`, 10)
	for i := range 500 {
		many += `"` + strings.Repeat("a", i+1) + `":"` + strings.Repeat("b", 5000) + `",`
	}
	if w := d.serve(call(strings.Replace(firing, `"labels":{`, `"labels":{`+many, 1))); w.Code != 200 {
		t.Fatalf("answers %d: %s", w.Code, w.Body)
	}
	if a := (*got)[0]; a.Service != "ranker" || a.Trigger != "latency" || a.Severity != "severe" {
		t.Errorf("got %+v", a)
	}
}
