// Package bearer checks bearer tokens that stand in a file, one a line, and can be rotated while
// a listener runs. It never logs a token, and never keeps one but as a hash.
package bearer

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"go.uber.org/zap"
)

const (
	minToken     = 32
	maxTokenFile = 64 << 10
)

// Tokens are the hashes of the valid bearer tokens. A nil *Tokens demands none.
type Tokens struct {
	path string
	log  *zap.Logger

	mu     sync.Mutex
	file   [sha256.Size]byte // of the text last read, good or bad
	hashes [][sha256.Size]byte
}

// Open reads the file once, so that a bad one is refused at the start. Without a path there are
// none, and nothing is demanded.
func Open(path string, log *zap.Logger) (*Tokens, error) {
	if path == "" {
		return nil, nil
	}
	text, err := readSome(path)
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
	text, err := readSome(t.path)
	if err != nil {
		t.log.Error("bearer tokens not read again; the ones before stay valid", zap.Error(err))
		return t.hashes
	}
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
	var hashes [][sha256.Size]byte
	for i, line := range bytes.Split(text, []byte("\n")) {
		token := bytes.TrimSpace(line)
		switch {
		case len(token) == 0:
			continue
		case len(token) < minToken:
			return nil, fmt.Errorf("line %d: a token has %d bytes, at least %d are needed", i+1, len(token), minToken)
		}
		hashes = append(hashes, sha256.Sum256(token))
	}
	if len(hashes) == 0 {
		return nil, fmt.Errorf("no token in it")
	}
	return hashes, nil
}

func readSome(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxTokenFile))
}
