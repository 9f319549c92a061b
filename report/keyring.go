package report

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"github.com/autorollback/autorollback/secret"
)

var kidForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,32}$`)

// A Keyring signs and verifies approval links. All replicas must share one: a link
// made by one is opened at another. The first key signs, all verify, so a key is
// rotated by putting the new one on top, and taking the old one away once the
// links it signed have expired. The zero Keyring signs nothing and accepts nothing.
type Keyring struct {
	audience string
	keys     []key
}

type key struct {
	id     string
	secret secret.Value
}

// GenerateKey returns one new line of a keyring file: a random key id and 32 random
// bytes.
func GenerateKey() secret.Value {
	id, raw := make([]byte, 4), make([]byte, secret.Least)
	_, _ = rand.Read(id) // crypto/rand never fails: it ends the program instead
	_, _ = rand.Read(raw)
	return secret.New("k" + hex.EncodeToString(id) + ":" + base64.StdEncoding.EncodeToString(raw))
}

// LoadKeyring reads a keyring file: one key per line, `kid:base64`, at least 32
// bytes each; blank lines and lines that begin with # are skipped. It refuses a
// file that anybody but its owner may read or write.
func LoadKeyring(path string) (Keyring, error) {
	text, err := secret.Read(path, secret.Owner)
	if err != nil {
		return Keyring{}, fmt.Errorf("read keyring: %w", err)
	}
	ring, err := ParseKeyring(text)
	if err != nil {
		return Keyring{}, fmt.Errorf("keyring %s: %w", path, err)
	}
	return ring, nil
}

// ParseKeyring parses the text of a keyring file. Errors name the line, and never
// quote a key.
func ParseKeyring(text []byte) (Keyring, error) {
	var ring Keyring
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		k, err := parseKey(line)
		if err != nil {
			return Keyring{}, fmt.Errorf("line %d: %w", i+1, err)
		}
		if _, twice := ring.find(k.id); twice {
			return Keyring{}, fmt.Errorf("line %d: key id %q is used twice; give each key an id of its own", i+1, k.id)
		}
		ring.keys = append(ring.keys, k)
	}
	if len(ring.keys) == 0 {
		return Keyring{}, errors.New("no key in it; one line is kid:base64 of at least 32 random bytes, e.g. from: echo \"k1:$(head -c 32 /dev/urandom | base64)\"")
	}
	return ring, nil
}

func parseKey(line string) (key, error) {
	id, encoded, ok := strings.Cut(line, ":")
	if !ok || !kidForm.MatchString(id) {
		return key{}, errors.New("want kid:base64, with a kid of 1 to 32 letters, digits, dots, dashes and underscores")
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return key{}, fmt.Errorf("key %q is not standard base64", id)
	}
	if err := secret.Weak(raw, secret.Least); err != nil {
		return key{}, fmt.Errorf("key %q %w", id, err)
	}
	return key{id: id, secret: secret.New(string(raw))}, nil
}

// EnsureKeyring loads the keyring file, and makes one with a generated key first if
// there is none. It is for the embedded default, where one process is all there is.
func EnsureKeyring(path string) (Keyring, error) {
	if _, err := os.Lstat(path); err == nil {
		return LoadKeyring(path)
	}
	// Another replica may begin at the same time: the file appears whole, or not at all.
	temp := path + "." + rand.Text()
	err := os.WriteFile(temp, []byte(GenerateKey().Reveal()+"\n"), 0o600)
	if err == nil {
		err = os.Link(temp, path)
	}
	if err = errors.Join(err, os.Remove(temp)); err != nil && !errors.Is(err, fs.ErrExist) {
		return Keyring{}, fmt.Errorf("make keyring: %w", err)
	}
	return LoadKeyring(path)
}

// For returns the keyring bound to an audience, usually the daemon's external URL: a
// link signed for one audience is refused by every other, so that two environments
// that share a key file by mistake do not share approvals.
func (k Keyring) For(audience string) Keyring {
	k.audience = audience
	return k
}

// Empty reports whether there is no key: approvals by link are off.
func (k Keyring) Empty() bool { return len(k.keys) == 0 }

func (k Keyring) find(id string) (key, bool) {
	for _, have := range k.keys {
		if have.id == id {
			return have, true
		}
	}
	return key{}, false
}
