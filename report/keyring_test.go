package report

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/autorollback/autorollback/secret"
)

func TestParseKeyringRefuses(t *testing.T) {
	long := base64.StdEncoding.EncodeToString([]byte("0123456789abcdefghijklmnopqrstuv"))
	for name, c := range map[string]struct{ text, want string }{
		"empty":         {"", "no key in it"},
		"only comments": {"# k1:" + long + "\n\n", "no key in it"},
		"no kid":        {long, "line 1: want kid:base64"},
		"empty kid":     {":" + long, "line 1: want kid:base64"},
		"odd kid":       {"k 1:" + long, "line 1: want kid:base64"},
		"no base64":     {"# x\nk1:***", `line 2: key "k1" is not standard base64`},
		"short":         {"k1:" + base64.StdEncoding.EncodeToString(make([]byte, 31)), `line 1: key "k1" has 31 bytes, at least 32 are needed`},
		"zeros":         {"k1:" + base64.StdEncoding.EncodeToString(make([]byte, 32)), `line 1: key "k1" repeats itself`},
		"twice":         {"k1:" + long + "\nk1:" + long, `line 2: key id "k1" is used twice`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseKeyring([]byte(c.text))
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got %v, want %s…", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), long) {
				t.Error("the error quotes the key")
			}
		})
	}
}

func TestLoadKeyringModes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, []byte(GenerateKey().Reveal()), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, ok := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o640: false, 0o604: false, 0o620: false, 0o644: false, 0o601: false} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := LoadKeyring(path)
		if (err == nil) != ok {
			t.Errorf("mode %04o: %v", mode, err)
		}
		if err != nil && !strings.Contains(err.Error(), "run: chmod 600") {
			t.Errorf("mode %04o: the error does not say what to do: %v", mode, err)
		}
	}
}

func TestEnsureKeyring(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	first, err := EnsureKeyring(path)
	if err != nil {
		t.Fatal(err)
	}
	second, err := EnsureKeyring(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.Verify(first.Sign(approval()), breach); err != nil {
		t.Errorf("the second start does not know the first one's link: %v", err)
	}
}

// A printed keyring shows none of its keys.
func TestKeyringStaysInside(t *testing.T) {
	const canary = "CANARY-4711"
	key := "k1:" + base64.StdEncoding.EncodeToString([]byte(canary+"abcdefghijklmnopqrstuvwxyz"))
	if strings.Contains(fmt.Sprintf("%+v", ring(t, secret.New(key))), canary) {
		t.Error("a printed keyring shows its keys")
	}
}

// Replicas that begin at once share one key, and none finds a file without one.
func TestKeyringOfReplicasThatBeginAtOnce(t *testing.T) {
	for range 50 {
		path := filepath.Join(t.TempDir(), "keys")
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if keys, err := EnsureKeyring(path); err != nil || keys.Empty() {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
}
