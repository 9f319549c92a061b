package receiver

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// What one value of a body may be. Alertmanager nests three deep.
const (
	maxDepth = 32
	maxText  = 4 << 10 // bytes of a text that are looked at; the rest is passed over
)

var (
	errDeep  = errors.New("nested too deep")
	errOther = errors.New("a value of another type than Alertmanager writes")
)

// A stream reads a body token by token, so that nothing is held but what is kept of it.
type stream struct{ *json.Decoder }

// object reads an object, or null, and calls field for each key; field reads the value.
func (s stream) object(field func(key string) error) error {
	if empty, err := s.open('{'); empty || err != nil {
		return err
	}
	for s.More() {
		key, err := s.Token()
		if err != nil {
			return err
		}
		if err := field(key.(string)); err != nil { // the decoder takes nothing else as a key
			return err
		}
	}
	_, err := s.Token()
	return err
}

// list reads a list, or null, and calls item before each element; item reads it.
func (s stream) list(item func() error) error {
	if empty, err := s.open('['); empty || err != nil {
		return err
	}
	for s.More() {
		if err := item(); err != nil {
			return err
		}
	}
	_, err := s.Token()
	return err
}

// open reads the bracket, or null.
func (s stream) open(bracket json.Delim) (null bool, err error) {
	t, err := s.Token()
	if err == nil && t != nil && t != bracket {
		err = errOther
	}
	return t == nil, err
}

// text reads the beginning of a text; null is empty.
func (s stream) text() (string, error) {
	t, err := s.Token()
	text, ok := t.(string)
	if err == nil && t != nil && !ok {
		err = errOther
	}
	if len(text) > maxText {
		text = strings.Clone(text[:maxText]) // or all of it would be held
	}
	return text, err
}

// number reads a whole number that is not negative; null is 0.
func (s stream) number() (n uint64, err error) {
	if err = s.Decode(&n); err != nil {
		err = fmt.Errorf("%w: not a whole number", errOther)
	}
	return n, err
}

// pass reads a value that nobody needs.
func (s stream) pass() error {
	for depth := 0; ; {
		t, err := s.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth > maxDepth {
			return errDeep
		}
		if depth == 0 {
			return nil
		}
	}
}
