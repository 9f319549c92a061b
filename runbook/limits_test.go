package runbook_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/runbook"
)

// repeat is n lines, each with its number.
func repeat(n int, line string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, line, i)
	}
	return b.String()
}

// However much is wrong, the answer is short, and what it took is no multiple of the file.
func TestAnswersToHostileFilesAreShort(t *testing.T) {
	long := strings.Repeat("a", 900<<10)
	for name, text := range map[string]string{
		"many unknown keys":   repeat(90_000, "key%d: 1\n"),
		"as many as are read": repeat(18_000, "key%d: 1\n"),
		"in a known mapping":  "stable:\n" + repeat(15_000, "  key%d: 1\n"),
		"a long unknown key":  "? " + long + "\n: 1\n",
		"a long value":        "service: " + long + "\n",
		"a long map key":      "stable: {bundle: {flags: {\"" + long + "\": [1]}}}\n",
		"a long anchor":       "service: *" + long + "\n",
		"deep":                strings.Repeat("[", 200_000),
		"deep, and closed":    strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000),
		"many documents":      strings.Repeat("---\na\n", 5_000),
		"no text":             strings.Repeat("\x00", 900<<10),
		"one long list":       "regions: [" + strings.Repeat("a,", 19_000) + "]\n",
		"one longer list":     "regions: [" + strings.Repeat("a,", 400_000) + "]\n",
		"the same key":        strings.Repeat("service: a\n", 19_000),
		"billion laughs":      "a: &a [x,x,x,x,x,x,x,x,x]\n" + repeat(9, "b%[1]d: &b%[1]d [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"),
		"aliases of a list":   "regions: &r [" + strings.Repeat("*r,", 9_000) + "]\n",
		"merges":              "a: &a {b: 1}\n<<: [" + strings.Repeat("*a,", 9_000) + "]\n",
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := runbook.ParseLaunch("release.yaml", []byte(text))
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Fatal("was taken")
			}
			if n := len(err.Error()); n > 16<<10 {
				t.Errorf("the answer has %d bytes", n)
			}
			if n := strings.Count(err.Error(), "\n") + 1; n > 21 {
				t.Errorf("the answer has %d lines", n)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > 48<<20 {
				t.Errorf("took %d MiB of %d bytes", took>>20, len(text))
			}
		})
	}
}

func TestFurtherProblemsAreCounted(t *testing.T) {
	_, err := runbook.Parse("r.yaml", []byte(repeat(100, "key%d: 1\n")))
	lines := strings.Split(err.Error(), "\n")
	if last := lines[len(lines)-1]; len(lines) != 21 || last != "and 80 more" && !strings.HasPrefix(last, "and ") {
		t.Errorf("%d lines, the last is %q", len(lines), last)
	}
}

// A message is read in a terminal, and on a page.
func TestMessagesHaveNothingThatATerminalObeys(t *testing.T) {
	for _, key := range []string{"\u202eecivres", "a\u2028b", "\x1b[31mred", "a\u0000b", "\ufeffx", "a\u200bb"} {
		_, err := runbook.Parse("r.yaml", []byte(fmt.Sprintf("%+q: 1\n", key)))
		if err == nil {
			t.Fatalf("%q was taken", key)
		}
		for _, r := range err.Error() {
			if r != '\n' && !strings.ContainsRune("…", r) && (r < ' ' || r > '~') {
				t.Errorf("%q: the message has %q:\n%s", key, r, err)
			}
		}
	}
}

// A file that is a link to something without an end is an error, and no endless read.
func TestAFileWithoutAnEndIsAnError(t *testing.T) {
	endless := filepath.Join(t.TempDir(), "runbook.yaml")
	if err := os.Symlink("/dev/zero", endless); err != nil {
		t.Fatal(err)
	}
	if _, err := runbook.Load(endless); err == nil || !strings.Contains(err.Error(), "has more than 1048576 bytes") {
		t.Errorf("error is %v", err)
	}
	if _, err := runbook.LoadAll(filepath.Dir(endless)); err == nil {
		t.Error("its folder was taken")
	}
}
