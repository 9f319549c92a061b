package secret

import (
	"bytes"
	"errors"
	"fmt"
	"math"
)

// Least is how long a secret must be that we demand of others or sign with, in bytes.
const Least = 32

// leastVariety is the least entropy of a secret's own bytes, in bits a byte. 32 random hexadecimal digits
// have less than 2.5 once in some billions; words and repetitions of few letters have less.
const leastVariety = 2.5

var errVariety = errors.New("repeats itself; random bytes are needed, e.g. from: openssl rand -hex 32")

// Weak is an error if a secret has fewer bytes than least, or repeats itself, and nil otherwise. The
// error is what comes after the secret's name.
func Weak(text []byte, least int) error {
	switch {
	case len(text) == 0:
		return errors.New("is empty")
	case len(text) < least:
		return fmt.Errorf("has %d bytes, at least %d are needed", len(text), least)
	case variety(text) < leastVariety || periodic(text):
		return errVariety
	}
	return nil
}

// variety is the entropy of the bytes' own frequencies, in bits a byte.
func variety(text []byte) (bits float64) {
	var count [256]int
	for _, b := range text {
		count[b]++
	}
	for _, n := range count {
		if n > 0 {
			p := float64(n) / float64(len(text))
			bits -= p * math.Log2(p)
		}
	}
	return bits
}

// periodic reports whether a text is a shorter one, several times: then it stands in the middle of
// itself twice.
func periodic(text []byte) bool {
	twice := append(bytes.Clone(text), text...)
	return bytes.Contains(twice[1:len(twice)-1], text)
}

// Tokens are those of a text, one a line; empty lines are none.
func Tokens(text []byte, least int) (all []Value, err error) {
	for i, line := range bytes.Split(text, []byte("\n")) {
		token := bytes.TrimSpace(line)
		if len(token) == 0 {
			continue
		}
		if err := Weak(token, least); err != nil {
			return nil, fmt.Errorf("line %d: a token %w", i+1, err)
		}
		all = append(all, New(string(token)))
	}
	if len(all) == 0 {
		return nil, errors.New("no token in it")
	}
	return all, nil
}
