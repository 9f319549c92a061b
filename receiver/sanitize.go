package receiver

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What is kept of one alert's labels and annotations ends up in a record of the
// store and on pages, so it is small and plain.
const (
	keepBytes = 16 << 10 // of one alert, labels before annotations
	keepPairs = 64       // of each map
	keepName  = 128
	keepValue = 1 << 10
)

// sanitizeAll returns a sanitized copy of the pairs, by name, until the space is used up.
func sanitizeAll(from map[string]string, space *int) map[string]string {
	to := make(map[string]string, min(len(from), keepPairs))
	for _, k := range slices.Sorted(maps.Keys(from)) {
		name, value := sanitize(k, keepName), sanitize(from[k], keepValue)
		if name == "" || len(to) == keepPairs || len(name)+len(value) > *space {
			continue
		}
		if _, taken := to[name]; taken {
			continue // two names that differ only in what was stripped: the first one stands
		}
		*space -= len(name) + len(value)
		to[name] = value
	}
	return to
}

// sanitize strips control, direction and other invisible characters, makes every kind of
// white space a space, and cuts at whole characters.
func sanitize(s string, size int) string {
	s = strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c):
			return ' '
		case c == utf8.RuneError || !unicode.IsPrint(c):
			return -1
		}
		return c
	}, s)
	if len(s) <= size {
		return s
	}
	for size > 0 && !utf8.RuneStart(s[size]) {
		size--
	}
	return s[:size]
}
