package bearer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

const token = "0123456789-abcdefghij-klmnopqrstuvwxyz"

// A file that becomes open to others, or is replaced by a weak token, changes nothing and is told once.
func TestAFileThatGoesBadChangesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	write := func(text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	write(token, 0o640)
	core, logs := observer.New(zap.InfoLevel)
	tokens, err := Open(path, zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	weak := strings.Repeat("a", 40)
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		told string
	}{
		"everybody may write": {weak + "\n" + token[1:], 0o666, "its mode is 0666"},
		"forty times a":       {weak, 0o600, "repeats itself"},
		"nothing":             {"", 0o600, "no token in it"},
	} {
		write(c.text, c.mode)
		logs.TakeAll()
		for range 3 {
			for text, want := range map[string]bool{token: true, token[1:]: false, weak: false, "": false} {
				if got := tokens.Allow([]string{"Bearer " + text}); got != want {
					t.Errorf("%s: %q is allowed: %v", name, text, got)
				}
			}
		}
		told := logs.TakeAll()
		if len(told) != 1 || !strings.Contains(told[0].ContextMap()["error"].(string), c.told) {
			t.Errorf("%s: told %v", name, told)
		}
		write(token, 0o600)
		tokens.Allow([]string{"Bearer " + token})
	}
}
