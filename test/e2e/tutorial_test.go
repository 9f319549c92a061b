package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// docs/tutorial-encoder.md, command by command as it stands there, and what it says that they
// print. The model servers count each answer by model and encoder: from before the start until the
// release is rolled back and recovered, none is of a mixed pair, and none of what still reaches v2
// afterwards.
func TestTutorialEncoder(t *testing.T) {
	t.Parallel()
	w := newWalk(t)
	steps := w.tutorial("docs/tutorial-encoder.md")
	start := strings.Split(strings.TrimSpace(w.blocks[0]), "\n")
	if !strings.Contains(start[len(start)-1], "release start") {
		t.Fatalf("the last command of Getting started is %q, not the release", start[len(start)-1])
	}
	script := steps[0].script() + "{\n" + strings.Join(start[:len(start)-1], "\n") + "\n}\n"
	for _, step := range steps[1:] {
		script += step.script()
	}
	started := w.run(script)
	s := &stack{t: t, daemons: []*daemon{{t: t}}} // for its waits
	s.await("the commands to be done", 5*time.Minute, func() error { return w.done(started) })
	for _, step := range steps {
		step.check(t)
	}
	before := w.pairs()
	if len(before) != 4 || before["mixed"] != 0 || before["v1×unset"] == 0 || before["v1×v4"] < 1000 || before["v2×v5"] < 100 {
		t.Fatalf("the model servers counted %v", before)
	}
	pods := w.podsOf("v2")
	w.predict(pods, 20)
	if after := w.pairs(); after["v2×v5"] < before["v2×v5"]+20 || after["mixed"] != 0 {
		t.Errorf("what reaches v2 after the rollback makes %v of %v", after, before)
	}
	// The count is no constant: somebody gives v2 the encoder of v1.
	s.await("a mixed pair to be counted", 20*time.Second, func() error {
		w.put("features/ranker/v2", `{"schema":1,"flags":{"encoder":"v4"},"serving":true}`)
		w.predict(pods, 5)
		if w.pairs()["mixed"] == 0 {
			return fmt.Errorf("counted: %v", w.pairs())
		}
		return nil
	})
}

// A step is a shell block of a tutorial with the text block after it: what it prints, line by line,
// where … stands for anything, a number of three digits or more after a space for any, and lines may be left out.
type step struct {
	commands, prints string
	out              string // where its output goes
}

var numbers = regexp.MustCompile(` \d{3,}`)

var steps = regexp.MustCompile("(?s)```sh\n(.*?)```\n(?:\n```text\n(.*?)```)?")

func (w *walk) tutorial(name string) []step {
	w.t.Helper()
	var all []step
	dir := w.t.TempDir()
	for n, m := range steps.FindAllStringSubmatch(w.read(name), -1) {
		all = append(all, step{w.port(m[1]), m[2], filepath.Join(dir, strconv.Itoa(n))})
	}
	if len(all) < 6 {
		w.t.Fatalf("%s has %d shell blocks", name, len(all))
	}
	return all
}

func (s step) script() string { return "{\n" + s.commands + "} >'" + s.out + "' 2>&1\n" }

func (s step) check(t *testing.T) {
	t.Helper()
	out, err := os.ReadFile(s.out)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s\nprints:\n%s", s.commands, out)
	rest := strings.Split(string(out), "\n")
	for line := range strings.Lines(s.prints) {
		line = strings.TrimSuffix(line, "\n")
		form := regexp.MustCompile("^" + numbers.ReplaceAllString(strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*"), " [0-9]+") + "$")
		for len(rest) > 0 && !form.MatchString(rest[0]) {
			rest = rest[1:]
		}
		if len(rest) == 0 {
			t.Errorf("it prints no line %q, or not in this order", line)
			return
		}
		rest = rest[1:]
	}
}

// pairs is what the model servers counted.
func (w *walk) pairs() map[string]int {
	w.t.Helper()
	text := w.fetch("http://127.0.0.1:" + w.ports["7070"] + "/pairs")
	all := map[string]int{}
	for line := range strings.Lines(text) {
		name, n, _ := strings.Cut(strings.TrimSpace(line), " ")
		count, err := strconv.Atoi(n)
		if err != nil {
			w.t.Fatalf("%q is no count: %v", line, err)
		}
		all[name] = count
	}
	return all
}

// podsOf are the addresses of a version's pods.
func (w *walk) podsOf(version string) []string {
	w.t.Helper()
	var groups []struct{ Targets []string }
	if err := json.Unmarshal([]byte(w.read("examples/targets.json")), &groups); err != nil {
		w.t.Fatal(err)
	}
	var pods []string
	for _, addr := range groups[0].Targets {
		if strings.Contains(w.fetch("http://"+addr+"/metrics"), `model_ready{version="`+version+`"}`) {
			pods = append(pods, addr)
		}
	}
	if len(pods) == 0 {
		w.t.Fatalf("no pod of %s", version)
	}
	return pods
}

// predict asks each pod so often, past the router.
func (w *walk) predict(pods []string, times int) {
	w.t.Helper()
	for range times {
		for _, addr := range pods {
			resp, err := http.Post("http://"+addr+"/predict", "", nil)
			if err != nil {
				w.t.Fatal(err)
			}
			resp.Body.Close()
		}
	}
}

func (w *walk) fetch(url string) string {
	w.t.Helper()
	text, err := (&stack{t: w.t}).fetch(http.DefaultClient, url)
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

// put writes a key in Consul as a human would.
func (w *walk) put(key, value string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPut, "http://127.0.0.1:"+w.ports["8500"]+"/v1/kv/"+key, strings.NewReader(value))
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	resp.Body.Close()
}
