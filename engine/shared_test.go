package engine

import "testing"

// An answer is shared while it is usable, and asked for anew, once, when it is not.
func TestSharedAnswers(t *testing.T) {
	var s shared[string, int]
	asked, least := 0, 0
	get := func(key string) int {
		return s.get(key, func(v int) bool { return v >= least }, func() int { asked++; return asked })
	}
	for _, c := range []struct {
		name, key   string
		least, want int
		asked       int
	}{
		{"first", "a", 0, 1, 1},
		{"again", "a", 1, 1, 1},
		{"another", "b", 0, 2, 2},
		{"of no use any more", "a", 2, 3, 3},
		{"the newer one", "a", 3, 3, 3},
		{"the other one still", "b", 2, 2, 3},
	} {
		least = c.least
		if got := get(c.key); got != c.want || asked != c.asked {
			t.Errorf("%s: got %d, asked %d times, want %d and %d", c.name, got, asked, c.want, c.asked)
		}
	}
}
