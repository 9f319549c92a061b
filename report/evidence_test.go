package report

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/autorollback/autorollback/record"
)

func capture(t *testing.T, f Folder, stage string, parts map[string][]byte) (path, digest string) {
	t.Helper()
	path, digest, err := f.Capture(incidents()["recovered"], stage, parts)
	if err != nil {
		t.Fatal(err)
	}
	return path, digest
}

func parts(text string) map[string][]byte {
	return map[string][]byte{
		"alerts.json": []byte(`[{"service":"ranker"}]`), "queries.json": []byte(text),
		"../../etc/passwd": []byte("x"), ".hidden": nil, ".": nil, "..": nil, ".partial-before-x": nil, "": []byte("unnamed"), "MANIFEST.sha256": []byte("forged"),
		strings.Repeat("long", 100): []byte("y"), "a/b": []byte("1"), "a%2Fb": []byte("2"),
	}
}

func TestCapture(t *testing.T) {
	f := Folder{Dir: filepath.Join(t.TempDir(), "evidence")}
	path, digest := capture(t, f, Before, parts("one"))
	again, same := capture(t, f, Before, parts("two"))
	if again != path || same != digest {
		t.Errorf("the second capture says %s %s, the first said %s %s", again, same, path, digest)
	}
	files, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(parts(""))+1 {
		t.Errorf("%d files, want one for each of %d parts and a manifest", len(files), len(parts("")))
	}
	for _, file := range files {
		info, err := file.Info()
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(file.Name(), ".") || !info.Mode().IsRegular() || info.Mode().Perm() != 0o444 {
			t.Errorf("%s has mode %v", file.Name(), info.Mode())
		}
	}
	if text, _ := os.ReadFile(filepath.Join(path, "queries.json")); string(text) != "one" {
		t.Errorf("the first writer did not win: %q", text)
	}
}

func TestCaptureRefuses(t *testing.T) {
	f := Folder{Dir: t.TempDir()}
	for _, id := range []string{"", ".", "..", "../x", "a/b", "INC", strings.Repeat("a", 81)} {
		if _, _, err := f.Capture(record.Incident{ID: id}, Before, nil); err == nil {
			t.Errorf("incident id %q was taken", id)
		}
	}
	if _, _, err := f.Capture(incidents()["recovered"], "during", nil); err == nil {
		t.Error("stage during was taken")
	}
	path, _ := capture(t, f, Before, parts("one"))
	spoil(t, filepath.Join(path, "alerts.json"), "forged")
	if _, _, err := f.Capture(incidents()["recovered"], Before, parts("one")); err == nil || !strings.Contains(err.Error(), "alerts.json: altered") {
		t.Errorf("an altered stage was taken: %v", err)
	}
	if _, err := f.Seal(incidents()["recovered"], 0, nil); err == nil {
		t.Error("an altered stage was sealed")
	}
}

func spoil(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.Chmod(path, 0o644), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// TestCaptureRace lets replicas capture the same stages at once: all agree, and what
// is there is whole.
func TestCaptureRace(t *testing.T) {
	f := Folder{Dir: t.TempDir()}
	inc := incidents()["recovered"]
	var all sync.WaitGroup
	digests := make([]string, 16)
	for i := range digests {
		all.Go(func() {
			_, digest, err := f.Capture(inc, Before, parts(strings.Repeat("x", i)))
			if err != nil {
				t.Error(err)
			}
			digests[i] = digest
			if _, err := f.Seal(inc, 0, map[string][]byte{"incident.md": []byte("page")}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if slices.Sort(digests); digests[0] != digests[len(digests)-1] {
		t.Errorf("digests differ: %v", digests)
	}
	if p := Check(filepath.Join(f.Dir, inc.ID)); len(p) != 0 {
		t.Errorf("problems: %v", p)
	}
}

// TestCaptureAfterCrash leaves a half-written stage behind, as a crash would.
func TestCaptureAfterCrash(t *testing.T) {
	f := Folder{Dir: t.TempDir()}
	inc := incidents()["recovered"]
	half := filepath.Join(f.Dir, inc.ID, partial+"before-1")
	if err := errors.Join(os.MkdirAll(half, 0o755), os.WriteFile(filepath.Join(half, "alerts.json"), []byte("["), 0o444)); err != nil {
		t.Fatal(err)
	}
	capture(t, f, Before, parts("one"))
	if _, err := f.Seal(inc, 0, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(half); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the half-written stage is still there: %v", err)
	}
	if p := Check(filepath.Join(f.Dir, inc.ID)); len(p) != 0 {
		t.Errorf("problems: %v", p)
	}
}

func TestSealAndCheck(t *testing.T) {
	a := Archive{Folder: Folder{Dir: t.TempDir()}, External: "https://autorollback.example"}
	inc := incidents()["recovered"]
	if err := errors.Join(a.Capture(inc, Before, parts("one")), a.Capture(inc, After, parts("two"))); err != nil {
		t.Fatal(err)
	}
	home, digest, err := a.Seal(inc, ranker())
	if err != nil {
		t.Fatal(err)
	}
	if _, again, err := a.Seal(inc, ranker()); err != nil || again != digest {
		t.Errorf("sealed again: %s, %v; want %s", again, err, digest)
	}
	if p := Check(home); len(p) != 0 {
		t.Fatalf("problems: %v", p)
	}
	text, err := os.ReadFile(filepath.Join(home, manifestName))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"tamper-evident, not tamper-proof", "keep until 2027-02-18", "  incident.html\n", "  after/alerts.json\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the manifest does not say %q:\n%s", want, text)
		}
	}
	independently(t, home)
	inc.Business = &record.Verdict{Outcome: record.Recovered, Reason: "the KPI is back", At: after(3600e9)}
	if _, later, err := a.Seal(inc, ranker()); err != nil || later == digest {
		t.Errorf("a late verdict was not sealed: %s, %v", later, err)
	}
	if text, _ := os.ReadFile(filepath.Join(home, manifestName)); !strings.Contains(string(text), "# replaces "+digest) {
		t.Errorf("the new manifest does not name the old one:\n%s", text)
	}
}

// independently asks the system's own sha256sum.
func independently(t *testing.T, home string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sha256sum", "--check", "--strict", manifestName)
	cmd.Dir = home
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("sha256sum: %v\n%s", err, out)
	}
}

func TestCheckFinds(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, home string)
		want  string
	}{
		"nothing": {func(*testing.T, string) {}, "[]"},
		"an altered file": {func(t *testing.T, home string) {
			spoil(t, filepath.Join(home, Before, "queries.json"), "two")
		}, "[before/queries.json: altered]"},
		"a missing file": {func(t *testing.T, home string) { remove(t, filepath.Join(home, Before, "queries.json")) }, "[before/queries.json: missing]"},
		"an extra file":  {func(t *testing.T, home string) { spoilNew(t, filepath.Join(home, Before, "x")) }, "[before/x: not in the manifest]"},
		"an altered page": {func(t *testing.T, home string) {
			spoil(t, filepath.Join(home, "incident.md"), "all was well")
		}, "[incident.md: altered]"},
		"a link for a file": {func(t *testing.T, home string) {
			path := filepath.Join(home, "incident.md")
			remove(t, path)
			if err := os.Symlink("before/queries.json", path); err != nil {
				t.Fatal(err)
			}
		}, "[incident.md: missing incident.md: not a plain file]"},
		"no manifest":       {func(t *testing.T, home string) { remove(t, filepath.Join(home, manifestName)) }, "[MANIFEST.sha256: no such file or directory]"},
		"a broken manifest": {func(t *testing.T, home string) { spoil(t, filepath.Join(home, manifestName), "hello\n") }, "[MANIFEST.sha256: not a list of sha256 hashes]"},
		"a stage dropped": {func(t *testing.T, home string) {
			if err := os.RemoveAll(filepath.Join(home, After)); err != nil {
				t.Fatal(err)
			}
		}, "[after/MANIFEST.sha256: missing after/queries.json: missing]"},
	} {
		t.Run(name, func(t *testing.T) {
			f := Folder{Dir: t.TempDir()}
			one := map[string][]byte{"queries.json": []byte("one")}
			capture(t, f, Before, one)
			capture(t, f, After, one)
			inc := incidents()["recovered"]
			if _, err := f.Seal(inc, 0, map[string][]byte{"incident.md": []byte("page")}); err != nil {
				t.Fatal(err)
			}
			home := filepath.Join(f.Dir, inc.ID)
			c.spoil(t, home)
			if got := said(Check(home)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func said(problems []Problem) string {
	var out []string
	for _, p := range problems {
		out = append(out, p.Error())
	}
	return "[" + strings.Join(out, " ") + "]"
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func spoilNew(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestRedact(t *testing.T) {
	const canary = "CANARY-4711"
	for name, c := range map[string]struct{ in, want string }{
		"nothing to hide":   {`{"b": 1.50, "a":"x" }`, `{"b": 1.50, "a":"x" }`},
		"max_tokens stays":  {`{"max_tokens":512,"secretary":"x","key":"a"}`, `{"max_tokens":512,"secretary":"x","key":"a"}`},
		"a label":           {`{"labels":{"api_token":"CANARY-4711","n":12345678901234567890}}`, ""},
		"an object":         {`{"credentials":{"user":"CANARY-4711"}}`, ""},
		"camel case":        {`{"apiKey":"CANARY-4711","dbPassword":"CANARY-4711","X-Auth-Token":["CANARY-4711"]}`, ""},
		"JSON in a string":  {`{"v":"{\"password\":\"CANARY-4711\"}"}`, ""},
		"deep in a string":  {`{"v":"{\"credentials\":{\"user\":[\"CANARY-4711\"]}}"}`, ""},
		"a KV entry":        {`[{"Key":"features/ranker/token","Value":"CANARY-4711"},{"key":"a/secret","from":"CANARY-4711","to":"CANARY-4711"}]`, ""},
		"a header in JSON":  {`{"h":"Authorization: Bearer CANARY-4711"}`, ""},
		"a selector":        {`up{token="CANARY-4711",job="x"}`, `up{token=[redacted],job="x"}`},
		"an assignment":     {`dsn=db password=CANARY-4711 host=x`, `dsn=db password=[redacted] host=x`},
		"a nested one":      {`url=http://x?a=1&access_token=CANARY-4711&b=2`, `url=http://x?a=1&access_token=[redacted]&b=2`},
		"a URL's password":  {`postgres://user:CANARY-4711@db/x`, `postgres://user:[redacted]@db/x`},
		"a header":          {"GET /\nAuthorization: Digest user=CANARY-4711, x=CANARY-4711\nHost: x\n", "GET /\nAuthorization: [redacted]\nHost: x\n"},
		"a cookie":          {"Cookie: a=CANARY-4711; b=CANARY-4711", "Cookie: [redacted]"},
		"quoted in text":    {`said "token": "CANARY-4711" and \"token\":\"CANARY-4711\"`, ""},
		"JSON lines":        {`{"token":"CANARY-4711"}` + "\n" + `{"token":"CANARY-4711"}`, ""},
		"a private key":     {"-----BEGIN RSA PRIVATE KEY-----\nCANARY-4711\n-----END RSA PRIVATE KEY-----", "[redacted]"},
		"half a key":        {"-----BEGIN PRIVATE KEY-----\nCANARY-4711", "[redacted]"},
		"our own link":      {"https://x/approve/" + strings.Repeat("A", 50), "https://x/approve/[redacted]"},
		"a webhook's key":   {"whsec_CANARY4711", "[redacted]"},
		"bytes of no text":  {"\x00\xff\x01", "\x00\xff\x01"},
		"bearer in a query": {`header is bearer CANARY-4711xx ok`, `header is bearer [redacted] ok`},
	} {
		t.Run(name, func(t *testing.T) {
			got := string(redact([]byte(c.in)))
			if c.want != "" && got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if strings.Contains(got, canary) || strings.Contains(got, "CANARY4711") {
				t.Errorf("the secret is still there: %s", got)
			}
			if again := string(redact([]byte(got))); again != got {
				t.Errorf("redacted again: %q, before: %q", again, got)
			}
		})
	}
}
