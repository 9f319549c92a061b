// Package bearer checks bearer tokens that stand in a file, one a line, and can be rotated while
// a listener runs. What the file must be, package secret says. It never logs a token, and never keeps one but as a hash.
package bearer

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"strings"
	"sync"

	"github.com/autorollback/autorollback/secret"
	"go.uber.org/zap"
)

// Tokens are the hashes of the valid bearer tokens. A nil *Tokens demands none.
type Tokens struct {
	path string
	log  *zap.Logger

	mu     sync.Mutex
	file   [sha256.Size]byte // of the text last read, good or bad
	broken string            // why it could not be read last time
	hashes [][sha256.Size]byte
}

// Open reads the file once, so that a bad one is refused at the start. Without a path there are
// none, and nothing is demanded.
func Open(path string, log *zap.Logger) (*Tokens, error) {
	if path == "" {
		return nil, nil
	}
	text, err := secret.Read(path, secret.Group)
	if err != nil {
		return nil, fmt.Errorf("read bearer tokens: %w", err)
	}
	hashes, err := parseTokens(text)
	if err != nil {
		return nil, fmt.Errorf("read bearer tokens: %s: %w", path, err)
	}
	return &Tokens{path: path, log: log, file: sha256.Sum256(text), hashes: hashes}, nil
}

// Allow reports whether the values of a request's Authorization header are one valid bearer token. It
// compares every token, so that time tells nothing of which one was near, and reads the file
// again, so that tokens can be rotated.
func (t *Tokens) Allow(headers []string) bool {
	if t == nil {
		return true
	}
	if len(headers) != 1 {
		return false
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	got, match := sha256.Sum256([]byte(token)), 0
	for _, want := range t.current() {
		match |= subtle.ConstantTimeCompare(got[:], want[:])
	}
	return match == 1
}

// current reads the file again. A file that cannot be used (half written, gone for
// a moment) leaves the tokens as they were.
func (t *Tokens) current() [][sha256.Size]byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	text, err := secret.Read(t.path, secret.Group)
	if err != nil {
		if t.broken != err.Error() {
			t.broken = err.Error()
			t.log.Error("bearer tokens not read again; the ones before stay valid", zap.Error(err))
		}
		return t.hashes
	}
	t.broken = ""
	sum := sha256.Sum256(text)
	if sum == t.file {
		return t.hashes
	}
	t.file = sum
	hashes, err := parseTokens(text)
	if err != nil {
		t.log.Error("bearer tokens not read again; the ones before stay valid",
			zap.String("file", t.path), zap.Error(err))
		return t.hashes
	}
	t.log.Info("bearer tokens read again", zap.String("file", t.path), zap.Int("tokens", len(hashes)))
	t.hashes = hashes
	return t.hashes
}

func parseTokens(text []byte) ([][sha256.Size]byte, error) {
	tokens, err := secret.Tokens(text, secret.Least)
	hashes := make([][sha256.Size]byte, 0, len(tokens))
	for _, token := range tokens {
		hashes = append(hashes, sha256.Sum256([]byte(token.Reveal())))
	}
	return hashes, err
}
