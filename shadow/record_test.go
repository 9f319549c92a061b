package shadow

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
)

func TestSamplingIsStable(t *testing.T) {
	// FNV-1a of these ids is published: a 64-bit hash of "" is cbf29ce484222325.
	if HashID("") != 0xcbf29ce484222325 || HashID("a") != 0xaf63dc4c8601ec8c {
		t.Fatal("this is not FNV-1a")
	}
	n := 0
	for i := range 100_000 {
		id := fmt.Sprint("request-", i)
		if Sampled(id, 500) {
			n++
			if !Sampled(id, 1000) {
				t.Fatal("5 % is not part of 10 %")
			}
		}
	}
	if n < 4800 || n > 5200 {
		t.Errorf("%d of 100,000 at 5 %%", n)
	}
	if Sampled("x", 0) || Sampled("x", -5) || !Sampled("x", 10_000) {
		t.Error("none or all is wrong")
	}
}

func TestOnlyTheFirstBadRecordsAreKept(t *testing.T) {
	for show, want := range map[int]int{0: 10, 3: 3, -1: 0} {
		b := Bad{Show: show}
		for range 50 {
			b.Note(BadRecord{})
		}
		if b.Note(errors.New("another")) || b.Count != 50 || len(b.First) != want {
			t.Errorf("show %d: count %d, first %d", show, b.Count, len(b.First))
		}
	}
}

func TestSegmentsFromHeaderAndBody(t *testing.T) {
	rec := Record{Segment: map[string]string{"own": "o", "other": "x"}, Request: Request{
		Headers: Headers{"x-country": "DE"},
		Body:    Body(`{"inputs":[{"name":"tier","shape":[1],"datatype":"BYTES","data":["gold"]}],"user":{"age":7}}`),
	}}
	got := SegmentOf([]SegmentRule{{Name: "own"}, {Name: "country", Header: "X-Country"}, {Name: "tier", Body: "inputs.tier[*]"}, {Name: "age", Body: "user.age"}, {Name: "none", Body: "a.b"}, {Name: "nothing", Header: "X"}}, &rec)
	if want := map[string]string{"own": "o", "country": "DE", "tier": "gold", "age": "7"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := SegmentOf(nil, &rec); len(got) != 2 {
		t.Errorf("without rules %v", got)
	}
}
