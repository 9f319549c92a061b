package shadow

import (
	"errors"
	"fmt"
	"strings"
)

// A Path names fields of a body: keys with dots between them, [*] for every element
// of a list, * for any key, ** for any number of steps. A key with other characters
// than letters, digits, _ and - is written ["like this"].
type Path struct{ Steps []string }

const (
	AnyElement = "[*]"
	anyKey     = "*"
	anySteps   = "**"
	StepLength = "length()" // how many elements a list has
)

func ParsePath(text string) (Path, error) {
	var p Path
	for rest := text; rest != ""; {
		step, tail, err := nextStep(rest)
		if err != nil {
			return p, fmt.Errorf("%q %w", Clip(text, 80), err)
		}
		p.Steps = append(p.Steps, step)
		if tail != "" && tail[0] == '.' {
			tail = tail[1:]
			if tail == "" || tail[0] == '[' {
				return p, fmt.Errorf("%q has a dot without a key behind it", Clip(text, 80))
			}
		} else if tail != "" && tail[0] != '[' {
			return p, fmt.Errorf("%q lacks a dot before %q", Clip(text, 80), Clip(tail, 20))
		}
		rest = tail
	}
	if len(p.Steps) == 0 {
		return p, errors.New("the path is empty")
	}
	return p, nil
}

func nextStep(text string) (step, rest string, err error) {
	switch {
	case strings.HasPrefix(text, AnyElement):
		return AnyElement, text[len(AnyElement):], nil
	case strings.HasPrefix(text, `["`):
		key, tail, ok := strings.Cut(text[2:], `"]`)
		if !ok {
			return "", "", errors.New(`lacks the closing "]`)
		}
		return key, tail, nil
	case text[0] == '[':
		return "", "", errors.New("names one element; write [*] for all of them")
	}
	end := strings.IndexAny(text, ".[")
	if end < 0 {
		end = len(text)
	}
	if end == 0 {
		return "", "", errors.New("has an empty key")
	}
	return text[:end], text[end:], nil
}

// Matches says whether a field's steps are named by the pattern.
func (p Path) Matches(steps []string) bool { return stepsMatch(p.Steps, steps) }

func stepsMatch(want, have []string) bool {
	for i, w := range want {
		if w == anySteps {
			for skip := range len(have) - i + 1 {
				if stepsMatch(want[i+1:], have[i+skip:]) {
					return true
				}
			}
			return false
		}
		if i >= len(have) || !(w == have[i] || w == anyKey && have[i] != AnyElement) {
			return false
		}
	}
	return len(want) == len(have)
}

// FormatPath writes steps as a path.
func FormatPath(steps []string) string {
	var b strings.Builder
	for _, s := range steps {
		switch {
		case s == AnyElement:
			b.WriteString(s)
		case plainKey(s) || s == StepLength:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s)
		default:
			b.WriteString(`["` + Clip(s, 100) + `"]`)
		}
	}
	return b.String()
}

func plainKey(key string) bool {
	for _, c := range key {
		if !(c == '_' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') {
			return false
		}
	}
	return key != ""
}
