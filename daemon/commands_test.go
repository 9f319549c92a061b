package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/demo"
)

// A runbook that has a program run is refused unless the flag allows it: whoever may write runbooks may
// not run what the daemon may.
func TestCommandsTakeTheFlag(t *testing.T) {
	for _, allowed := range []bool{true, false} {
		err := begin(t, func(dir string, cfg *Config) {
			cfg.Commands = allowed
			text := strings.Replace(string(demo.Runbook), "\nevidence:\n", "\nevidence:\n  samples: {sources: [{command: [/bin/cat, /etc/hostname]}]}\n", 1)
			if err := os.WriteFile(filepath.Join(dir, "ranker.yaml"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		})
		if (err == nil) != allowed || err != nil && !strings.Contains(err.Error(), "evidence names the command /bin/cat, and --evidence.allow-commands is not set") {
			t.Errorf("allowed %v: %v", allowed, err)
		}
	}
}
