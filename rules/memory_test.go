package rules

import (
	"errors"
	"fmt"
	"testing"
)

func TestMemoryParsesATextOnce(t *testing.T) {
	m, times := memory{}, 0
	parse := func() (Expr, error) { times++; return Expr{"up"}, nil }
	for range 3 {
		if e, err := m.get("up", parse); err != nil || e.String() != "up" {
			t.Fatalf("got %q, %v", e, err)
		}
	}
	if times != 1 {
		t.Errorf("parsed %d times, want once", times)
	}
}

func TestMemoryIsBoundedAndKeepsNoErrors(t *testing.T) {
	m, bad := memory{}, errors.New("bad")
	for n := range 3*mostKept + 1 {
		if _, err := m.get(fmt.Sprint(n), func() (Expr, error) { return Expr{fmt.Sprint(n)}, nil }); err != nil {
			t.Fatal(err)
		}
	}
	if len(m.known) > mostKept {
		t.Errorf("it keeps %d expressions, more than %d", len(m.known), mostKept)
	}
	for range 2 {
		if _, err := m.get("(", func() (Expr, error) { return Expr{}, bad }); !errors.Is(err, bad) {
			t.Errorf("got %v, want the parser's error each time", err)
		}
	}
}
